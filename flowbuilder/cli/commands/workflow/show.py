"""`flowbuilder show`: show a stored version of a workflow."""

from __future__ import annotations

import click

from flowbuilder.cli.context import open_app_without_engine
from flowbuilder.cli.output.json_records import version_record
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.definition.loader import load
from flowbuilder.definition.serialize import document_text


@click.command(cls=ResultCommand)
@click.argument("name")
@click.option("--version", "number", type=click.IntRange(min=1), help="The version to show. Default: the newest.")
def command(name: str, number: int | None) -> CommandResult:
    """Show a version of a workflow.

    Prints its document and status, and lists all versions. Says where its texts have an older version of the language.
    """
    app = open_app_without_engine()
    version = app.latest_version(name) if number is None else app.version(name, number)
    others = [{"version": item.number, "status": item.status} for item in app.versions(name)]
    data = {**version_record(version, document=True), "source": version.source, "versions": others}
    line = ", ".join(f"v{item['version']} {item['status']}" for item in others)
    about = f"# {version.workflow} v{version.number} ({version.status}); all versions: {line}\n"
    definition, _ = load(version.document, stored=True)
    if definition is not None and definition.language < definition.needs_language:
        data["language"] = definition.language
        about += (
            f"# Its templates use filters as version {definition.language} of the language has them. "
            "Push it again to have the present ones\n"
        )
    text = about + document_text(version)
    return CommandResult(data=data, text=text)
