"""`flowbuilder up`: everything for one machine, until Ctrl-C."""

from __future__ import annotations

import click

from flowbuilder.bootstrap import settings
from flowbuilder.cli.output.progress import addresses_record, addresses_table, tell
from flowbuilder.cli.output.result import CommandResult, ResultCommand, give, wants_json
from flowbuilder.devstack.probes import PREFECT_PORT, REVIEW_PORT
from flowbuilder.devstack.supervisor import Stopped
from flowbuilder.devstack.up import address, everything

port = click.IntRange(1, 65535)


@click.command(cls=ResultCommand)
@click.option("--prefect-port", type=port, default=PREFECT_PORT, show_default=True, help="Prefect's API and UI.")
@click.option("--review-port", type=port, default=REVIEW_PORT, show_default=True, help="The review app.")
def command(prefect_port: int, review_port: int) -> None:
    """Start Prefect's server, a worker and the review app; stop all of it on Ctrl-C.

    The store is the one that the settings name; an embedded one is made when it is missing. Sites are deployed from
    the folder FLOWBUILDER_SITES.
    """
    chosen = settings().model_copy(update={"review_url": address(review_port)})
    try:
        with everything(chosen, prefect_port=prefect_port, review_port=review_port, tell=tell) as machine:
            machine.start_worker()
            record = addresses_record(machine.addresses)
            give(CommandResult(data=record, text="" if wants_json() else addresses_table(machine.addresses)))
            machine.supervisor.watch()
    except Stopped:
        tell("stopped")
