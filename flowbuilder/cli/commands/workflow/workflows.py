"""`flowbuilder workflows`: the workflows of the store."""

from __future__ import annotations

import click

from flowbuilder.cli.context import reading_app
from flowbuilder.cli.output.json_records import workflow_record
from flowbuilder.cli.output.result import CommandResult, ResultCommand, wants_json


@click.command(cls=ResultCommand)
@click.option("--all", "everything", is_flag=True, help="Archived ones too.")
def command(everything: bool) -> CommandResult:
    """List the stored workflows."""
    found = reading_app().workflows(include_archived=everything)
    data = {"workflows": [workflow_record(item) for item in found]}
    if wants_json():
        return CommandResult(data=data)
    from flowbuilder.cli.output.console import table, when

    rows = [
        (item.name, _version(item.published), _version(item.draft), when(item.updated_at), item.title) for item in found
    ]
    empty = "no workflows yet; flowbuilder push FILE stores one"
    return CommandResult(data=data, text=table(("name", "published", "draft", "changed", "title"), rows, empty=empty))


def _version(number: int | None) -> str:
    return f"v{number}" if number else ""
