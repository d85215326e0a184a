"""`flowbuilder show`: a stored version as its author wrote it."""

from __future__ import annotations

import click

from flowbuilder.cli.context import reading_app
from flowbuilder.cli.output.json_records import version_record
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.definition.serialize import document_text


@click.command(cls=ResultCommand)
@click.argument("name")
@click.option("--version", "number", type=click.IntRange(min=1), help="Default: the newest version.")
def command(name: str, number: int | None) -> CommandResult:
    """Show a workflow's document, its status and its other versions."""
    app = reading_app()
    version = app.latest_version(name) if number is None else app.version(name, number)
    others = [{"version": item.number, "status": item.status} for item in app.versions(name)]
    data = {**version_record(version, document=True), "source": version.source, "versions": others}
    line = ", ".join(f"v{item['version']} {item['status']}" for item in others)
    text = f"# {version.workflow} v{version.number} ({version.status}); all versions: {line}\n{document_text(version)}"
    return CommandResult(data=data, text=text)
