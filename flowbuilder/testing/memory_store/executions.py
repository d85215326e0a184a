"""Executions, leases, control requests and idempotency keys, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from flowbuilder.errors import NotFound, Refused
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import TERMINAL, Control, Execution, Lease, Status, other_start
from flowbuilder.model.lease_rules import (
    awaited_reviews,
    control_applied_event,
    control_request,
    ensure_claimable,
    ensure_transition,
    is_death,
    is_held,
    is_poison,
    quarantine_error,
    quarantined_event,
    settled_ready_at,
    settled_status,
    started_event,
    worker_lost_event,
)
from flowbuilder.model.stored_json import storable
from flowbuilder.ports import ExecutionFilter
from flowbuilder.testing.memory_store.memory import Repository, StoredExecution, copied
from flowbuilder.values import Json, JsonObject


class MemoryExecutions(Repository):
    """Executions and their leases."""

    def create_execution(
        self, execution: Execution, *, sensitive: JsonObject | None = None, held: str = ""
    ) -> Execution:
        """Insert it with its `execution_started` event; the stored one when the id exists already."""
        memory = self._memory
        storable([execution.inputs, execution.site_record], "the inputs")
        with memory.lock:
            memory.sensitive.pop(held, None)
            if execution.id in memory.executions:
                return self.execution(execution.id)
            numbers = {version.number for version in memory.versions.get(execution.workflow, ())}
            if execution.version not in numbers:
                raise NotFound(f"workflow {execution.workflow} has no version {execution.version}")
            stored = memory.executions[execution.id] = StoredExecution(copied(execution))
            stored.write_events(memory.now(), [started_event(execution, sensitive)])
            if sensitive is not None:
                memory.sensitive[execution.id] = copied(sensitive)
            return copied(stored.execution)

    def hold_sensitive(self, key: str, record: JsonObject) -> None:
        """Keep the record of sensitive inputs under a key until the execution is created."""
        with self._memory.lock:
            self._memory.sensitive[key] = copied(record)

    def sensitive(self, key: str) -> JsonObject | None:
        """The record of the sensitive inputs of an execution, by its id or by the key that it is held under."""
        with self._memory.lock:
            return copied(self._memory.sensitive.get(key))

    def execution(self, execution_id: str) -> Execution:
        """One execution; `NotFound`."""
        with self._memory.lock:
            return copied(self._memory.stored(execution_id).execution)

    def executions(self, where: ExecutionFilter, *, limit: int = 50, before: str | None = None) -> Sequence[Execution]:
        """Newest first; `before` is the id of the last execution seen."""
        memory = self._memory
        with memory.lock:
            found = [stored.execution for stored in memory.executions.values() if _fits(stored.execution, where)]
            found.sort(key=_age, reverse=True)
            if before is not None:
                last = _age(memory.stored(before).execution)
                found = [execution for execution in found if _age(execution) < last]
            return tuple(copied(execution) for execution in found[: max(limit, 0)])

    def claim(self, execution_id: str, holder: str, ttl: timedelta) -> Lease:
        """Take or take over the lease: epoch + 1, status running, attempt + 1; or quarantine the execution."""
        memory = self._memory
        with memory.lock:
            stored, now = memory.stored(execution_id), memory.now()
            before = stored.execution
            ensure_claimable(before, holder, now)
            died = is_death(before, holder, now)
            if is_poison(before, died=died):
                raise self._quarantine(stored, now)
            memory.update_execution(
                stored,
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
                stored.write_events(now, [worker_lost_event(before)])
            return Lease(execution_id=execution_id, holder=holder, epoch=stored.execution.epoch)

    def renew(self, lease: Lease, ttl: timedelta) -> None:
        """Extend the lease to `ttl` from now."""
        with self._memory.lock:
            self._memory.update_execution(self._memory.fence(lease), lease_until=self._memory.now() + ttl)

    def expire_lease(self, execution_id: str, holder: str) -> None:
        """End the lease of a holder whose process is known to have died, as if it had run out."""
        memory = self._memory
        with memory.lock:
            stored = memory.stored(execution_id)
            if stored.execution.holder == holder:
                memory.update_execution(stored, lease_until=memory.now())

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
        """Release the lease: set the status, write the events. A pending control request is applied at once."""
        memory = self._memory
        storable([outputs, error, progress], "the result")
        with memory.lock:
            stored, now = memory.fence(lease), memory.now()
            ensure_transition(stored.execution, status)
            final = settled_status(status, stored.execution.control)
            if status in TERMINAL:
                memory.withdraw_open(stored, now)
            stored.write_events(now, events)
            if final != status:
                if final in TERMINAL:
                    memory.withdraw_open(stored, now)
                stored.write_events(now, [control_applied_event(final, stored.control_by)])
            waits_for = awaited_reviews(tuple(events))
            missed = final == "waiting" and any(
                decided.epoch == lease.epoch and (waits_for is None or path in waits_for)
                for path, decided in stored.decisions.items()
            )
            before = stored.execution
            memory.update_execution(
                stored,
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
            return copied(stored.execution)

    def request_control(self, execution_id: str, action: Control | None, by: str) -> Execution:
        """Store a control request for the worker; without a holder it is applied at once."""
        memory = self._memory
        with memory.lock:
            stored, now = memory.stored(execution_id), memory.now()
            change = control_request(stored.execution, action, by, now)
            if change is not None:
                stored.write_events(now, [change.requested])
                stored.control_by = by
                memory.update_execution(stored, control=change.control)
                if change.status is not None:
                    self._release(stored, change.status, now)
                    if change.status == "queued":
                        memory.update_execution(stored, deaths=0)
                    stored.write_events(now, [change.applied] if change.applied else [])
            return copied(stored.execution)

    def control(self, execution_id: str) -> Control | None:
        """The pending control request."""
        with self._memory.lock:
            return self._memory.stored(execution_id).execution.control

    def ready(self, *, limit: int = 100) -> Sequence[Execution]:
        """Executions without a live lease that are due, the longest due first."""
        memory = self._memory
        with memory.lock:
            now = memory.now()
            due = [
                (since, stored.execution)
                for stored in memory.executions.values()
                if (since := _ready_since(stored.execution, now)) is not None
            ]
            due.sort(key=lambda item: (item[0], item[1].id))
            return tuple(copied(execution) for _, execution in due[: max(limit, 0)])

    def reserve_idempotency_key(self, key: str, request_hash: str) -> str | None:
        """Reserve a key; the id of the execution that was started with it, if any."""
        with self._memory.lock:
            reserved_for, known = self._memory.idempotency_keys.setdefault(key, (request_hash, None))
            if reserved_for != request_hash:
                raise other_start(key)
            return known

    def complete_idempotency_key(self, key: str, execution_id: str) -> str:
        """Record the execution of a key; returns the id that was recorded first."""
        with self._memory.lock:
            if key not in self._memory.idempotency_keys:
                raise NotFound(f"there is no idempotency key {key}")
            reserved_for, known = self._memory.idempotency_keys[key]
            self._memory.idempotency_keys[key] = (reserved_for, known or execution_id)
            return known or execution_id

    def _quarantine(self, stored: StoredExecution, now: datetime) -> Refused:
        before = stored.execution
        status = settled_status("paused", before.control)
        self._release(stored, status, now)
        self._memory.update_execution(stored, control=None, deaths=before.deaths + 1)
        applied = [] if status == "paused" else [control_applied_event(status, stored.control_by)]
        stored.write_events(now, [worker_lost_event(before), quarantined_event(before), *applied])
        return quarantine_error(before)

    def _release(self, stored: StoredExecution, status: Status, now: datetime) -> None:
        """End the lease with a new status; a worker that still holds it is fenced out."""
        memory = self._memory
        ended = status in TERMINAL
        if ended:
            memory.withdraw_open(stored, now)
        memory.update_execution(
            stored,
            status=status,
            epoch=stored.execution.epoch + 1,
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
