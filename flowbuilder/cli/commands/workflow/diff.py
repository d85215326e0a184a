"""`flowbuilder diff`: what changed between two versions."""

from __future__ import annotations

import sys
from difflib import unified_diff

import click

from flowbuilder.cli.context import reading_app
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.definition.serialize import document_text


@click.command(cls=ResultCommand)
@click.argument("name")
@click.argument("first", type=click.IntRange(min=1))
@click.argument("second", type=click.IntRange(min=1))
def command(name: str, first: int, second: int) -> CommandResult:
    """Show what changed between two versions of a workflow, line by line."""
    app = reading_app()
    before, after = app.version(name, first), app.version(name, second)
    lines = list(
        unified_diff(
            document_text(before).splitlines(),
            document_text(after).splitlines(),
            f"{name} v{first} ({before.status})",
            f"{name} v{second} ({after.status})",
            lineterm="",
        )
    )
    same = before.digest == after.digest
    data = {"workflow": name, "from": first, "to": second, "same": same, "diff": "\n".join(lines)}
    if not lines:
        note = "the same text" if same else "the same text; only the versions of called workflows differ"
        return CommandResult(data=data, text=f"v{first} and v{second} have {note}")
    if sys.stdout.isatty():
        from flowbuilder.cli.output.diff import coloured

        return CommandResult(data=data, text=coloured(lines))
    return CommandResult(data=data, text="\n".join(lines))
