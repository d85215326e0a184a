from datetime import UTC, datetime
from typing import Any

import pytest

from flowbuilder.definition.loader import load
from flowbuilder.definition.serialize import document_text, pin_versions
from flowbuilder.errors import NotFound
from flowbuilder.model.execution import WorkflowVersion
from flowbuilder.testing.memory_store import MemoryStore


def call(step_id: str, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "type": "workflow", "name": "callee", **more}


def document(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"schema": "flowbuilder/v1", "name": "caller", "steps": list(steps)}


def store_with(*, drafts: int, published: int | None = None) -> MemoryStore:
    store = MemoryStore()
    for number in range(drafts):
        store.save_version(
            name="callee", title="", document={"title": str(number)}, source="", digest=str(number), author=""
        )
    if published is not None:
        store.publish("callee", published)
    return store


def pinned(store: MemoryStore, *steps: dict[str, Any]) -> list[Any]:
    definition, _ = load(document(*steps))
    assert definition is not None
    before = repr(definition.document)
    result: list[Any] = pin_versions(definition, store)["steps"]
    assert repr(definition.document) == before
    return result


def test_a_call_is_pinned_to_the_published_version_or_else_the_newest_draft() -> None:
    assert pinned(store_with(drafts=3, published=2), call("a"))[0]["version"] == 2
    assert pinned(store_with(drafts=3), call("a", version=None))[0]["version"] == 3
    with pytest.raises(NotFound):
        pinned(MemoryStore(), call("a"))


def test_a_version_that_the_author_named_is_kept() -> None:
    assert pinned(store_with(drafts=3, published=2), call("a", version=1))[0]["version"] == 1


def test_calls_inside_branches_and_iterations_are_pinned() -> None:
    choice = {
        "id": "choice",
        "type": "conditional",
        "branches": [{"when": "true", "steps": [call("a")]}],
        "else": {"steps": [{"id": "each", "type": "iteration", "over": "[1]", "steps": [call("b")]}]},
    }
    (step,) = pinned(store_with(drafts=1), choice)
    assert step["branches"][0]["steps"][0]["version"] == 1
    assert step["else"]["steps"][0]["steps"][0]["version"] == 1


def test_a_version_that_was_pushed_as_data_is_shown_as_yaml() -> None:
    version = WorkflowVersion(
        workflow="caller",
        number=1,
        status="draft",
        title="",
        source="",
        document={"name": "caller", "steps": []},
        digest="d",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert document_text(version) == "name: caller\nsteps: []\n"
