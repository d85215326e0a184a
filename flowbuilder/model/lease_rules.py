"""Rules of the execution state machine: leases, transitions, quarantine, control requests. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flowbuilder.errors import Conflict, LostLease, Refused
from flowbuilder.model.event_data import (
    ControlRequested,
    ExecutionCancelled,
    ExecutionPaused,
    ExecutionQuarantined,
    ExecutionStarted,
    WorkerLost,
)
from flowbuilder.model.events import EventType, NewEvent
from flowbuilder.model.execution import TERMINAL, TRANSITIONS, Control, Execution, Lease, Status
from flowbuilder.values import JsonObject, digest

EVENTS_AFTER_END: frozenset[EventType] = frozenset({"effect_reverted"})
"""The only events that an ended execution may still get."""

MAX_DEATHS = 3
"""The number of workers in a row that may lose their lease on an execution before it is quarantined."""


def is_held(execution: Execution, now: datetime) -> bool:
    """Whether a worker's lease is unexpired."""
    return execution.holder is not None and execution.lease_until is not None and execution.lease_until > now


def ensure_claimable(execution: Execution, holder: str, now: datetime) -> None:
    """`Refused` for one that has ended or is paused, `Conflict` while another worker's lease is unexpired."""
    if execution.status in TERMINAL:
        raise Refused(f"execution {execution.id} has ended: it is {execution.status}")
    if execution.status == "paused":
        raise Refused(f"execution {execution.id} is paused; resume it first")
    if is_held(execution, now) and execution.holder != holder:
        raise Conflict(f"execution {execution.id} is held by {execution.holder} until {execution.lease_until}")


def is_death(execution: Execution, holder: str, now: datetime) -> bool:
    """Whether a claim by `holder` takes over the expired lease of another worker."""
    return execution.holder not in (None, holder) and not is_held(execution, now)


def is_poison(execution: Execution, *, died: bool) -> bool:
    """Whether an execution is quarantined instead of claimed: its worker died (`died`), as the last of too many."""
    return died and execution.deaths + 1 >= MAX_DEATHS


def quarantine_error(execution: Execution) -> Refused:
    """The error of claiming an execution that is quarantined by this claim."""
    return Refused(
        f"{MAX_DEATHS} workers in a row died while they ran execution {execution.id}, so it is paused; find out why, "
        "then resume or cancel it"
    )


def started_event(execution: Execution, sensitive: JsonObject | None = None) -> NewEvent:
    """The timeline event of a new execution, with the record of its sensitive inputs."""
    return ExecutionStarted(
        workflow=execution.workflow,
        version=execution.version,
        digest=execution.digest,
        inputs=execution.inputs,
        site=execution.site,
        sensitive_hash=None if sensitive is None else digest(sensitive),
    ).at()


def quarantined_event(execution: Execution) -> NewEvent:
    """The timeline event of a quarantine."""
    return ExecutionQuarantined(deaths=execution.deaths + 1).at()


def worker_lost_event(execution: Execution) -> NewEvent:
    """The timeline event of a holder whose lease ran out."""
    return WorkerLost(holder=execution.holder, epoch=execution.epoch).at()


def ensure_transition(execution: Execution, status: Status) -> None:
    """`Refused` when the execution's status may not become this one."""
    if status not in TRANSITIONS[execution.status]:
        raise Refused(f"execution {execution.id} is {execution.status} and cannot become {status}")


def ensure_open(execution: Execution) -> None:
    """`Refused` when the execution has ended."""
    if execution.status in TERMINAL:
        raise Refused(f"execution {execution.id} has ended: it is {execution.status}")


def ensure_event_allowed(execution: Execution, event: NewEvent) -> None:
    """`Refused` for an event that may not follow the end."""
    if event.type not in EVENTS_AFTER_END:
        ensure_open(execution)


def settled_status(status: Status, control: Control | None) -> Status:
    """The final status when a lease is released as `status` while a control request is pending. The store applies the
    request itself: no worker is left to do it, and a cancel request that arrives at the last moment would be lost."""
    if status in TERMINAL:
        return status
    if control == "cancel":
        return "cancelled"
    return "paused" if control == "pause" else status


def settled_ready_at(status: Status, *, missed: bool, wanted: datetime | None, now: datetime) -> datetime | None:
    """The `ready_at` of an execution whose lease is released: now when it is queued or a decision was missed."""
    if status in TERMINAL or status == "paused":
        return None
    return now if status == "queued" or missed else wanted


def lost_lease(lease: Lease) -> LostLease:
    """The error of a write with a lease that is no longer the row's."""
    return LostLease(f"{lease.holder} no longer holds execution {lease.execution_id} (epoch {lease.epoch})")


def awaited_reviews(events: tuple[NewEvent, ...]) -> frozenset[str] | None:
    """The paths of the reviews that the worker's `execution_waiting` event names; None when there is no such event."""
    for event in events:
        paths = event.data.get("reviews")
        if event.type == "execution_waiting" and isinstance(paths, list):
            return frozenset(str(path) for path in paths)
    return None


@dataclass(frozen=True, kw_only=True)
class ControlChange:
    """The effect of a control request: the pending request for the worker, or the status of an execution without a
    holder.

    `status` None leaves it as it is. `applied` is the event that follows once open reviews are withdrawn.
    """

    control: Control | None
    requested: NewEvent
    status: Status | None = None
    applied: NewEvent | None = None


def control_request(execution: Execution, action: Control | None, by: str, now: datetime) -> ControlChange | None:
    """The change that pause, cancel or resume (None) makes; None for no change. `Refused` after the end."""
    if execution.status == "cancelled" and action == "cancel":
        return None
    ensure_open(execution)
    requested = ControlRequested(action=action or "resume", by=by).at()
    if action is None:
        if execution.control == "cancel":
            raise Refused(f"execution {execution.id} is being cancelled; that cannot be undone")
        if execution.status == "paused":
            return ControlChange(control=None, requested=requested, status="queued")
        return ControlChange(control=None, requested=requested) if execution.control == "pause" else None
    if is_held(execution, now):
        already = execution.control in (action, "cancel")
        return None if already else ControlChange(control=action, requested=requested)
    if action == "pause" and (execution.status == "paused" or execution.control == "cancel"):
        return None  # the next worker cancels it; a pause would take that request back
    status: Status = "cancelled" if action == "cancel" else "paused"
    applied = control_applied_event(status, by)
    return ControlChange(control=None, requested=requested, status=status, applied=applied)


def control_applied_event(status: Status, by: str) -> NewEvent:
    """The timeline event of a pause or a cancellation that the store applies itself."""
    return ExecutionCancelled(by=by).at() if status == "cancelled" else ExecutionPaused(by=by).at()
