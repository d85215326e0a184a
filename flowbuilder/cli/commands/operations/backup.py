"""`flowbuilder backup`: copy the database to a file."""

from __future__ import annotations

from pathlib import Path

import click

from flowbuilder.bootstrap import database_url, settings
from flowbuilder.cli.output.result import CommandResult, ResultCommand


@click.command(cls=ResultCommand)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def command(file: Path) -> CommandResult:
    """Back up the database to FILE. Workers can keep running. PostgreSQL needs pg_dump."""
    from flowbuilder.store.backup import backup

    backup(database_url(settings()), file.absolute())
    size = file.stat().st_size
    return CommandResult(
        data={"file": str(file), "bytes": size}, text=f"Backed up the database to {file} ({size:,} bytes)"
    )
