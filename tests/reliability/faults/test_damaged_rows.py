"""A row that is corrupt or was edited by hand pauses its own execution, is named, and stops no other execution."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from flowbuilder.app import App
from flowbuilder.engine.runner import run_execution
from flowbuilder.engine.start import create_execution
from flowbuilder.errors import Damaged
from flowbuilder.model.review_rules import Answer
from flowbuilder.ports import ExecutionFilter, ReviewFilter
from flowbuilder.settings import Settings
from flowbuilder.store import SqlStore, open_store
from flowbuilder.testing import FakeClock, fake_ports
from tests.support.faults.crash_scenario import TTL
from tests.support.faults.crash_workflows import PAGE, SITE, Scenario, approved, ask, publish, put, read
from tests.support.faults.deterministic_scheduling import deterministic_scheduling
from tests.support.faults.effect_targets import Service, Site
from tests.support.store_contract import make_ready

SCENARIO = Scenario(
    name="kept",
    steps=[
        read("one"),
        put("keyed", depends_on=["one"]),
        ask("first", depends_on=["keyed"]),
        ask("second", depends_on=["first"]),
        publish("out", approved("second")),
    ],
    outputs={"number": "{{ steps.one.output.body.number }}", "hash": "{{ steps.out.output.hash }}"},
    inputs={"pages": ["a"]},
)
RUN = "(SELECT id FROM workflow_executions WHERE flow_run_id = 'bad')"
ROWS = {
    "an output": ("step_outcomes", "output", f"execution_id = {RUN} AND path = 'one'"),
    "the inputs": ("execution_values", "inputs", f"execution_id = {RUN}"),
    "the site": ("execution_values", "site_record", f"execution_id = {RUN}"),
    "an approved text": ("review_decisions", "approved", f"execution_id = {RUN} AND path = 'first'"),
    "comments": ("review_decisions", "comments", f"execution_id = {RUN} AND path = 'first'"),
}
"""The damaged value: its table, its column, and the condition that selects the row."""


@dataclass
class DamageScenario:
    """Two executions, a worker, and a reviewer who approves."""

    store: SqlStore
    clock: FakeClock

    def start(self, run: str) -> None:
        version = self.store.latest_version("kept")
        inputs = dict(SCENARIO.inputs)
        create_execution(
            self.store, self.clock, execution_id=run, version=version, inputs=inputs, site=str(SITE["site"])
        )

    def work(self) -> None:
        """Run all executions that are ready."""
        ports = fake_ports(clock=self.clock, http=Service(), cms=Site({PAGE: "old"}))  # type: ignore[arg-type]
        for found in self.store.ready():
            with deterministic_scheduling():
                asyncio.run(run_execution(self.store, found.id, holder="w", ttl=TTL, ports=ports))

    def approve(self, path: str) -> None:
        for review in self.store.reviews(ReviewFilter()).reviews:
            if review.path == path:
                version, content = review.version, review.content_hash
                with contextlib.suppress(Damaged):
                    self.store.decide(
                        review.id,
                        Answer(kind="approved", by="ana@example.com", seen_version=version, seen_hash=content),
                    )

    def change(self, table: str, column: str, where: str, value: Any) -> Any:
        """Change a row with SQL, without the triggers; returns the value before."""
        sqlite = not self.store.database.on_postgres
        with self.store.database.engine.execution_options(flowbuilder_writes=True).begin() as connection:
            if sqlite:
                names = (
                    connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
                )
                for name in names:
                    connection.exec_driver_sql(f"DROP TRIGGER {name}")
            else:
                connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            before = connection.execute(text(f"SELECT {column} FROM {table} WHERE {where}")).scalar_one()
            connection.execute(text(f"UPDATE {table} SET {column} = :value WHERE {where}"), {"value": value})
            if not sqlite:
                connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        return before


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def scenario(request: pytest.FixtureRequest) -> Iterator[DamageScenario]:
    """Two executions that wait for their second review."""
    url, clock = request.getfixturevalue(f"{request.param}_url"), FakeClock()
    with contextlib.closing(open_store(url, clock=clock, durable=False)) as store:
        yield waiting(store, clock)


def waiting(store: SqlStore, clock: FakeClock) -> DamageScenario:
    scenario = DamageScenario(store, clock)
    store.save_site(str(SITE["site"]), SITE)
    App(store, None, Settings()).push(SCENARIO.document())  # type: ignore[arg-type]
    for run in ("bad", "good"):
        scenario.start(run)
    scenario.work()
    scenario.approve("first")
    scenario.work()
    return scenario


def quarantine_reason(scenario: DamageScenario) -> str:
    """Approve the second reviews and run both executions; returns why `bad` was quarantined. `good` has completed."""
    scenario.approve("second")
    make_ready(scenario.store, "bad")
    scenario.work()
    good, bad = scenario.store.execution("good"), scenario.store.execution("bad")
    assert (good.status, good.error) == ("completed", None)
    assert bad.status == "paused"
    assert bad.error is not None
    assert bad.error["code"] == "damaged"
    assert scenario.store.ready() == ()
    return str(bad.error["message"])


@pytest.mark.parametrize("what", ROWS)
def test_a_row_with_invalid_json_pauses_its_execution(what: str, scenario: DamageScenario) -> None:
    table, column, where = ROWS[what]
    scenario.change(table, column, where, '{"torn": [1, 2')
    message = quarantine_reason(scenario)
    assert table in message
    assert column in message
    assert {found.id for found in scenario.store.executions(ExecutionFilter())} == {"bad", "good"}


@pytest.mark.parametrize("what", ["an output", "the inputs", "an approved text"])
def test_a_changed_row_pauses_its_execution(what: str, scenario: DamageScenario) -> None:
    table, column, where = ROWS[what]
    scenario.change(table, column, where, '{"pages": ["another"]}')
    assert "changed since" in quarantine_reason(scenario)


@pytest.mark.parametrize("what", ROWS)
def test_an_execution_resumes_once_its_row_is_repaired(what: str, scenario: DamageScenario) -> None:
    table, column, where = ROWS[what]
    before = scenario.change(table, column, where, "]")
    quarantine_reason(scenario)
    scenario.store.request_control("bad", None, "ana@example.com")
    scenario.work()
    assert scenario.store.execution("bad").status == "paused"  # the row is still damaged
    scenario.change(table, column, where, before)
    scenario.store.request_control("bad", None, "ana@example.com")
    scenario.work()
    scenario.approve("second")
    scenario.work()
    bad, good = scenario.store.execution("bad"), scenario.store.execution("good")
    assert (bad.status, bad.error, bad.outputs) == ("completed", None, good.outputs)


@pytest.mark.parametrize(("bits", "said"), [("7BFF", "cannot be read"), ("22FF22", "changed since")])
def test_flipped_bits_that_are_not_utf8_pause_their_execution(bits: str, said: str, sqlite_url: str) -> None:
    clock = FakeClock()
    with contextlib.closing(open_store(sqlite_url, clock=clock, durable=False)) as store:
        scenario = waiting(store, clock)
        table, column, where = ROWS["an output"]
        scenario.change(table, column, where, "")
        with store.database.engine.execution_options(flowbuilder_writes=True).begin() as connection:
            connection.exec_driver_sql(f"UPDATE {table} SET {column} = CAST(X'{bits}' AS TEXT) WHERE {where}")
        assert said in quarantine_reason(scenario)


def test_an_unreadable_event_pauses_its_execution(scenario: DamageScenario) -> None:
    row = ("workflow_execution_events", "payload", f"execution_id = {RUN} AND seq = 3", "{")
    if scenario.store.database.on_postgres:
        with pytest.raises(DBAPIError, match="json"):  # the type of the column is json
            scenario.change(*row)
        return
    scenario.change(*row)
    assert "event 3" in quarantine_reason(scenario)


def test_an_unreadable_review_hides_no_other(scenario: DamageScenario) -> None:
    where = f"execution_id = {RUN} AND path = 'second'"
    before = scenario.change("workflow_review_queue", "request", where, "[")
    (other,) = scenario.store.reviews(ReviewFilter()).reviews
    assert other.execution_id == "good"
    assert "workflow_review_queue" in quarantine_reason(scenario)
    scenario.change("workflow_review_queue", "request", where, before)
    scenario.store.request_control("bad", None, "ana@example.com")
    scenario.work()
    scenario.approve("second")
    scenario.work()
    assert scenario.store.execution("bad").status == "completed"


def test_an_unreadable_version_pauses_its_executions_and_is_named(scenario: DamageScenario) -> None:
    scenario.change("workflow_versions", "document", "workflow_id = 'kept'", "{")
    for run in ("bad", "good"):
        make_ready(scenario.store, run)
    scenario.work()
    for run in ("bad", "good"):
        execution = scenario.store.execution(run)
        assert execution.status == "paused"
        assert "kept version 1" in str(execution.error)
