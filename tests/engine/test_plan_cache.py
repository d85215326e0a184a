"""The plan that `push` compiled is the plan that a start uses, and never another one."""

from __future__ import annotations

import pytest

from flowbuilder.app import App
from flowbuilder.engine import stored_plans
from flowbuilder.engine.in_process import LocalRunner
from flowbuilder.errors import DefinitionError
from flowbuilder.settings import Settings
from flowbuilder.testing import MemoryStore, fake_ports

CALLEE = {
    "schema": "flowbuilder/v1",
    "name": "callee",
    "title": "Callee",
    "steps": [{"id": "ask", "type": "human_review", "title": "ok?"}],
}
CALLER = {
    "schema": "flowbuilder/v1",
    "name": "caller",
    "title": "Caller",
    "steps": [{"id": "call", "type": "workflow", "name": "callee"}],
}


@pytest.fixture
def app() -> App:
    store = MemoryStore()
    runner = LocalRunner(store, fake_ports())
    return App(store, runner, Settings(), plans=runner.plans)


def test_a_start_after_a_push_neither_loads_nor_compiles_the_stored_document(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = app.push(CALLEE)
    anew = stored_plans.PlanCache(app.store).plan_of(version)

    def not_again(*_: object, **__: object) -> object:
        raise AssertionError("compiled again")

    monkeypatch.setattr(stored_plans, "recompile", not_again)
    monkeypatch.setattr(stored_plans, "load", not_again)
    execution = app.execution(app.start("callee", {}, version=version.number))
    assert (execution.digest, execution.inputs) == (anew.digest, {})
    assert app.plan(version).digest == anew.digest


def test_a_version_with_calls_that_push_has_pinned_has_the_plan_of_the_pinned_document(app: App) -> None:
    app.publish(app.push(CALLEE).workflow)
    version = app.push(CALLER)
    assert version.document["steps"][0]["version"] == 1
    anew = stored_plans.PlanCache(app.store).plan_of(version)
    assert app.plan(version).digest == anew.digest
    pinned = app.push({**CALLER, "title": "Pinned", "steps": [{**CALLER["steps"][0], "version": 1}]})  # type: ignore[dict-item]
    assert app.plan(pinned).digest == stored_plans.PlanCache(app.store).plan_of(pinned).digest


def test_an_archived_workflow_is_called_only_by_those_that_called_it_before(app: App) -> None:
    app.publish(app.push(CALLEE).workflow)
    version = app.publish(app.push(CALLER).workflow)
    app.archive("callee")
    assert stored_plans.PlanCache(app.store).plan_of(version).name == "caller"
    assert app.start("caller", {})
    with pytest.raises(DefinitionError, match="the workflow callee is archived") as caught:
        app.push({**CALLER, "name": "new-caller"})
    assert [item.code for item in caught.value.report.errors] == ["FB110"]
    with pytest.raises(DefinitionError, match="archived"):
        app.push({**CALLER, "steps": [{**CALLER["steps"][0], "version": 1}]})  # type: ignore[dict-item]
    app.push({**CALLEE, "title": "Back again"})
    assert app.push({**CALLER, "name": "new-caller"}).document["steps"][0]["version"] == 2
