"""Stores files before they are used: a workflow with the ones it calls as drafts, and a site."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flowbuilder.app import App
from flowbuilder.cli.input.workflow_files import read_text, sibling_file
from flowbuilder.definition.loader import load
from flowbuilder.definition.site_folder import site_records
from flowbuilder.errors import DefinitionError, NotFound
from flowbuilder.model.execution import WorkflowVersion
from flowbuilder.settings import Settings
from flowbuilder.steps.builtin.workflow import Workflow


@dataclass(frozen=True, kw_only=True)
class Draft:
    """The stored version of a file, and the stored versions of workflows that it calls."""

    version: WorkflowVersion
    called: tuple[WorkflowVersion, ...] = ()


def store_draft(app: App, file: Path, *, author: str) -> Draft:
    """Store a workflow file as a draft. Called workflows that the store lacks are stored from the same folder.

    Raises `DefinitionError` when one of the files has errors.
    """
    called: list[WorkflowVersion] = []
    version = _store(app, file, author, called, ())
    return Draft(version=version, called=tuple(called))


def save_site(app: App, name: str, options: Settings) -> None:
    """Store the site file of this name. A site without a file must be in the store already, else `NotFound`."""
    try:
        records = site_records(options.sites, (name,))
    except NotFound:
        try:
            app.site(name)
        except NotFound:
            pass
        else:
            return
        raise
    for record in records:
        app.store.save_site(name, record)


def _store(
    app: App, file: Path, author: str, called: list[WorkflowVersion], callers: tuple[str, ...]
) -> WorkflowVersion:
    source = read_text(file)
    definition, report = load(source, folder=file.parent)
    if definition is None:
        raise DefinitionError(report)
    for name in dict.fromkeys(step.name for _, step in definition.all_steps() if isinstance(step, Workflow)):
        sibling = sibling_file(file, name)
        # a workflow that calls itself, directly or not, is reported by the check in app.push
        if sibling is not None and name not in callers and not _is_stored(app, name):
            called.append(_store(app, sibling, author, called, (*callers, definition.name)))
    return app.push(source, author=author, folder=file.parent)


def _is_stored(app: App, name: str) -> bool:
    try:
        app.latest_version(name)
    except NotFound:
        return False
    return True
