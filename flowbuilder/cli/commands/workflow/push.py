"""`flowbuilder push`: store a workflow file as a draft."""

from __future__ import annotations

from pathlib import Path

import click

from flowbuilder.bootstrap import settings
from flowbuilder.cli.context import identity, open_app_without_engine, user_option
from flowbuilder.cli.input.drafts import store_draft
from flowbuilder.cli.input.workflow_files import document_file
from flowbuilder.cli.output.json_records import version_record
from flowbuilder.cli.output.result import CommandResult, ResultCommand


@click.command(cls=ResultCommand)
@click.argument("file", type=document_file)
@user_option
def command(file: Path, user: str | None) -> CommandResult:
    """Store a workflow file as a draft.

    Called workflows that are not stored yet are stored as drafts too, from files in the same folder.
    """
    draft = store_draft(open_app_without_engine(), file, author=identity(user, settings()))
    version = draft.version
    also = "".join(f"\nStored {other.workflow} v{other.number}, which it calls" for other in draft.called)
    is_draft = version.status == "draft"
    name = f"{version.workflow} v{version.number}"
    text = (f"Stored {name} as a draft" if is_draft else f"Unchanged: {name} is {version.status}") + also
    if is_draft:
        text += f"\nNext: flowbuilder publish {version.workflow}"
    called = [version_record(other) for other in draft.called]
    return CommandResult(data={**version_record(version), "called": called}, text=text)
