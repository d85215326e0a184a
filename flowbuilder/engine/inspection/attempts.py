"""The attempts of a step run, from the timeline: when each ended, how, and why the step was tried again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from flowbuilder.model.events import Event
from flowbuilder.model.step_path import StepPath
from flowbuilder.values import JsonObject


def attempts(path: str, events: Sequence[Event]) -> tuple[JsonObject, ...]:
    """One record for each end of an attempt, and one without an end for an attempt that runs: `{attempt, started_at,
    ended_at, outcome, error?, delay_seconds?, until?, reason?, seconds?}`.

    `outcome` is `completed`, `failed`, `retried`, `throttled` (which uses no attempt), `review` (the step asked a
    person), `worker_lost` (the attempt is made again), `running`, or `due` at `started_at`: then it starts, or has
    started.
    """
    found: list[JsonObject] = []
    number, started, resumes, last = 1, None, None, "running"
    for event in events:
        if event.type == "worker_lost" and started is not None and event.at >= started:
            found.append(_ended(number, started, event, "worker_lost"))
            started = event.at
        elif event.type == "review_opened" and started is not None and StepPath(event.path).step_run == path:
            found.append(_ended(number, started, event, "review", review=event.data.get("review_id")))
            started, resumes = None, event.path
        elif event.path == resumes and event.type in ("review_decided", "review_expired"):
            started, resumes = event.at, None
        elif event.path != path:
            continue
        elif event.type == "step_started":
            started = event.at
        elif event.type == "step_retrying":
            delay = event.data.get("delay_seconds")
            number = _number(event, number)
            found.append(_ended(number, started, event, "retried", error=event.data.get("error"), delay_seconds=delay))
            number, started = number + 1, event.at + timedelta(seconds=delay if isinstance(delay, int | float) else 0)
            last = "due"
        elif event.type == "step_throttled":
            number = _number(event, number)
            data = {name: event.data.get(name) for name in ("connection", "reason", "until")}
            found.append(_ended(number, started, event, "throttled", **data))
            started, last = datetime.fromisoformat(str(data["until"])), "due"
        elif event.type in ("step_completed", "step_failed"):
            data = {name: event.data[name] for name in ("error", "seconds") if event.data.get(name) is not None}
            found.append(_ended(_number(event, number), started, event, event.type.removeprefix("step_"), **data))
            started = None
    if started is not None:
        found.append({"attempt": number, "started_at": started.isoformat(), "ended_at": None, "outcome": last})
    return tuple(found)


def reason_of(attempt: Mapping[str, Any]) -> str:
    """Why an attempt ended as it did, in one line; empty where nothing is recorded."""
    error = attempt.get("error")
    if isinstance(error, Mapping):
        return f"{error.get('code')}: {error.get('message')}"
    return str(attempt.get("reason") or "")


def _number(event: Event, otherwise: int) -> int:
    number = event.data.get("attempt")
    return number if isinstance(number, int) else otherwise


def _ended(number: int, started: datetime | None, event: Event, outcome: str, **more: Any) -> JsonObject:
    began = started.isoformat() if started is not None else None
    return {"attempt": number, "started_at": began, "ended_at": event.at.isoformat(), "outcome": outcome, **more}
