"""Benchmark of the store: `python -m benchmarks.store [--reviews N] [--url URL]`. Prints a line for each goal.

Goals: an outcome with its event costs about one durable commit; a page of the review queue <= 5 ms at any depth, a
decision <= 20 ms, the counts <= 1 ms, with 1,000,000 reviews; a step takes <= 2x its payload + 300 bytes of disk.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, insert, select, text

from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Execution, Outcome
from flowbuilder.model.review import ReviewRequest
from flowbuilder.model.review_rules import Answer
from flowbuilder.ports import ReviewFilter
from flowbuilder.store import SqlStore, open_store, upgrade
from flowbuilder.store.db import tables

WORKFLOWS, SITES = 20, 50


def main() -> None:
    """Measure one database."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--url", help="default: a SQLite file that is deleted afterwards")
    arguments.add_argument("--reviews", type=int, default=1_000_000)
    arguments.add_argument("--steps", type=int, default=2000)
    arguments.add_argument("--payload", type=int, default=500, help="bytes of a step's output")
    options = arguments.parse_args()
    with _database(options.url) as url:
        upgrade(url)
        store = open_store(url, durable=options.url is None)
        _workflows(store)
        _steps(store, options.steps, options.payload)
        if options.reviews:
            _fill(store, options.reviews)
            _queue(store, options.reviews)


@contextmanager
def _database(url: str | None) -> Iterator[str]:
    if url is not None:
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="flowbuilder-bench-") as folder:
        yield f"sqlite:///{Path(folder) / 'bench.db'}"


def _workflows(store: SqlStore) -> None:
    for number in range(WORKFLOWS):
        store.save_version(name=f"workflow-{number}", title="Bench", document={}, source="", digest="d")


def _execution(store: SqlStore, name: str) -> Execution:
    now = datetime.now(UTC)
    return store.create_execution(
        Execution(
            id=name, workflow="workflow-0", version=1, digest="d", status="queued", inputs={}, created_at=now,
            ready_at=now,
        )
    )  # fmt: skip


