"""`flowbuilder restore`: the database, made from a backup."""

from __future__ import annotations

from pathlib import Path

import click

from flowbuilder.bootstrap import database_url, settings
from flowbuilder.cli.output.result import CommandResult, ResultCommand


@click.command(cls=ResultCommand)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Put it in the place of the database that is there.")
def command(file: Path, replace: bool) -> CommandResult:
    """Make the database from the backup in FILE. Stop workers and review apps first.

    What was active goes on. An effect that may have been made since the backup, on a target that cannot tell a
    repetition, is confirmed by a person first.
    """
    from flowbuilder.store.backup import restore

    active = restore(database_url(settings()), file.absolute(), replace=replace)
    text = f"restored from {file}; {active} executions were active and go on; flowbuilder audit checks the rest"
    return CommandResult(data={"file": str(file), "active": active}, text=text)
