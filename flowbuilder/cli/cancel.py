"""`flowbuilder cancel`: end an execution: no step and no effect starts afterwards."""

from __future__ import annotations

import click

from flowbuilder.bootstrap import settings
from flowbuilder.terminal.answer import Answer, AnsweringCommand
from flowbuilder.terminal.application import acting_app
from flowbuilder.terminal.identity import as_option, identity
from flowbuilder.terminal.records import execution_record


@click.command(cls=AnsweringCommand)
@click.argument("execution_id", metavar="ID")
@as_option
def command(execution_id: str, who: str | None) -> Answer:
    """End an execution: no step and no effect starts afterwards."""
    execution = acting_app().cancel(execution_id, by=identity(who, settings()))
    text = f"{execution.id} is being cancelled ({execution.status})"
    return Answer(data=execution_record(execution), text=text)
