"""Guarantees of the database itself: recorded history cannot be changed, not even with SQL."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Outcome
from flowbuilder.ports import Clock
from flowbuilder.store import SqlStore
from tests.support.store_contract import TTL, StoreHarness


def run(store: SqlStore, statement: str) -> int:
    with store.database.engine.execution_options(flowbuilder_writes=True).begin() as connection:
        return connection.execute(text(statement)).rowcount


@pytest.fixture
def full(sql_harness: StoreHarness, sql_store: SqlStore) -> SqlStore:
    """A store with rows in every table."""
    lease = sql_harness.claim()
    sql_store.record_outcome(lease, Outcome(path="a", status="completed"), [NewEvent(type="step_completed", path="a")])
    sql_harness.approve(sql_harness.open_review(lease))
    sql_store.settle(lease, "completed", events=[NewEvent(type="execution_completed")])
    return sql_store


@pytest.mark.parametrize("table", ["workflow_execution_events", "step_outcomes", "review_decisions"])
def test_history_can_be_neither_changed_nor_deleted(full: SqlStore, table: str) -> None:
    before = (full.events("run-1"), full.outcomes("run-1"), full.decisions("run-1"))
    for statement in (f"UPDATE {table} SET path = 'x'", f"DELETE FROM {table}"):
        with pytest.raises(DBAPIError, match="what is written here lasts"):
            run(full, statement)
    assert (full.events("run-1"), full.outcomes("run-1"), full.decisions("run-1")) == before


@pytest.mark.postgres
def test_a_history_table_cannot_be_emptied(postgres_url: str, clock: Clock) -> None:
    from flowbuilder.store import open_store

    store = open_store(postgres_url, clock=clock, durable=False)
    with pytest.raises(DBAPIError, match="what is written here lasts"):
        run(store, "TRUNCATE workflow_execution_events")
    store.close()


@pytest.mark.parametrize("status", ["running", "queued", "failed", "waiting"])
def test_an_ended_execution_stays_as_it_ended(full: SqlStore, status: str) -> None:
    with pytest.raises(DBAPIError, match="lasts"):
        run(full, f"UPDATE workflow_executions SET status = '{status}'")
    assert full.execution("run-1").status == "completed"


@pytest.mark.parametrize("change", ["document = '{}'", "digest = 'other'", "number = 7"])
def test_a_stored_document_never_changes(full: SqlStore, change: str) -> None:
    with pytest.raises(DBAPIError, match="lasts"):
        run(full, f"UPDATE workflow_versions SET {change}")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE workflow_executions SET status = 'odd' WHERE status = 'queued'",
        "UPDATE review_counts SET pending = -1",
        "INSERT INTO workflow_executions (flow_run_id) VALUES ('x')",
        "INSERT INTO step_outcomes (execution_id, path, position, status, attempt, seconds, finished_at) "
        "SELECT id, 'a', 9, 'completed', 1, 0, inserted_at FROM workflow_executions WHERE flow_run_id = 'run-1'",
        "INSERT INTO workflow_execution_events (execution_id, seq, epoch, inserted_at, type, path, payload) "
        "SELECT id, 1, 1, inserted_at, 'x', '', '{}' FROM workflow_executions WHERE flow_run_id = 'run-1'",
        "INSERT INTO review_counts (workflow_id, pending) VALUES ('missing', 1)",
        "INSERT INTO installation (id, install_id, min_code, incarnation, inserted_at) "
        "SELECT 2, 'x', 1, 0, inserted_at FROM installation",
    ],
)
def test_the_database_rejects_invalid_rows(full: SqlStore, sql_harness: StoreHarness, statement: str) -> None:
    sql_harness.create_execution("run-2")
    with pytest.raises(DBAPIError):
        run(full, statement)


def test_a_failed_transaction_writes_nothing(sql_store: SqlStore, sql_harness: StoreHarness) -> None:
    lease = sql_harness.claim()
    before = sql_store.execution("run-1"), sql_store.events("run-1")
    with pytest.raises(DBAPIError):
        sql_store.record_outcome(
            lease,
            Outcome(path="a", status="completed"),
            [NewEvent(type=None, path="a")],  # type: ignore[arg-type]
        )
    assert (sql_store.execution("run-1"), sql_store.events("run-1")) == before
    assert sql_store.outcomes("run-1") == ()


def waited(store: SqlStore, act: Callable[[], object]) -> list[str]:
    """The execution ids of notifications within two seconds of calling `act`."""
    heard: list[str] = []

    def listen() -> None:
        for execution_id in store.listen(2.0):
            heard.append(execution_id)
            if execution_id == "stop":
                return

    with ThreadPoolExecutor(1) as pool:
        listening = pool.submit(listen)
        import time

        time.sleep(0.4)
        act()
        listening.result(timeout=10)
    return heard


def test_a_listener_is_notified_of_starts_decisions_and_resumes(sql_store: SqlStore, sql_harness: StoreHarness) -> None:
    lease = sql_harness.claim("asked")
    review = sql_harness.open_review(lease)
    sql_store.settle(lease, "waiting", events=[])
    sql_harness.create_execution("held")
    sql_harness.create_execution("paused")
    sql_store.request_control("paused", "pause", "ana")
    sql_store.claim("held", "worker-9", TTL)

    def act() -> None:
        sql_harness.create_execution("new")
        sql_harness.approve(review)
        sql_store.request_control("paused", None, "ana")

    assert sorted(waited(sql_store, act)) == ["asked", "new", "paused"]
