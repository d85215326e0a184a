"""`flowbuilder db`: the database's schema."""

from __future__ import annotations

import click

from flowbuilder.bootstrap import database_url, settings
from flowbuilder.cli.output.result import CommandResult, ResultCommand


@click.group()
def command() -> None:
    """Bring the database's schema up to date, or say how old it is."""


@command.command("upgrade", cls=ResultCommand)
def upgrade() -> CommandResult:
    """Bring the schema up to date; nothing to do is done too."""
    from flowbuilder.store import current
    from flowbuilder.store import upgrade as migrate

    url = database_url(settings())
    before = current(url)
    migrate(url)
    after = current(url)
    text = f"the schema is at {after}" if before == after else f"the schema went from {before or 'nothing'} to {after}"
    return CommandResult(data={"before": before, "current": after}, text=text)


@command.command("current", cls=ResultCommand)
def show() -> CommandResult:
    """Say which revision the schema has; exit code 1 when `db upgrade` has something to do."""
    from flowbuilder.store import current, newest

    revision, wanted = current(database_url(settings())), newest()
    up_to_date = revision == wanted
    text = f"{revision or 'no schema'}" + ("" if up_to_date else f"; flowbuilder db upgrade brings it to {wanted}")
    return CommandResult(
        data={"current": revision, "newest": wanted, "up_to_date": up_to_date}, text=text, ok=up_to_date
    )
