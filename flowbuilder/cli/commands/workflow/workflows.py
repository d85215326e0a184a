"""`flowbuilder workflows`: list the stored workflows."""

from __future__ import annotations

import click

from flowbuilder.cli.context import open_app_without_engine
from flowbuilder.cli.output.json_records import workflow_record
from flowbuilder.cli.output.result import CommandResult, ResultCommand, wants_json


@click.command(cls=ResultCommand)
@click.option("--all", "include_archived", is_flag=True, help="Include archived workflows.")
def command(include_archived: bool) -> CommandResult:
    """List the stored workflows."""
    found = open_app_without_engine().workflows(include_archived=include_archived)
    data = {"workflows": [workflow_record(item) for item in found]}
    if wants_json():
        return CommandResult(data=data)
    from flowbuilder.cli.output.console import table, when

    rows = [
        (item.name, _version(item.published), _version(item.draft), when(item.updated_at), item.title) for item in found
    ]
    empty = "No workflows yet. Store one with `flowbuilder push FILE`."
    return CommandResult(data=data, text=table(("Name", "Published", "Draft", "Changed", "Title"), rows, empty=empty))


def _version(number: int | None) -> str:
    return f"v{number}" if number else ""
