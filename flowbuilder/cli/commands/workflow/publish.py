"""`flowbuilder publish`: make a draft the version that runs."""

from __future__ import annotations

import click

from flowbuilder.cli.context import reading_app
from flowbuilder.cli.output.json_records import version_record
from flowbuilder.cli.output.result import CommandResult, ResultCommand


@click.command(cls=ResultCommand)
@click.argument("name")
@click.option("--version", "number", type=click.IntRange(min=1), help="Which draft; default: the newest version.")
def command(name: str, number: int | None) -> CommandResult:
    """Publish a workflow's newest draft. Executions that run keep the version that they began with."""
    version = reading_app().publish(name, number)
    return CommandResult(data=version_record(version), text=f"{version.workflow} v{version.number} is published")
