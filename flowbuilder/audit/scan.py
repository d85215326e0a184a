"""One pass over a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from flowbuilder.audit.finding import Finding
from flowbuilder.audit.record import Record, record_of
from flowbuilder.audit.rows import row_findings
from flowbuilder.audit.walks import walk_findings
from flowbuilder.engine.review_client import all_reviews
from flowbuilder.engine.stored_plans import PlanCache
from flowbuilder.errors import FlowbuilderError
from flowbuilder.plan.nodes import Plan
from flowbuilder.ports import ExecutionFilter, ReviewFilter, Store

_PAGE = 100


def audit(store: Store, executions: Iterable[str] | None = None) -> tuple[Finding, ...]:
    """Everything that is wrong with a store, or with these executions of it. Safe on one that is in use."""

    plans = PlanCache(store)

    def check(record: Record) -> Iterator[Finding]:
        yield from row_findings(record)
        yield from walk_findings(record, _plan(store, plans, record))

    return _over(store, executions, check)


def audit_rows(store: Store, executions: Iterable[str] | None = None) -> tuple[Finding, ...]:
    """The same for what the store itself keeps true, whatever wrote to it."""
    return _over(store, executions, row_findings)


def _over(
    store: Store, executions: Iterable[str] | None, check: Callable[[Record], Iterable[Finding]]
) -> tuple[Finding, ...]:
    found: list[Finding] = []
    for execution_id in _all(store) if executions is None else executions:
        record = record_of(store, execution_id)
        if record is not None:
            found += check(record)
    if executions is None:
        found += _counters(store)
    return tuple(found)


def _all(store: Store) -> Iterator[str]:
    before: str | None = None
    while page := store.executions(ExecutionFilter(), limit=_PAGE, before=before):
        yield from (execution.id for execution in page)
        before = page[-1].id


def _plan(store: Store, plans: PlanCache, record: Record) -> Plan | FlowbuilderError:
    try:
        return plans.plan_of(store.version(record.execution.workflow, record.execution.version))
    except FlowbuilderError as problem:
        return problem


def _counters(store: Store) -> Iterator[Finding]:
    before = dict(store.pending_counts())
    open_ = Counter(review.workflow for review in all_reviews(store, ReviewFilter()))
    after = dict(store.pending_counts())
    for workflow in sorted(before.keys() | open_.keys()):
        if before == after and before.get(workflow, 0) != open_[workflow]:
            message = f"{workflow} is counted to have {before.get(workflow, 0)} open reviews, and has {open_[workflow]}"
            yield Finding(invariant="I13", message=message)
