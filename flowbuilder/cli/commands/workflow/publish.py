"""`flowbuilder publish`: publish a draft."""

from __future__ import annotations

import click

from flowbuilder.cli.context import open_app_without_engine
from flowbuilder.cli.output.json_records import version_record
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.definition.tool_pins import unpinned_tools
from flowbuilder.engine.stored_plans import definition_of


@click.command(cls=ResultCommand)
@click.argument("name")
@click.option("--version", "number", type=click.IntRange(min=1), help="The version to publish. Default: the newest.")
def command(name: str, number: int | None) -> CommandResult:
    """Publish a workflow's newest draft. Running executions keep the version that they started with."""
    version = open_app_without_engine().publish(name, number)
    text = f"Published {version.workflow} v{version.number}"
    if unpinned := unpinned_tools(definition_of(version)):
        text += (
            f"\nNot pinned: {', '.join(unpinned)}. The server may change what these tools do; to pin them, run "
            f"flowbuilder mcp pin {version.workflow}"
        )
    return CommandResult(data={**version_record(version), "unpinned": unpinned}, text=text)
