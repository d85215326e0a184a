"""`flowbuilder archive`: take a workflow out of use."""

from __future__ import annotations

import click

from flowbuilder.terminal.answer import Answer, AnsweringCommand
from flowbuilder.terminal.application import reading_app


@click.command(cls=AnsweringCommand)
@click.argument("name")
def command(name: str) -> Answer:
    """Take a workflow out of use. Its executions go on, its versions stay."""
    reading_app().archive(name)
    return Answer(data={"workflow": name, "archived": True}, text=f"{name} is archived")
