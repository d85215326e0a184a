"""The audit finds each violated invariant, and nothing in a sound store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from flowbuilder.audit import audit, audit_rows
from flowbuilder.store import SqlStore, open_store
from flowbuilder.testing import FakeClock
from tests.support.faults.crash_injection import CrashInjector
from tests.support.faults.crash_scenario import CrashScenario
from tests.support.faults.crash_workflows import BY_NAME

EVENTS, RUNS = "workflow_execution_events", "workflow_executions"


@pytest.fixture
def store(sqlite_url: str) -> Iterator[SqlStore]:
    """A store in which one execution has ended and one waits for a review."""
    clock = FakeClock()
    with contextlib.closing(open_store(sqlite_url, clock=clock, durable=False)) as opened:
        CrashScenario(BY_NAME["three-targets"], lambda: SqlStore(opened.database), clock, run="ended").run_process(
            CrashInjector()
        )
        CrashScenario(BY_NAME["unanswered"], lambda: SqlStore(opened.database), clock, run="open").run_process(
            CrashInjector(4, "after", counts=lambda operation: operation == "store.settle")
        )
        yield opened


def tamper(store: SqlStore, *statements: str) -> None:
    """Change rows with SQL, without the triggers."""
    with store.database.engine.execution_options(flowbuilder_writes=True).begin() as connection:
        connection.exec_driver_sql("PRAGMA ignore_check_constraints=ON")
        for name in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        for statement in statements:
            assert connection.execute(text(statement)).rowcount > 0, statement


def found(store: SqlStore) -> set[str]:
    return {finding.invariant for finding in audit(store)}


def test_a_sound_store_has_no_findings(store: SqlStore) -> None:
    assert audit(store) == ()
    assert audit_rows(store) == ()


@pytest.mark.parametrize(
    ("invariant", "statement"),
    [
        ("I2", f"DELETE FROM {EVENTS} WHERE seq = 3"),
        ("I2", f"UPDATE {EVENTS} SET type = 'odd' WHERE seq = 3"),
        ("I3", f"UPDATE {EVENTS} SET type = 'step_started' WHERE type = 'step_completed'"),
        ("I3", 'UPDATE step_outcomes SET output = \'{"revision":"77"}\''),
        ("I3", "DELETE FROM step_outcomes WHERE path = 'keyed'"),
        ("I4", f"UPDATE {EVENTS} SET epoch = 99 WHERE seq = 3"),
        ("I4", f"UPDATE {RUNS} SET epoch = 0 WHERE flow_run_id = 'ended'"),
        ("I5", f"UPDATE {EVENTS} SET type = 'step_started' WHERE type = 'effect_intended'"),
        ("I6", "UPDATE effects SET receipt = NULL WHERE target_class = 'neither'"),
        ("I6", "UPDATE effects SET status = 'intended' WHERE target_class = 'lookup'"),
        ("I7", "UPDATE review_decisions SET shown_hash = 'another'"),
        ("I7", "UPDATE workflow_review_queue SET content_hash = 'another'"),
        ("I7", "DELETE FROM review_decisions"),
        ("I8", f"UPDATE {RUNS} SET status = 'failed' WHERE flow_run_id = 'ended'"),
        ("I8", f"UPDATE {RUNS} SET ready_at = 1 WHERE flow_run_id = 'ended'"),
        ("I9", f"UPDATE {RUNS} SET status = 'queued', ended_at = NULL WHERE flow_run_id = 'ended'"),
        ("I10", f"UPDATE {RUNS} SET digest = 'another' WHERE flow_run_id = 'ended'"),
        ("I12", f"UPDATE {RUNS} SET deaths = 4"),
        ("I13", "INSERT INTO review_counts (workflow_id, pending) VALUES ('three-targets', 5)"),
    ],
)
def test_each_invariant_is_missed_when_it_is_broken(store: SqlStore, invariant: str, statement: str) -> None:
    tamper(store, statement)
    assert invariant in found(store)


def test_findings_name_their_place_and_are_json(store: SqlStore) -> None:
    tamper(store, f"UPDATE {RUNS} SET deaths = 4 WHERE flow_run_id = 'ended'")
    (finding,) = audit(store)
    assert str(finding) == "I12 ended: has 4 dead workers in a row, and 3 are allowed"
    assert finding.record() == {
        "invariant": "I12", "execution_id": "ended", "path": "",
        "message": "has 4 dead workers in a row, and 3 are allowed",
    }  # fmt: skip
    assert audit(store, ["open"]) == ()
