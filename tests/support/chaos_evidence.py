"""Hand-written evidence of a chaos run without findings, and functions that falsify it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chaos.evidence import Evidence, Trace
from chaos.faults import Injection
from chaos.load import Start
from chaos.options import Options
from chaos.processes import ProcessExit
from chaos.reviewers import DecisionAttempt
from chaos.target_service import TargetCall
from flowbuilder.model.effect import Effect
from flowbuilder.model.events import Event, EventType
from flowbuilder.model.execution import Execution
from flowbuilder.model.review import Decision, Review, ReviewRequest

BEGUN = datetime(2026, 11, 25, 12, tzinfo=UTC)
KILLED, OTHER = 77, 88
WANTED = ("worker SIGKILL", "execution cancelled")
RUNS = 10
"""Executions that complete; one more was cancelled."""


def sound() -> Evidence:
    """Evidence of a run in which one worker was killed and every check passes."""
    traces = [trace_of(number) for number in range(RUNS)] + [cancelled(RUNS)]
    killed = {"pid": KILLED, "held": ["run-0"], "at": (BEGUN + timedelta(seconds=2.5)).timestamp()}
    return Evidence(
        options=Options(seconds=60, seed=1, folder=Path("nowhere")),
        wanted=WANTED,
        injections=(
            injection("worker SIGKILL", killed),
            injection("execution cancelled", {"execution": f"run-{RUNS}"}),
        ),
        starts=tuple(
            Start(n=str(n), workflow="reviewed", at=BEGUN.timestamp(), execution_id=f"run-{n}")
            for n in range(len(traces))
        ),
        traces=tuple(traces),
        calls=tuple(call(f"{kind}/{number}", f"{kind}-{number}") for number in range(RUNS) for kind in ("put", "bare")),
        pages={f"published-{number}": "text" for number in range(RUNS)},
        decision_attempts=(
            answer("run-0", "ana", "taken"),
            answer("run-0", "eve", "refused"),
            replace(answer("run-1", "ana", "taken"), racing=True),
        ),
        resumed=(),
        exits=(ProcessExit(pid=KILLED, code=-9, at=BEGUN.timestamp() + 2.5),),
        findings=(),
        settled_seconds=3.0,
    )


def injection(fault: str, detail: dict[str, Any], *, mattered: bool = True) -> Injection:
    """A fault injected two seconds after the beginning, and over at once."""
    at = (BEGUN + timedelta(seconds=2)).timestamp()
    return Injection(fault=fault, begun=at, ended=at, mattered=mattered, detail=detail)


def call(place: str, key: str, *, applied: bool = True) -> TargetCall:
    """A call to the target."""
    return TargetCall(at=BEGUN.timestamp(), place=place, key=key, applied=applied)


def answer(execution_id: str, by: str, told: Any) -> DecisionAttempt:
    """A decision and its result."""
    return DecisionAttempt(
        review_id=f"review-{execution_id}", execution_id=execution_id, by=by, kind="approved", at=0.0, result=told
    )


def trace_of(number: int) -> Trace:
    """An execution with a review and a write that completed; the worker of the first one was killed."""
    lost: list[tuple[float, EventType, str, dict[str, Any]]] = [
        (6.0, "worker_lost", "", {"holder": f"worker:host:{KILLED}:x", "epoch": 1}),
        (6.1, "execution_resumed", "", {"holder": f"worker:host:{OTHER}:y", "attempt": 2}),
    ]
    rows: list[tuple[float, EventType, str, dict[str, Any]]] = [
        (0.0, "execution_started", "", {}),
        (1.0, "review_opened", "review", {}),
        (2.0, "review_decided", "review", {}),
        *(lost if number == 0 else []),
        (7.0, "step_started", "published", {}),
        (7.1, "effect_intended", "published", {}),
        (7.2, "step_completed", "published", {}),
        (8.0, "resumed_without_decision", "", {}),
        (9.0, "execution_completed", "", {}),
    ]
    return Trace(
        execution=execution(number, "completed"),
        events=events(number, rows),
        effects=(
            effect(number, "put", "deduplicates", f"PUT http://target/put/{number}"),
            effect(number, "bare", "neither", f"POST http://target/bare/{number}"),
            effect(number, "published", "lookup", f"create https://chaos.example/published-{number}"),
        ),
        reviews=(review(number),),
    )


def cancelled(number: int) -> Trace:
    """An execution that was cancelled before its first step."""
    return Trace(
        execution=execution(number, "cancelled"),
        events=events(
            number,
            [
                (0.0, "execution_started", "", {}),
                (1.0, "control_requested", "", {"action": "cancel"}),
                (1.1, "execution_cancelled", "", {}),
            ],
        ),
        effects=(),
        reviews=(),
    )


def execution(number: int, status: Any, **more: Any) -> Execution:
    """The row of an execution."""
    return Execution(
        id=f"run-{number}",
        workflow="reviewed",
        version=1,
        digest="d",
        status=status,
        inputs={"n": str(number)},
        created_at=BEGUN,
        **more,
    )


def events(number: int, rows: list[tuple[float, EventType, str, dict[str, Any]]]) -> tuple[Event, ...]:
    """A timeline: seconds from the beginning, kind, path and data."""
    return tuple(
        Event(execution_id=f"run-{number}", seq=seq, at=BEGUN + timedelta(seconds=at), type=kind, path=path, data=data)
        for seq, (at, kind, path, data) in enumerate(rows, start=1)
    )


def effect(number: int, path: str, target_class: Any, target: str) -> Effect:
    """An effect with status `done`."""
    return Effect(
        key=f"{path}-{number}",
        execution_id=f"run-{number}",
        path=path,
        target=target,
        target_class=target_class,
        status="done",
        request_hash="h",
        receipt={"body": "text"},
        created_at=BEGUN,
    )


def review(number: int) -> Review:
    """A review approved by Ana."""
    return Review(
        id=f"review-run-{number}",
        execution_id=f"run-{number}",
        workflow="reviewed",
        site=None,
        path="review",
        request=ReviewRequest(title="Good?"),
        status="decided",
        version=2,
        content_hash="h",
        created_at=BEGUN,
        decision=Decision(kind="approved", by="ana", at=BEGUN),
    )


Change = Callable[[Trace], Trace]


def changed(number: int, change: Change) -> Callable[[Evidence], Evidence]:
    """The evidence with one changed execution."""

    def doctor(evidence: Evidence) -> Evidence:
        traces = list(evidence.traces)
        traces[number] = change(traces[number])
        return replace(evidence, traces=tuple(traces))

    return doctor


def with_event(at: float, kind: EventType, path: str = "", **data: Any) -> Change:
    """A change that adds an event at the end of the timeline."""

    def change(trace: Trace) -> Trace:
        last = trace.events[-1]
        event = replace(last, seq=last.seq + 1, at=BEGUN + timedelta(seconds=at), type=kind, path=path, data=dict(data))
        return replace(trace, events=(*trace.events, event))

    return change


def with_delay(*, from_seq: int, seconds: float) -> Change:
    """A change that delays an event and all that follow by `seconds`."""
    later = timedelta(seconds=seconds)

    def change(trace: Trace) -> Trace:
        moved = tuple(replace(e, at=e.at + later) if e.seq >= from_seq else e for e in trace.events)
        return replace(trace, events=moved)

    return change


def with_status(status: Any, **more: Any) -> Change:
    """A change of the status."""
    return lambda trace: replace(trace, execution=replace(trace.execution, status=status, **more))
