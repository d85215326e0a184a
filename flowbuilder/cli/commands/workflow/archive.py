"""`flowbuilder archive`: archive a workflow."""

from __future__ import annotations

import click

from flowbuilder.cli.context import open_app_without_engine
from flowbuilder.cli.output.result import CommandResult, ResultCommand


@click.command(cls=ResultCommand)
@click.argument("name")
def command(name: str) -> CommandResult:
    """Archive a workflow, so that no new executions start.

    Running executions continue, and its versions are kept.
    """
    open_app_without_engine().archive(name)
    return CommandResult(data={"workflow": name, "archived": True}, text=f"Archived {name}")
