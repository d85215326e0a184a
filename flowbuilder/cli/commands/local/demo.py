"""`flowbuilder demo`: everything, and a refresh of a sample site that waits for a decision."""

from __future__ import annotations

import click

from flowbuilder.bootstrap import settings
from flowbuilder.cli.commands.local.up import port
from flowbuilder.cli.output.progress import addresses_record, addresses_table, tell
from flowbuilder.cli.output.result import CommandResult, ResultCommand, give, wants_json
from flowbuilder.devstack.demo import DemoRun, start_refresh
from flowbuilder.devstack.demo_data import prepare_demo
from flowbuilder.devstack.probes import HOST, PREFECT_PORT, REVIEW_PORT, SITE_PORT
from flowbuilder.devstack.supervisor import Stopped
from flowbuilder.devstack.up import Site, address, everything
from flowbuilder.settings import Settings


@click.command(cls=ResultCommand)
@click.option("--prefect-port", type=port, default=PREFECT_PORT, show_default=True, help="Prefect's API and UI.")
@click.option("--review-port", type=port, default=REVIEW_PORT, show_default=True, help="The review app.")
@click.option("--site-port", type=port, default=SITE_PORT, show_default=True, help="The sample site.")
def command(prefect_port: int, review_port: int, site_port: int) -> None:
    """Start everything, a sample site and its refresh; a review then waits in the browser. Ctrl-C stops all of it.

    The sample site is a copy below FLOWBUILDER_HOME, so publishing changes nothing else. Without a model's key the
    drafts come from a deterministic analysis of the real page and the real rows.
    """
    chosen = _settings(site_port, review_port)
    folder = prepare_demo(chosen.home, address=address(site_port))
    site = Site(content=folder / "content", port=site_port)
    try:
        with everything(chosen, prefect_port=prefect_port, review_port=review_port, site=site, tell=tell) as machine:
            run = start_refresh(machine, tell)
            record = {**addresses_record(machine.addresses), **run.record()}
            give(
                CommandResult(
                    data=record, text="" if wants_json() else _what_next(addresses_table(machine.addresses), run)
                )
            )
            machine.supervisor.watch()
    except Stopped:
        tell("stopped")


def _settings(site_port: int, review_port: int) -> Settings:
    """This process's settings, with the sample site as the only private address and as Search Console."""
    options = settings()
    allowed = ",".join(part for part in (options.egress_allow, f"{HOST}:{site_port}") if part)
    return options.model_copy(
        update={
            "review_url": address(review_port),
            "sites": options.home / "demo" / "sites",
            "gsc_base_url": address(site_port),
            "egress_allow": allowed,
        }
    )


def _what_next(addresses: str, run: DemoRun) -> str:
    return f"""
{addresses}

  A review waits for you:
    {run.review_url}

  {run.title}
  Read the change there, and approve it. The page is then published and fetched again:
    {run.page}

  The same from another terminal:
    flowbuilder reviews
    flowbuilder executions watch {run.execution_id}

  Ctrl-C stops everything; the data stays in {run.home}.
"""
