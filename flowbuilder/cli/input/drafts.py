"""Drafts from files: a workflow, and those beside it that it calls and the store does not have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flowbuilder.app import App
from flowbuilder.cli.input.workflow_files import file_beside, read_text
from flowbuilder.definition.loader import load
from flowbuilder.errors import DefinitionError, NotFound
from flowbuilder.model.execution import WorkflowVersion
from flowbuilder.steps.builtin.workflow import Workflow


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What was stored: the version of the file, and those of the workflows that had to come with it."""

    version: WorkflowVersion
    called: tuple[WorkflowVersion, ...] = ()


def store_draft(app: App, file: Path, *, author: str) -> Draft:
    """Store a file as its workflow's draft; `DefinitionError` when it, or one that it calls, has errors."""
    called: list[WorkflowVersion] = []
    version = _store(app, file, author, called, ())
    return Draft(version=version, called=tuple(called))


def _store(app: App, file: Path, author: str, called: list[WorkflowVersion], above: tuple[str, ...]) -> WorkflowVersion:
    source = read_text(file)
    definition, report = load(source)
    if definition is None:
        raise DefinitionError(report)
    for name in dict.fromkeys(step.name for _, step in definition.all_steps() if isinstance(step, Workflow)):
        beside = file_beside(file, name)
        # a workflow that calls itself, in however many turns, is the check's business
        if beside is not None and name not in above and not _stored(app, name):
            called.append(_store(app, beside, author, called, (*above, definition.name)))
    return app.push(source, author=author)


def _stored(app: App, name: str) -> bool:
    try:
        app.latest_version(name)
    except NotFound:
        return False
    return True
