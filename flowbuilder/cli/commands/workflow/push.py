"""`flowbuilder push`: store a workflow file as a draft."""

from __future__ import annotations

from pathlib import Path

import click

from flowbuilder.bootstrap import settings
from flowbuilder.cli.context import reading_app
from flowbuilder.cli.input.drafts import store_draft
from flowbuilder.cli.input.identity import as_option, identity
from flowbuilder.cli.input.workflow_files import document_file
from flowbuilder.cli.output.json_records import version_record
from flowbuilder.cli.output.result import CommandResult, ResultCommand


@click.command(cls=ResultCommand)
@click.argument("file", type=document_file)
@as_option
def command(file: Path, who: str | None) -> CommandResult:
    """Store a workflow file as its workflow's draft.

    Called workflows that the store does not have are taken from beside the file, as drafts of their own.
    """
    draft = store_draft(reading_app(), file, author=identity(who, settings()))
    version = draft.version
    also = "".join(f"\nalso pushed {other.workflow} v{other.number}, which it calls" for other in draft.called)
    text = f"{version.workflow} v{version.number} is {_article(version.status)}{also}"
    if version.status == "draft":
        text += f"\nnext: flowbuilder publish {version.workflow}"
    called = [version_record(other) for other in draft.called]
    return CommandResult(data={**version_record(version), "called": called}, text=text)


def _article(status: str) -> str:
    return "a draft" if status == "draft" else f"{status}, unchanged"
