"""`flowbuilder up`: start the local stack, until Ctrl-C."""

from __future__ import annotations

import sys

import click

from flowbuilder.bootstrap import settings
from flowbuilder.cli.output.result import CommandResult, ResultCommand, print_result, wants_json
from flowbuilder.devstack.probes import PREFECT_PORT, REVIEW_PORT
from flowbuilder.devstack.runtime_state import RuntimeState
from flowbuilder.devstack.supervisor import Stopped
from flowbuilder.devstack.up import local_url, start_dev_stack

port = click.IntRange(1, 65535)


@click.command(cls=ResultCommand)
@click.option(
    "--prefect-port", type=port, default=PREFECT_PORT, show_default=True, help="Port of Prefect's API and UI."
)
@click.option("--review-port", type=port, default=REVIEW_PORT, show_default=True, help="Port of the review app.")
def command(prefect_port: int, review_port: int) -> None:
    """Start Prefect, a worker and the review app on this machine. Ctrl-C stops them.

    Uses the database that the settings name, and creates an embedded one if it is missing. Create Prefect deployments
    with `flowbuilder deploy`.
    """
    chosen = settings().model_copy(update={"review_url": local_url(review_port)})
    try:
        with start_dev_stack(
            chosen, prefect_port=prefect_port, review_port=review_port, on_progress=print_progress
        ) as stack:
            stack.start_worker()
            text = "" if wants_json() else f"{addresses_table(stack.addresses)}\n\n  Press Ctrl-C to stop."
            print_result(CommandResult(data=addresses_record(stack.addresses), text=text))
            stack.supervisor.watch()
    except Stopped:
        print_progress("Stopped")


def print_progress(message: str) -> None:
    """Print a line of progress: to stderr when stdout is JSON or no terminal."""
    click.echo(f"  {message}", err=wants_json() or not sys.stdout.isatty())


def addresses_record(addresses: RuntimeState) -> dict[str, str]:
    """The addresses of the stack as JSON."""
    record = {"review_app": addresses.review, "prefect": addresses.prefect, "prefect_api": addresses.prefect_api}
    return {**record, "site": addresses.site} if addresses.site else record


def addresses_table(addresses: RuntimeState) -> str:
    """The addresses of the stack as lines."""
    rows = [("Review app", addresses.review), ("Prefect", addresses.prefect)]
    if addresses.site:
        rows.append(("Sample site", addresses.site))
    return "\n".join(f"  {name:<12} {where}" for name, where in rows)
