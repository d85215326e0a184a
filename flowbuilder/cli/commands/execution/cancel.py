"""`flowbuilder cancel`: end an execution: no step and no effect starts afterwards."""

from __future__ import annotations

import click

from flowbuilder.bootstrap import settings
from flowbuilder.cli.context import acting_app
from flowbuilder.cli.input.identity import as_option, identity
from flowbuilder.cli.output.json_records import execution_record
from flowbuilder.cli.output.result import CommandResult, ResultCommand


@click.command(cls=ResultCommand)
@click.argument("execution_id", metavar="ID")
@as_option
def command(execution_id: str, who: str | None) -> CommandResult:
    """End an execution: no step and no effect starts afterwards."""
    execution = acting_app().cancel(execution_id, by=identity(who, settings()))
    text = f"{execution.id} is being cancelled ({execution.status})"
    return CommandResult(data=execution_record(execution), text=text)
