"""`flowbuilder demo`: start the local stack with a sample site, and a refresh of it that waits for a review."""

from __future__ import annotations

import click

from flowbuilder.bootstrap import settings
from flowbuilder.cli.commands.local.up import addresses_record, addresses_table, port, print_progress
from flowbuilder.cli.output.result import CommandResult, ResultCommand, print_result, wants_json
from flowbuilder.devstack.demo import DemoRun, start_refresh
from flowbuilder.devstack.demo_data import prepare_demo
from flowbuilder.devstack.probes import HOST, PREFECT_PORT, REVIEW_PORT, SITE_PORT
from flowbuilder.devstack.supervisor import Stopped
from flowbuilder.devstack.up import DemoSite, local_url, start_dev_stack
from flowbuilder.settings import Settings


@click.command(cls=ResultCommand)
@click.option(
    "--prefect-port", type=port, default=PREFECT_PORT, show_default=True, help="Port of Prefect's API and UI."
)
@click.option("--review-port", type=port, default=REVIEW_PORT, show_default=True, help="Port of the review app.")
@click.option("--site-port", type=port, default=SITE_PORT, show_default=True, help="Port of the sample site.")
def command(prefect_port: int, review_port: int, site_port: int) -> None:
    """Start the local stack with a sample site and a review to try. Ctrl-C stops it.

    The sample site is copied to FLOWBUILDER_HOME, so publishing changes nothing else. No model key is needed: the draft
    is computed from the page and its search data.
    """
    chosen = _settings(site_port, review_port)
    folder = prepare_demo(chosen.home, address=local_url(site_port))
    site = DemoSite(content=folder / "content", port=site_port)
    try:
        with start_dev_stack(
            chosen, prefect_port=prefect_port, review_port=review_port, site=site, on_progress=print_progress
        ) as stack:
            run = start_refresh(stack, print_progress)
            data = {**addresses_record(stack.addresses), **run.record()}
            text = "" if wants_json() else _next_steps(addresses_table(stack.addresses), run)
            print_result(CommandResult(data=data, text=text))
            stack.supervisor.watch()
    except Stopped:
        print_progress("Stopped")


def _settings(site_port: int, review_port: int) -> Settings:
    """This process's settings, with the sample site as Search Console and as the only private address allowed."""
    options = settings()
    allowed = ",".join(part for part in (options.egress_allow, f"{HOST}:{site_port}") if part)
    return options.model_copy(
        update={
            "review_url": local_url(review_port),
            "sites": options.home / "demo" / "sites",
            "gsc_base_url": local_url(site_port),
            "egress_allow": allowed,
        }
    )


def _next_steps(addresses: str, run: DemoRun) -> str:
    return f"""
{addresses}

  1 review is waiting for you: {run.title}
    {run.review_url}

  Open it, read the proposed change and approve it. The worker then publishes the page:
    {run.page}

  Or use another terminal:
    flowbuilder reviews
    flowbuilder executions watch {run.execution_id}

  Press Ctrl-C to stop. The data stays in {run.home}.
"""
