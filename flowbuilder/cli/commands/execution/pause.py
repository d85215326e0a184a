"""`flowbuilder pause`: pause an execution before its next step."""

from __future__ import annotations

import click

from flowbuilder.bootstrap import settings
from flowbuilder.cli.context import identity, open_app_without_engine, user_option
from flowbuilder.cli.output.json_records import execution_record
from flowbuilder.cli.output.result import CommandResult, ResultCommand


@click.command(cls=ResultCommand)
@click.argument("execution_id", metavar="ID")
@user_option
def command(execution_id: str, user: str | None) -> CommandResult:
    """Pause an execution before its next step. Running steps finish first."""
    execution = open_app_without_engine().pause(execution_id, by=identity(user, settings()))
    done = execution.status == "paused"
    text = f"Paused {execution.id}" if done else f"Pausing {execution.id} before its next step ({execution.status})"
    return CommandResult(data=execution_record(execution), text=text)
