"""G19: several processes write to one SQLite file: no call fails, and the file stays intact."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from flowbuilder.audit import audit_rows
from flowbuilder.model.execution import Execution
from flowbuilder.store import open_store
from tests.support.proof import THOROUGH, sample

PROCESSES, WRITES = 4, sample(quick=50, ci=100, thorough=1000)
PROGRAM = """
import sys, time
from datetime import timedelta
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Outcome
from flowbuilder.store import open_store
url, run, writes = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = open_store(url)
lease = store.claim(run, run, timedelta(minutes=5))
waits = []
for number in range(writes):
    begun = time.perf_counter()
    path = f"s{number}"
    store.record_outcome(lease, Outcome(path=path, status="completed"), [NewEvent(type="step_completed", path=path)])
    waits.append(time.perf_counter() - begun)
    if number % 20 == 0:
        connection = store.database.engine.raw_connection()
        connection.cursor().execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        connection.close()
print(sorted(waits)[len(waits) * 99 // 100])
"""


def test_many_processes_write_to_one_file_and_checkpoint_it(sqlite_url: str) -> None:
    store = open_store(sqlite_url)
    store.save_version(name="w", title="W", document={}, source="", digest="d")
    now = datetime.now(UTC)
    for number in range(PROCESSES):
        store.create_execution(
            Execution(
                id=f"run-{number}", workflow="w", version=1, digest="d", status="queued", inputs={}, created_at=now,
                ready_at=now,
            )
        )  # fmt: skip
    others = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, sqlite_url, f"run-{number}", str(WRITES)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3],
        )
        for number in range(PROCESSES)
    ]  # fmt: skip
    said = [other.communicate(timeout=150) for other in others]
    assert [other.returncode for other in others] == [0] * PROCESSES, said
    if THOROUGH:
        assert max(float(out) for out, _ in said) <= 0.25, said  # the 99th percentile of the writes, in seconds
    for number in range(PROCESSES):
        assert len(store.outcomes(f"run-{number}")) == WRITES
    assert [str(finding) for finding in audit_rows(store)] == []
    with store.database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    store.close()
