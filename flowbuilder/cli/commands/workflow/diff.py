"""`flowbuilder diff`: compare two versions of a workflow."""

from __future__ import annotations

import sys
from difflib import unified_diff

import click

from flowbuilder.cli.context import open_app_without_engine
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.definition.serialize import document_text


@click.command(cls=ResultCommand)
@click.argument("name")
@click.argument("first", type=click.IntRange(min=1))
@click.argument("second", type=click.IntRange(min=1))
def command(name: str, first: int, second: int) -> CommandResult:
    """Compare two versions of a workflow, line by line."""
    app = open_app_without_engine()
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
        other_language = before.document.get("language") != after.document.get("language")
        what = (
            "the version of the language differs" if other_language else "only the versions of called workflows differ"
        )
        note = "" if same else f"; {what}"
        return CommandResult(data=data, text=f"v{first} and v{second} have the same text{note}")
    if sys.stdout.isatty():
        from flowbuilder.cli.output.console import coloured_diff

        return CommandResult(data=data, text=coloured_diff(lines))
    return CommandResult(data=data, text="\n".join(lines))
