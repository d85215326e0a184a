"""The metrics of a run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from chaos.evidence import Evidence, Trace
from flowbuilder.model.execution import TERMINAL

RELEASED = frozenset(
    {"execution_waiting", "execution_paused", "execution_released", *(f"execution_{s}" for s in TERMINAL)}
)
"""Events that release the lease."""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all values does not exceed; 0 without values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def resume_seconds(evidence: Evidence) -> list[float]:
    """From each SIGKILL to the next event of each execution that the worker held; infinite without one."""
    traces = {trace.execution.id: trace for trace in evidence.traces}
    found = []
    for item in evidence.injected("worker SIGKILL"):
        at = float(item.detail["at"])
        for trace in (traces.get(execution_id) for execution_id in item.detail["held"]):
            if trace is None:
                found.append(math.inf)
            elif _held(trace, at):
                found.append(_seconds_to_next_event(trace, at))
    return found


def drain_seconds(evidence: Evidence) -> list[float]:
    """From each SIGTERM to the release of each execution that the worker held; infinite without one."""
    traces = {trace.execution.id: trace for trace in evidence.traces}
    found = []
    for item in evidence.injected("worker SIGTERM"):
        at = float(item.detail["at"])
        for trace in (traces[execution_id] for execution_id in item.detail["held"] if execution_id in traces):
            if _held(trace, at):
                released = (event.at.timestamp() - at for event in trace.of(*RELEASED) if event.at.timestamp() > at)
                found.append(min(released, default=math.inf))
    return found


def _held(trace: Trace, at: float) -> bool:
    before = [event for event in trace.events if event.at.timestamp() <= at and event.type != "control_requested"]
    return bool(before) and before[-1].type not in RELEASED


def _seconds_to_next_event(trace: Trace, at: float) -> float:
    later = (event for event in trace.events if event.at.timestamp() > at and event.type != "control_requested")
    return min((event.at.timestamp() - at for event in later), default=math.inf)


def metrics(evidence: Evidence) -> dict[str, Any]:
    """The metrics of the summary and the JSON file; times in seconds."""
    traces, options = evidence.traces, evidence.options
    effects = [effect for trace in traces for effect in trace.effects]
    keys = Counter(call.key for call in evidence.calls)
    events = Counter(event.type for trace in traces for event in trace.events)
    results = Counter(answer.result for answer in evidence.decision_attempts)
    waits = resume_seconds(evidence)
    expired = sum(len(trace.of("review_expired")) for trace in traces)
    return {
        "database": options.database,
        "seed": options.seed,
        "seconds": options.seconds,
        "lease_seconds": options.lease,
        "sweep_seconds": options.sweep,
        "executions": {
            "all": len(traces),
            **Counter(trace.execution.status for trace in traces),
        },
        "workflows": dict(Counter(trace.execution.workflow for trace in traces)),
        "start": _spread([start.seconds for start in evidence.starts if start.execution_id is not None]),
        "starts_refused": sum(start.execution_id is None for start in evidence.starts),
        "steps": events["step_completed"],
        "events": sum(events.values()),
        "effects": dict(Counter(f"{effect.target_class} {effect.status}" for effect in effects)),
        "calls": len(evidence.calls),
        "calls_repeated": sum(times - 1 for times in keys.values()),
        "decisions": {**results, "racing_won": _races(evidence, "taken"), "racing_lost": _races(evidence, "refused")},
        "reviews_expired": expired,
        "workers_lost": events["worker_lost"],
        "set_aside": events["execution_quarantined"],
        "resumed_by_the_operator": len(evidence.resumed),
        "resumed_without_decision": events["resumed_without_decision"],
        "faults": {
            fault: {
                "injected": sum(item.fault == fault for item in evidence.injections),
                "hit": len(evidence.injected(fault)),
            }
            for fault in evidence.wanted
        },
        "resume": _spread(waits),
        "drain": _spread(drain_seconds(evidence)),
        "settled_seconds": evidence.settled_seconds,
        "findings": len(evidence.findings),
    }


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    return {
        "times": len(seconds),
        "p50": round(percentile(seconds, 0.5), 2),
        "p95": round(percentile(seconds, 0.95), 2),
        "max": round(max(seconds, default=0.0), 2),
    }


def _races(evidence: Evidence, result: str) -> int:
    return sum(answer.racing and answer.result == result for answer in evidence.decision_attempts)
