"""`flowbuilder restore`: restore the database from a backup."""

from __future__ import annotations

from pathlib import Path

import click

from flowbuilder.bootstrap import database_url, settings
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.diagnostics import count


@click.command(cls=ResultCommand)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Replace the existing database.")
def command(file: Path, replace: bool) -> CommandResult:
    """Restore the database from the backup in FILE. Stop all workers and review apps first.

    Executions that were active in the backup continue. A write that may have happened since the backup, on a target
    that does not deduplicate, needs a person's confirmation before it is repeated.
    """
    from flowbuilder.store.backup import restore

    active = restore(database_url(settings()), file.absolute(), replace=replace)
    text = (
        f"Restored the database from {file}. {count(active, 'active execution')} will continue.\n"
        "Next: flowbuilder audit"
    )
    return CommandResult(data={"file": str(file), "active": active}, text=text)
