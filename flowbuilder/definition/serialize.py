"""A stored workflow version -> the text of its document."""

from __future__ import annotations

from flowbuilder.model.execution import WorkflowVersion


def document_text(version: WorkflowVersion) -> str:
    """The text that the author pushed; for a version that was pushed as data, its document as YAML."""
    if version.source:
        return version.source
    import yaml

    text: str = yaml.safe_dump(version.document, sort_keys=False, allow_unicode=True, width=100)
    return text
