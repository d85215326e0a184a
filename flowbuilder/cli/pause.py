"""`flowbuilder pause`: ask an execution to stop at the next step boundary."""

from __future__ import annotations

import click

from flowbuilder.bootstrap import settings
from flowbuilder.terminal.answer import Answer, AnsweringCommand
from flowbuilder.terminal.application import reading_app
from flowbuilder.terminal.identity import as_option, identity
from flowbuilder.terminal.records import execution_record


@click.command(cls=AnsweringCommand)
@click.argument("execution_id", metavar="ID")
@as_option
def command(execution_id: str, who: str | None) -> Answer:
    """Ask an execution to stop at the next step boundary."""
    execution = reading_app().pause(execution_id, by=identity(who, settings()))
    text = f"{execution.id} stops at its next step boundary ({execution.status})"
    return Answer(data=execution_record(execution), text=text)
