"""`flowbuilder db`: migrate the database schema."""

from __future__ import annotations

import click

from flowbuilder.bootstrap import database_url, settings
from flowbuilder.cli.output.result import CommandResult, ResultCommand


@click.group()
def command() -> None:
    """Migrate the database schema, or show its revision."""


@command.command("upgrade", cls=ResultCommand)
def upgrade() -> CommandResult:
    """Migrate the schema to the newest revision."""
    from flowbuilder.store import current
    from flowbuilder.store import upgrade as migrate

    url = database_url(settings())
    before = current(url)
    migrate(url)
    after = current(url)
    upgraded = f"Upgraded the schema from {before or 'empty'} to {after}"
    text = f"The schema is up to date ({after})" if before == after else upgraded
    return CommandResult(data={"before": before, "current": after}, text=text)


@command.command("current", cls=ResultCommand)
def show() -> CommandResult:
    """Show the revision of the schema. Exits with 1 when it needs `db upgrade`."""
    from flowbuilder.store import current, newest

    revision, wanted = current(database_url(settings())), newest()
    up_to_date = revision == wanted
    text = f"{revision or 'No schema'}" + (
        " (up to date)" if up_to_date else f"; run `flowbuilder db upgrade` to get {wanted}"
    )
    return CommandResult(
        data={"current": revision, "newest": wanted, "up_to_date": up_to_date}, text=text, ok=up_to_date
    )
