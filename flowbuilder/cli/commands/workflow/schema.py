"""`flowbuilder schema`: print the JSON Schema of workflow files, for editors."""

from __future__ import annotations

import json

import click

from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.definition.schema_export import definition_schema


@click.command(cls=ResultCommand)
def command() -> CommandResult:
    """Print the JSON Schema of workflow files.

    It includes the step types of installed packages.
    """
    schema = definition_schema()
    return CommandResult(data=schema, text=json.dumps(schema, indent=2, ensure_ascii=False))
