"""The stored form of a definition: its document with every called version pinned; and the text of a stored document."""

from __future__ import annotations

from typing import Any

from flowbuilder import ports
from flowbuilder.definition.document import Definition
from flowbuilder.errors import NotFound
from flowbuilder.model.execution import WorkflowVersion
from flowbuilder.steps.builtin.workflow import Workflow
from flowbuilder.values import JsonObject, Place, ensure_json


def pin_versions(definition: Definition, store: ports.Store) -> JsonObject:
    """The document with a `version` in each `workflow` step: by default the published one, else the newest draft.

    Raises `NotFound` for a workflow that has no version at all.
    """
    document: Any = ensure_json(definition.document)
    for place, step in definition.all_steps():
        if isinstance(step, Workflow) and step.version is None:
            _record_at(document, place)["version"] = _current_version(step.name, store)
    pinned: JsonObject = document
    return pinned


def document_text(version: WorkflowVersion) -> str:
    """The text that the author pushed; for a version that was pushed as data, its document as YAML."""
    if version.source:
        return version.source
    import yaml

    text: str = yaml.safe_dump(version.document, sort_keys=False, allow_unicode=True, width=100)
    return text


def _current_version(name: str, store: ports.Store) -> int:
    try:
        return store.version(name).number
    except NotFound:
        return store.latest_version(name).number


def _record_at(document: JsonObject, place: Place) -> JsonObject:
    record: Any = document
    for part in place:
        record = record[part]
    found: JsonObject = record
    return found
