"""The audit: one pass over a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from flowbuilder.audit.rows import row_findings
from flowbuilder.audit.snapshot import ExecutionSnapshot, Finding, take_snapshot
from flowbuilder.audit.walks import walk_findings
from flowbuilder.engine.review_client import all_reviews
from flowbuilder.engine.stored_plans import PlanCache
from flowbuilder.errors import FlowbuilderError
from flowbuilder.plan.nodes import Plan
from flowbuilder.ports import ExecutionFilter, ReviewFilter, Store

_PAGE = 100


def audit(store: Store, executions: Iterable[str] | None = None) -> tuple[Finding, ...]:
    """All findings of a store, or of these executions. Safe while the store is in use."""

    plans = PlanCache(store)

    def check(snapshot: ExecutionSnapshot) -> Iterator[Finding]:
        yield from row_findings(snapshot)
        yield from walk_findings(snapshot, _plan(store, plans, snapshot))

    return _findings(store, executions, check)


def audit_rows(store: Store, executions: Iterable[str] | None = None) -> tuple[Finding, ...]:
    """The findings of the invariants that the store maintains by itself; the plans are not checked."""
    return _findings(store, executions, row_findings)


def _findings(
    store: Store, executions: Iterable[str] | None, check: Callable[[ExecutionSnapshot], Iterable[Finding]]
) -> tuple[Finding, ...]:
    found: list[Finding] = []
    for execution_id in _all_ids(store) if executions is None else executions:
        snapshot = take_snapshot(store, execution_id)
        if snapshot is not None:
            found += check(snapshot)
    if executions is None:
        found += _counters(store)
    return tuple(found)


def _all_ids(store: Store) -> Iterator[str]:
    before: str | None = None
    while page := store.executions(ExecutionFilter(), limit=_PAGE, before=before):
        yield from (execution.id for execution in page)
        before = page[-1].id


def _plan(store: Store, plans: PlanCache, snapshot: ExecutionSnapshot) -> Plan | FlowbuilderError:
    try:
        return plans.plan_of(store.version(snapshot.execution.workflow, snapshot.execution.version))
    except FlowbuilderError as problem:
        return problem


def _counters(store: Store) -> Iterator[Finding]:
    before = dict(store.pending_counts())
    open_ = Counter(review.workflow for review in all_reviews(store, ReviewFilter()))
    after = dict(store.pending_counts())
    for workflow in sorted(before.keys() | open_.keys()):
        if before == after and before.get(workflow, 0) != open_[workflow]:
            message = f"{workflow} has {open_[workflow]} open reviews, and its counter says {before.get(workflow, 0)}"
            yield Finding(invariant="I13", message=message)
