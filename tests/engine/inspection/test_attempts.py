"""The attempts of a step run, as they are read from its timeline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flowbuilder.engine.inspection.attempts import attempts
from flowbuilder.model.events import Event, EventType
from flowbuilder.values import JsonObject

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def read(*happened: tuple[EventType, str, JsonObject], path: str = "publish") -> list[tuple[int, str]]:
    """The number and the outcome of each attempt, with a minute between two events."""
    events = [
        Event(execution_id="x", seq=seq, at=START + timedelta(minutes=seq), type=kind, path=at, data=data)
        for seq, (kind, at, data) in enumerate(happened, 1)
    ]
    return [(each["attempt"], each["outcome"]) for each in attempts(path, events)]


STARTED: tuple[EventType, str, JsonObject] = ("step_started", "publish", {})
DONE: tuple[EventType, str, JsonObject] = ("step_completed", "publish", {"attempt": 1, "seconds": 1.0})
LOST: tuple[EventType, str, JsonObject] = ("worker_lost", "", {"holder": "w", "epoch": 1})


def test_a_step_that_runs_has_an_attempt_without_an_end() -> None:
    assert read(STARTED) == [(1, "running")]
    assert read(("step_started", "other", {}), LOST) == []


def test_a_lost_worker_ends_an_attempt_that_is_made_again() -> None:
    assert read(LOST, STARTED, LOST, DONE, LOST) == [(1, "worker_lost"), (1, "completed")]


def test_a_rate_limit_uses_no_attempt() -> None:
    throttled: JsonObject = {"attempt": 1, "connection": "api", "reason": "429", "until": START.isoformat()}
    assert read(STARTED, ("step_throttled", "publish", throttled), DONE) == [(1, "throttled"), (1, "completed")]


def test_a_step_that_asks_a_person_continues_after_the_answer() -> None:
    asked: tuple[EventType, str, JsonObject] = ("review_opened", "publish~2", {"review_id": "r"})
    decided: tuple[EventType, str, JsonObject] = ("review_decided", "publish~2", {"decision": "approved"})
    assert read(STARTED, asked, LOST) == [(1, "review")]
    assert read(STARTED, asked, decided, DONE) == [(1, "review"), (1, "completed")]
    assert read(("review_opened", "publish", {}), decided) == []


def test_an_attempt_that_is_due_has_the_next_number() -> None:
    error = {"code": "timeout", "message": "slow"}
    retry: tuple[EventType, str, JsonObject] = (
        "step_retrying", "publish", {"attempt": 1, "error": error, "delay_seconds": 60.0},
    )  # fmt: skip
    assert read(STARTED, retry) == [(1, "retried"), (2, "due")]
    failed: tuple[EventType, str, JsonObject] = ("step_failed", "publish", {"attempt": 2, "error": error})
    assert read(STARTED, retry, failed) == [(1, "retried"), (2, "failed")]
