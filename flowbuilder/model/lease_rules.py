"""Who may hold an execution, and what its status may become. Pure: every store obeys these rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flowbuilder.errors import Conflict, LostLease, Refused
from flowbuilder.model.events import EventType, NewEvent
from flowbuilder.model.execution import TERMINAL, TRANSITIONS, Control, Execution, Lease, Status

AFTER_THE_END: frozenset[EventType] = frozenset({"effect_reverted"})
"""The only events that an ended execution may still get."""

MOST_DEATHS = 3
"""How many workers in a row an execution may take down with it before it is set aside."""


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
    """Whether a claim by `holder` takes over from a worker that went silent."""
    return execution.holder not in (None, holder) and not is_held(execution, now)


def is_poison(execution: Execution, *, died: bool) -> bool:
    """Whether an execution whose worker went silent (`died`) has taken down enough of them to be set aside."""
    return died and execution.deaths + 1 >= MOST_DEATHS


def set_aside(execution: Execution) -> Refused:
    """The refusal of an execution that was just set aside."""
    return Refused(
        f"execution {execution.id} has taken down {MOST_DEATHS} workers in a row and is paused; find out why, then "
        "resume or cancel it"
    )


def quarantined(execution: Execution) -> NewEvent:
    """What the timeline says of an execution that was set aside."""
    return NewEvent(type="execution_quarantined", data={"deaths": execution.deaths + 1})


def worker_lost(execution: Execution) -> NewEvent:
    """What the timeline says of a holder whose lease ran out."""
    return NewEvent(type="worker_lost", data={"holder": execution.holder, "epoch": execution.epoch})


def ensure_legal(execution: Execution, status: Status) -> None:
    """`Refused` when the execution's status may not become this one."""
    if status not in TRANSITIONS[execution.status]:
        raise Refused(f"execution {execution.id} is {execution.status} and cannot become {status}")


def ensure_open(execution: Execution) -> None:
    """`Refused` when the execution has ended."""
    if execution.status in TERMINAL:
        raise Refused(f"execution {execution.id} has ended: it is {execution.status}")


def ensure_event_fits(execution: Execution, event: NewEvent) -> None:
    """`Refused` for an event that would follow the end."""
    if event.type not in AFTER_THE_END:
        ensure_open(execution)


def wished_status(status: Status, control: Control | None) -> Status:
    """What an execution becomes that is let go as `status` while a person's wish is not yet done: nobody is left to do
    it, so it is done at once. Without this, a cancellation that arrives in the last moment would wait for ever."""
    if status in TERMINAL:
        return status
    if control == "cancel":
        return "cancelled"
    return "paused" if control == "pause" else status


def ready_when_settled(status: Status, *, missed: bool, asked: datetime | None, now: datetime) -> datetime | None:
    """The `ready_at` of an execution that is let go: at once when handed over or when a decision was missed."""
    if status in TERMINAL or status == "paused":
        return None
    return now if status == "queued" or missed else asked


def lost(lease: Lease) -> LostLease:
    """The error of a write with a lease that is no longer the row's."""
    return LostLease(f"{lease.holder} no longer holds execution {lease.execution_id} (epoch {lease.epoch})")


def awaited(events: tuple[NewEvent, ...]) -> frozenset[str] | None:
    """The paths of the reviews that a worker says it waits for, from its `execution_waiting` event; None: it did not
    say."""
    for event in events:
        paths = event.data.get("reviews")
        if event.type == "execution_waiting" and isinstance(paths, list):
            return frozenset(str(path) for path in paths)
    return None


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a person's wish changes now: the note to the worker, or the status itself where nobody holds it.

    `status` None leaves it as it is. `done` is the event that follows once open reviews are dealt with.
    """

    control: Control | None
    requested: NewEvent
    status: Status | None = None
    done: NewEvent | None = None


def wish(execution: Execution, action: Control | None, by: str, now: datetime) -> Wish | None:
    """What pause, cancel or (None) going on after a pause does; None when it is so already. `Refused` after the end."""
    if execution.status == "cancelled" and action == "cancel":
        return None
    ensure_open(execution)
    requested = NewEvent(type="control_requested", data={"action": action or "resume", "by": by})
    if action is None:
        if execution.control == "cancel":
            raise Refused(f"execution {execution.id} is being cancelled, which cannot be taken back")
        if execution.status == "paused":
            return Wish(control=None, requested=requested, status="queued")
        return Wish(control=None, requested=requested) if execution.control == "pause" else None
    if is_held(execution, now):
        already = execution.control in (action, "cancel")
        return None if already else Wish(control=action, requested=requested)
    if action == "pause" and (execution.status == "paused" or execution.control == "cancel"):
        return None  # whoever takes it up next cancels it; a pause would take that back
    status: Status = "cancelled" if action == "cancel" else "paused"
    return Wish(control=None, requested=requested, status=status, done=wish_done(status, by))


def wish_done(status: Status, by: str) -> NewEvent:
    """The event of a pause or a cancellation that the store does itself."""
    return NewEvent(type="execution_cancelled" if status == "cancelled" else "execution_paused", data={"by": by})
