"""`flowbuilder archive`: take a workflow out of use."""

from __future__ import annotations

import click

from flowbuilder.cli.context import reading_app
from flowbuilder.cli.output.result import CommandResult, ResultCommand


@click.command(cls=ResultCommand)
@click.argument("name")
def command(name: str) -> CommandResult:
    """Take a workflow out of use. Its executions go on, its versions stay."""
    reading_app().archive(name)
    return CommandResult(data={"workflow": name, "archived": True}, text=f"{name} is archived")
