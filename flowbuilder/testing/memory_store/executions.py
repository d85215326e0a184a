"""Executions, their leases, outcomes and events, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from flowbuilder.errors import Conflict, NotFound, Refused
from flowbuilder.model.events import Event, NewEvent
from flowbuilder.model.execution import TERMINAL, Control, Execution, Lease, Outcome, Status
from flowbuilder.model.lease_rules import (
    awaited_reviews,
    control_applied_event,
    control_request,
    ensure_claimable,
    ensure_event_allowed,
    ensure_transition,
    is_death,
    is_held,
    is_poison,
    quarantine_error,
    quarantined_event,
    settled_ready_at,
    settled_status,
    worker_lost_event,
)
from flowbuilder.model.stored_json import storable, storable_outcome
from flowbuilder.ports import ExecutionFilter
from flowbuilder.testing.memory_store.memory import Repository, Run, copied
from flowbuilder.values import Json, JsonObject


class MemoryExecutions(Repository):
    """Everything that is fenced by a lease, and what people ask of an execution."""

    def create_execution(self, execution: Execution) -> Execution:
        """Insert it with its `execution_started` event; the stored one when the id is there already."""
        memory = self._memory
        storable([execution.inputs, execution.site_record], "the inputs")
        with memory.lock:
            if execution.id in memory.runs:
                return self.execution(execution.id)
            numbers = {version.number for version in memory.versions.get(execution.workflow, ())}
            if execution.version not in numbers:
                raise NotFound(f"workflow {execution.workflow} has no version {execution.version}")
            run = memory.runs[execution.id] = Run(copied(execution))
            data: JsonObject = {
                "workflow": execution.workflow,
                "version": execution.version,
                "digest": execution.digest,
                "inputs": execution.inputs,
                "site": execution.site,
            }
            run.write(memory.now(), [NewEvent(type="execution_started", data=data)])
            return copied(run.execution)

    def execution(self, execution_id: str) -> Execution:
        """One execution; `NotFound`."""
        with self._memory.lock:
            return copied(self._memory.run(execution_id).execution)

    def executions(self, where: ExecutionFilter, *, limit: int = 50, before: str | None = None) -> Sequence[Execution]:
        """Newest first; `before` is the id of the last execution seen."""
        memory = self._memory
        with memory.lock:
            found = [run.execution for run in memory.runs.values() if _fits(run.execution, where)]
            found.sort(key=_age, reverse=True)
            if before is not None:
                last = _age(memory.run(before).execution)
                found = [execution for execution in found if _age(execution) < last]
            return tuple(copied(execution) for execution in found[: max(limit, 0)])

    def claim(self, execution_id: str, holder: str, ttl: timedelta) -> Lease:
        """Take or take over the lease: epoch + 1, status running, attempt + 1."""
        memory = self._memory
        with memory.lock:
            run, now = memory.run(execution_id), memory.now()
            before = run.execution
            ensure_claimable(before, holder, now)
            died = is_death(before, holder, now)
            if is_poison(before, died=died):
                raise self._set_aside(run, now)
            memory.change(
                run,
                status="running",
                holder=holder,
                lease_until=now + ttl,
                epoch=before.epoch + 1,
                attempt=before.attempt + 1,
                deaths=before.deaths + died,
                started_at=before.started_at or now,
                ready_at=None,
            )
            if died:
                run.write(now, [worker_lost_event(before)])
            return Lease(execution_id=execution_id, holder=holder, epoch=run.execution.epoch)

    def renew(self, lease: Lease, ttl: timedelta) -> None:
        """Keep the lease for another `ttl` from now."""
        with self._memory.lock:
            self._memory.change(self._memory.fenced(lease), lease_until=self._memory.now() + ttl)

    def outcomes(self, execution_id: str) -> Sequence[Outcome]:
        """In the order in which they were recorded."""
        with self._memory.lock:
            run = self._memory.runs.get(execution_id)
            return tuple(copied(outcome) for outcome in run.outcomes.values()) if run else ()

    def record_outcome(self, lease: Lease, outcome: Outcome, events: Sequence[NewEvent]) -> None:
        """The outcome and its events; a second final outcome of a path is `Conflict`."""
        memory = self._memory
        kept = storable_outcome(outcome, events)
        with memory.lock:
            run = memory.fenced(lease)
            if (known := run.outcomes.get(outcome.path)) is not None:
                raise Conflict(f"{outcome.path} has an outcome already: it is {known.status}")
            now = memory.now()
            run.outcomes[outcome.path] = replace(kept, finished_at=outcome.finished_at or now)
            memory.change(run, deaths=0)
            run.write(now, events)

    def append_events(self, lease: Lease, events: Sequence[NewEvent]) -> None:
        """Events that a worker writes."""
        with self._memory.lock:
            self._memory.fenced(lease).write(self._memory.now(), events)

    def expire_lease(self, execution_id: str, holder: str) -> None:
        """End the lease of a holder whose process is known to have died, as if it had run out."""
        memory = self._memory
        with memory.lock:
            run = memory.run(execution_id)
            if run.execution.holder == holder:
                memory.change(run, lease_until=memory.now())

    def settle(
        self,
        lease: Lease,
        status: Status,
        *,
        events: Sequence[NewEvent],
        outputs: Json = None,
        error: JsonObject | None = None,
        progress: JsonObject | None = None,
        ready_at: datetime | None = None,
    ) -> Execution:
        """Set the status, end the lease, write the events. A control_request not yet done is done at once."""
        memory = self._memory
        storable([outputs, error, progress], "what it ended with")
        with memory.lock:
            run, now = memory.fenced(lease), memory.now()
            ensure_transition(run.execution, status)
            final = settled_status(status, run.execution.control)
            if status in TERMINAL:
                memory.withdraw_open(run, now)
            run.write(now, events)
            if final != status:
                if final in TERMINAL:
                    memory.withdraw_open(run, now)
                run.write(now, [control_applied_event(final, run.wished_by)])
            waits_for = awaited_reviews(tuple(events))
            missed = final == "waiting" and any(
                made.epoch == lease.epoch and (waits_for is None or path in waits_for)
                for path, made in run.decisions.items()
            )
            before = run.execution
            memory.change(
                run,
                status=final,
                epoch=before.epoch + 1,
                holder=None,
                lease_until=None,
                control=None,
                outputs=copied(outputs),
                error=copied(error),
                progress=before.progress if progress is None else copied(progress),
                ready_at=settled_ready_at(final, missed=missed, wanted=ready_at, now=now),
                ended_at=now if final in TERMINAL else None,
            )
            return copied(run.execution)

    def request_control(self, execution_id: str, action: Control | None, by: str) -> Execution:
        """Note a control_request for the worker; where nobody holds the execution it is done at once."""
        memory = self._memory
        with memory.lock:
            run, now = memory.run(execution_id), memory.now()
            change = control_request(run.execution, action, by, now)
            if change is not None:
                run.write(now, [change.requested])
                run.wished_by = by
                memory.change(run, control=change.control)
                if change.status is not None:
                    self._become(run, change.status, now)
                    if change.status == "queued":
                        memory.change(run, deaths=0)
                    run.write(now, [change.applied] if change.applied else [])
            return copied(run.execution)

    def control(self, execution_id: str) -> Control | None:
        """What a person has asked for and the worker has not yet done."""
        with self._memory.lock:
            return self._memory.run(execution_id).execution.control

    def ready(self, *, limit: int = 100) -> Sequence[Execution]:
        """Those that should be running and that nobody holds, the longest ready first."""
        memory = self._memory
        with memory.lock:
            now = memory.now()
            due = [
                (since, run.execution)
                for run in memory.runs.values()
                if (since := _ready_since(run.execution, now)) is not None
            ]
            due.sort(key=lambda item: (item[0], item[1].id))
            return tuple(copied(execution) for _, execution in due[: max(limit, 0)])

    def events(self, execution_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """The events with a higher number than `after`."""
        with self._memory.lock:
            run = self._memory.runs.get(execution_id)
            return tuple(copied(event) for event in run.events[max(after, 0) :][: max(limit, 0)]) if run else ()

    def record_event(self, execution_id: str, event: NewEvent) -> None:
        """An event of a person or a reconciler; `Refused` after the end, but for an effect taken back."""
        with self._memory.lock:
            run = self._memory.run(execution_id)
            ensure_event_allowed(run.execution, event)
            run.write(self._memory.now(), [event])

    def _set_aside(self, run: Run, now: datetime) -> Refused:
        before = run.execution
        status = settled_status("paused", before.control)
        self._become(run, status, now)
        self._memory.change(run, control=None, deaths=before.deaths + 1)
        done = [] if status == "paused" else [control_applied_event(status, run.wished_by)]
        run.write(now, [worker_lost_event(before), quarantined_event(before), *done])
        return quarantine_error(before)

    def _become(self, run: Run, status: Status, now: datetime) -> None:
        """Another status for an execution that nobody holds; its last holder, if any, is fenced out."""
        memory = self._memory
        ended = status in TERMINAL
        if ended:
            memory.withdraw_open(run, now)
        memory.change(
            run,
            status=status,
            epoch=run.execution.epoch + 1,
            holder=None,
            lease_until=None,
            ready_at=now if status == "queued" else None,
            ended_at=now if ended else None,
        )


def _age(execution: Execution) -> tuple[datetime, str]:
    return execution.created_at, execution.id


def _fits(execution: Execution, where: ExecutionFilter) -> bool:
    return (
        where.workflow in (None, execution.workflow)
        and where.site in (None, execution.site)
        and where.account in (None, execution.account)
        and (where.statuses is None or execution.status in where.statuses)
    )


def _ready_since(execution: Execution, now: datetime) -> datetime | None:
    if execution.status in TERMINAL or execution.status == "paused" or is_held(execution, now):
        return None
    if execution.holder is not None:
        return execution.lease_until
    return execution.ready_at if execution.ready_at is not None and execution.ready_at <= now else None
