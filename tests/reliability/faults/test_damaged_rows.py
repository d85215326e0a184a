"""Row 20: a row with flipped bits, or changed by hand, holds its own execution, is named, and stops no other."""

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
from tests.support.crash_scenario import TTL
from tests.support.crash_workflows import PAGE, SITE, Scenario, approved, ask, publish, put, read
from tests.support.deterministic_scheduling import deterministic_scheduling
from tests.support.effect_targets import Service, Site
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
"""What is damaged: the table, the column, and where."""


@dataclass
class Office:
    """A worker, and a person who approves."""

    store: SqlStore
    clock: FakeClock

    def start(self, run: str) -> None:
        version = self.store.latest_version("kept")
        inputs = dict(SCENARIO.inputs)
        create_execution(
            self.store, self.clock, execution_id=run, version=version, inputs=inputs, site=str(SITE["site"])
        )

    def work(self) -> None:
        """Take up everything that is ready, as a reconciler offers it."""
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
        """Change a row behind everyone's back; returns what was there."""
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
def office(request: pytest.FixtureRequest) -> Iterator[Office]:
    """Two executions that wait for their second review."""
    url, clock = request.getfixturevalue(f"{request.param}_url"), FakeClock()
    with contextlib.closing(open_store(url, clock=clock, durable=False)) as store:
        yield waiting(store, clock)


def waiting(store: SqlStore, clock: FakeClock) -> Office:
    office = Office(store, clock)
    store.save_site(str(SITE["site"]), SITE)
    App(store, None, Settings()).push(SCENARIO.document())  # type: ignore[arg-type]
    for run in ("bad", "good"):
        office.start(run)
    office.work()
    office.approve("first")
    office.work()
    return office


def held(office: Office) -> str:
    """Go on after the second review; why the one with the damaged row was set aside. The other one has ended."""
    office.approve("second")
    make_ready(office.store, "bad")
    office.work()
    good, bad = office.store.execution("good"), office.store.execution("bad")
    assert (good.status, good.error) == ("completed", None)
    assert bad.status == "paused"
    assert bad.error is not None
    assert bad.error["code"] == "damaged"
    assert office.store.ready() == ()
    return str(bad.error["message"])


@pytest.mark.parametrize("what", ROWS)
def test_a_row_that_is_no_json_any_more_holds_its_execution(what: str, office: Office) -> None:
    table, column, where = ROWS[what]
    office.change(table, column, where, '{"torn": [1, 2')
    message = held(office)
    assert table in message
    assert column in message
    assert {found.id for found in office.store.executions(ExecutionFilter())} == {"bad", "good"}


@pytest.mark.parametrize("what", ["an output", "the inputs", "an approved text"])
def test_a_row_that_somebody_has_changed_holds_its_execution(what: str, office: Office) -> None:
    table, column, where = ROWS[what]
    office.change(table, column, where, '{"pages": ["another"]}')
    assert "changed since" in held(office)


@pytest.mark.parametrize("what", ROWS)
def test_once_the_row_is_repaired_it_goes_on(what: str, office: Office) -> None:
    table, column, where = ROWS[what]
    before = office.change(table, column, where, "]")
    held(office)
    office.store.request_control("bad", None, "ana@example.com")
    office.work()
    assert office.store.execution("bad").status == "paused"  # it still is
    office.change(table, column, where, before)
    office.store.request_control("bad", None, "ana@example.com")
    office.work()
    office.approve("second")
    office.work()
    bad, good = office.store.execution("bad"), office.store.execution("good")
    assert (bad.status, bad.error, bad.outputs) == ("completed", None, good.outputs)


@pytest.mark.parametrize(("bits", "said"), [("7BFF", "cannot be read"), ("22FF22", "changed since")])
def test_flipped_bits_that_are_no_text_hold_its_execution(bits: str, said: str, sqlite_url: str) -> None:
    clock = FakeClock()
    with contextlib.closing(open_store(sqlite_url, clock=clock, durable=False)) as store:
        office = waiting(store, clock)
        table, column, where = ROWS["an output"]
        office.change(table, column, where, "")
        with store.database.engine.execution_options(flowbuilder_writes=True).begin() as connection:
            connection.exec_driver_sql(f"UPDATE {table} SET {column} = CAST(X'{bits}' AS TEXT) WHERE {where}")
        assert said in held(office)


def test_an_event_that_cannot_be_read_holds_its_execution(office: Office) -> None:
    row = ("workflow_execution_events", "payload", f"execution_id = {RUN} AND seq = 3", "{")
    if office.store.database.on_postgres:
        with pytest.raises(DBAPIError, match="json"):  # there it is a column that takes nothing else
            office.change(*row)
        return
    office.change(*row)
    assert "event 3" in held(office)


def test_a_review_that_cannot_be_read_hides_no_other(office: Office) -> None:
    where = f"execution_id = {RUN} AND path = 'second'"
    before = office.change("workflow_review_queue", "request", where, "[")
    (other,) = office.store.reviews(ReviewFilter()).reviews
    assert other.execution_id == "good"
    assert "workflow_review_queue" in held(office)
    office.change("workflow_review_queue", "request", where, before)
    office.store.request_control("bad", None, "ana@example.com")
    office.work()
    office.approve("second")
    office.work()
    assert office.store.execution("bad").status == "completed"


def test_a_version_that_cannot_be_read_holds_its_executions_and_says_which_it_is(office: Office) -> None:
    office.change("workflow_versions", "document", "workflow_id = 'kept'", "{")
    for run in ("bad", "good"):
        make_ready(office.store, run)
    office.work()
    for run in ("bad", "good"):
        execution = office.store.execution(run)
        assert execution.status == "paused"
        assert "kept version 1" in str(execution.error)
