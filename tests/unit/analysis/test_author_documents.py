"""Plausible documents of authors are checked without a complaint: false alarms count as much as holes."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from flowbuilder.analysis.linter import check
from flowbuilder.definition.document import Definition
from flowbuilder.definition.loader import load
from flowbuilder.errors import NotFound
from flowbuilder.plan.compiler import compile_plan

FOLDER = Path(__file__).parents[2] / "cases/authors"
DOCUMENTS: dict[str, dict[str, Any]] = {
    document["name"]: {"schema": "flowbuilder/v1", **document}
    for path in sorted(FOLDER.glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text("utf-8"))
}


def stored(name: str, version: int | None) -> Definition:
    definition = load(DOCUMENTS[name])[0] if name in DOCUMENTS else None
    if definition is None:
        raise NotFound(f"there is no workflow {name}")
    return definition


def test_a_call_that_cannot_be_looked_up_is_named() -> None:
    steps = [{"id": "call", "type": "workflow", "name": "other"}]
    definition, _ = load({"schema": "flowbuilder/v1", "name": "alone", "steps": steps})
    assert definition is not None
    with pytest.raises(NotFound, match="step call calls the workflow other"):
        compile_plan(definition)


@pytest.mark.parametrize(
    "step",
    [
        {"type": "guard", "base": "a", "proposal": "b", "rules": "{{ inputs.rules }}"},
        {"type": "llm", "model": "openai:x", "connection": "c", "prompt": "p", "fallback": {"a": "{{ inputs.rules }}"}},
        {"type": "llm", "model": "openai:x", "prompt": "half \ud800"},
    ],
)
def test_odd_values_stop_no_check(step: dict[str, Any]) -> None:
    inputs = {"rules": {"type": "object", "default": {}}}
    outputs = {"a": "{{ steps.odd.output }}", "b": "{{ inputs.rules }}"}
    steps = [{"id": "odd", **step}]
    definition, _ = load(
        {"schema": "flowbuilder/v1", "name": "odd", "inputs": inputs, "steps": steps, "outputs": outputs}
    )
    assert definition is not None
    assert check(definition).ok


def test_there_are_sixty_documents() -> None:
    assert len(DOCUMENTS) >= 60


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_plausible_document_has_no_complaint(name: str) -> None:
    definition, report = load(DOCUMENTS[name])
    assert definition is not None
    report = check(definition, workflows=stored)
    assert [f"{item.code} {item.pointer} {item.message}" for item in report] == []
    assert compile_plan(definition, workflows=stored).digest