def _steps(store: SqlStore, steps: int, payload: int) -> None:
    _execution(store, "steps")
    lease = store.claim("steps", "bench", timedelta(hours=1))
    before = _bytes(store)
    started, recorded = [], []
    output = {"text": os.urandom(payload // 2).hex()}
    for index in range(steps):
        path = f"pages[{index}].draft"
        event = NewEvent(type="step_started", path=path, data={"type": "llm", "name": "draft"})
        started.append(_timed(lambda event=event: store.append_events(lease, [event])))
        data = {"seconds": 0.123, "output_hash": f"{index:064x}", "attempt": 1}
        done = NewEvent(type="step_completed", path=path, data=data)
        outcome = Outcome(path=path, status="completed", output=output, seconds=0.123)
        recorded.append(_timed(lambda outcome=outcome, done=done: store.record_outcome(lease, outcome, [done])))
    size = (_bytes(store) - before) / steps
    _report("append one event", started)
    _report("record an outcome with its event", recorded)
    length = len(json.dumps(output))
    print(f"disk a step: {size:.0f} bytes for a payload of {length} (goal {2 * length + 300})")


def _bytes(store: SqlStore) -> int:
    with store.database.engine.connect() as connection:
        if store.database.on_postgres:
            connection.execute(text("CHECKPOINT"))
            return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)
    raw = store.database.engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        (pages,) = raw.cursor().execute("PRAGMA page_count").fetchone()
        (size,) = raw.cursor().execute("PRAGMA page_size").fetchone()
    finally:
        raw.close()
    return int(pages) * int(size)


def _fill(store: SqlStore, reviews: int) -> None:
    """Insert the reviews into the tables directly, every other one decided; 5,000 for each execution."""
    begun = time.perf_counter()
    start, batch = datetime(2026, 1, 1, tzinfo=UTC), 20_000
    request = {
        "title": "Refresh a page", "base": "old " * 50, "proposal": "new " * 50, "findings": [], "due_in": None,
        "assign": {"group": None, "people": [], "quorum": 1, "not_author": False}, "expires_in": None,
        "on_expire": "withdrawn", "may_request_changes": True, "round": 1,
    }  # fmt: skip
    hashed = ReviewRequest(title="Refresh a page", base="old " * 50, proposal="new " * 50).content_hash()
    counts = dict.fromkeys(range(WORKFLOWS), 0)
    for first in range(0, reviews, batch):
        rows, people = [], []
        for index in range(first, min(first + batch, reviews)):
            if index % 5000 == 0:
                _execution(store, f"many-{index // 5000}")
            at, workflow = start + timedelta(seconds=index), index % WORKFLOWS
            status = "open" if index % 2 else "decided"
            counts[workflow] += status == "open"
            due = at + timedelta(days=7) if index % 3 else None
            urgency = due or datetime(9999, 12, 31, tzinfo=UTC)
            name = f"{index:032x}"
            rows.append({
                "id": name, "execution_id": 2 + index // 5000, "flow_run_id": f"many-{index // 5000}",
                "workflow_id": f"workflow-{workflow}", "site": f"site-{index % SITES}", "account": "default",
                "path": f"pages[{index % 5000}].review", "status": status, "version": 1, "request": request,
                "content_hash": hashed, "search_text": f"refresh a page {index}", "inserted_at": at, "due_at": due,
                "urgency": urgency, "approvals": [], "escalations": 0,
            })  # fmt: skip
            person = "" if index % 100 else "ana@example.com"
            people.append(
                {"review_id": name, "person": person, "status": status, "urgency": urgency, "inserted_at": at}
            )
        with store.database.engine.execution_options(flowbuilder_writes=True).begin() as connection:
            connection.execute(insert(tables.reviews_table), rows)
            connection.execute(insert(tables.review_people_table), people)
    with store.database.engine.execution_options(flowbuilder_writes=True).begin() as connection:
        connection.execute(
            insert(tables.pending_counts_table),
            [{"workflow_id": f"workflow-{number}", "pending": count} for number, count in counts.items()],
        )
    if store.database.on_postgres:
        with store.database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("VACUUM ANALYZE"))
    with store.database.engine.connect() as connection:
        total = connection.scalar(select(func.count()).select_from(tables.reviews_table))
    print(f"filled with {total:,} reviews in {time.perf_counter() - begun:.0f} s")


def _queue(store: SqlStore, reviews: int) -> None:
    """Pages at several depths, for each filter of the queue."""
    for where in (
        ReviewFilter(),
        ReviewFilter(status=None),
        ReviewFilter(status="decided"),
        ReviewFilter(workflow="workflow-3"),
        ReviewFilter(workflow="workflow-3", site="site-3"),
        ReviewFilter(site="site-7"),
        ReviewFilter(account="default"),
        ReviewFilter(assignee="ana@example.com"),
        ReviewFilter(assignee="ana@example.com", workflow="workflow-1"),
    ):
        filters = ", ".join(f"{key}={value}" for key, value in vars(where).items() if value not in (None, "open"))
        for depth in (0, 1, reviews // 2, reviews - reviews // 10):
            cursor = f"{depth:032x}" if depth else None
            _report(
                f"page ({filters or 'open'}, after review {depth:,})",
                [_timed(lambda where=where, cursor=cursor: store.reviews(where, cursor=cursor)) for _ in range(20)],
            )
    _report("pending counts", [_timed(store.pending_counts) for _ in range(50)])
    page = store.reviews(ReviewFilter(workflow="workflow-3"), limit=100).reviews
    _report(
        "decide",
        [
            _timed(
                lambda review=review: store.decide(review.id, Answer.to(review, kind="approved", by="ana@example.com"))
            )
            for review in page
        ],
    )  # fmt: skip


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def _report(what: str, times: list[float]) -> None:
    ordered = sorted(times)
    print(f"{what}: p50 {statistics.median(ordered):.2f} ms, p95 {ordered[int(len(ordered) * 0.95)]:.2f} ms")


if __name__ == "__main__":
    main()
