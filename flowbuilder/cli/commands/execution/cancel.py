"""`flowbuilder cancel`: cancel an execution."""

from __future__ import annotations

import click

from flowbuilder.bootstrap import settings
from flowbuilder.cli.context import identity, open_app_with_prefect, user_option
from flowbuilder.cli.output.json_records import execution_record
from flowbuilder.cli.output.result import CommandResult, ResultCommand


@click.command(cls=ResultCommand)
@click.argument("execution_id", metavar="ID")
@user_option
def command(execution_id: str, user: str | None) -> CommandResult:
    """Cancel an execution. No further step or write starts."""
    execution = open_app_with_prefect().cancel(execution_id, by=identity(user, settings()))
    done = execution.status == "cancelled"
    text = f"Cancelled {execution.id}" if done else f"Cancelling {execution.id} ({execution.status})"
    return CommandResult(data=execution_record(execution), text=text)
