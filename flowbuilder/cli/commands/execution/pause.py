"""`flowbuilder pause`: ask an execution to stop at the next step boundary."""

from __future__ import annotations

import click

from flowbuilder.bootstrap import settings
from flowbuilder.cli.context import reading_app
from flowbuilder.cli.input.identity import as_option, identity
from flowbuilder.cli.output.json_records import execution_record
from flowbuilder.cli.output.result import CommandResult, ResultCommand


@click.command(cls=ResultCommand)
@click.argument("execution_id", metavar="ID")
@as_option
def command(execution_id: str, who: str | None) -> CommandResult:
    """Ask an execution to stop at the next step boundary."""
    execution = reading_app().pause(execution_id, by=identity(who, settings()))
    text = f"{execution.id} stops at its next step boundary ({execution.status})"
    return CommandResult(data=execution_record(execution), text=text)
