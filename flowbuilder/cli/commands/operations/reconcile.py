"""`flowbuilder reconcile`: run one pass of the reconciler."""

from __future__ import annotations

import click

from flowbuilder.bootstrap import open_store, settings
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.devstack.runtime_state import use_running_prefect
from flowbuilder.diagnostics import count


@click.command(cls=ResultCommand)
def command() -> CommandResult:
    """Run one pass of the reconciler. Workers run it all the time.

    It wakes executions that can continue, expires reviews, and corrects the states that Prefect shows.
    """
    options = settings()
    use_running_prefect(options.home)
    from flowbuilder.prefect.worker.main import reconcile

    result = reconcile(open_store(options), options)
    data = {
        "expired": result.expired,
        "woken": result.woken,
        "cancelled": result.cancelled,
        "corrected": result.corrected,
    }
    lines = [
        f"{count(result.expired, 'review')} expired",
        *(f"woken      {execution_id}" for execution_id in result.woken),
        *(f"cancelled  {execution_id}" for execution_id in result.cancelled),
        *(f"corrected  {execution_id}" for execution_id in result.corrected),
    ]
    return CommandResult(data=data, text="\n".join(lines))
