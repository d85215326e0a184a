"""After a cancellation no step and no effect starts."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.evidence import Evidence

NOTICED_SECONDS = 1.5
"""How soon a worker notices a cancellation that nobody told it of: a step that begins in this moment may begin."""


def check(evidence: Evidence) -> Iterator[str]:
    """By the order of the timeline; effects without any delay."""
    for trace in evidence.traces:
        asked = [event for event in trace.of("control_requested") if event.data.get("action") == "cancel"]
        if not asked:
            continue
        execution = trace.execution
        if execution.status not in ("cancelled", "completed", "failed"):
            yield f"{execution.id} was cancelled and is {execution.status}"
        for event in trace.events:
            if event.seq < asked[0].seq:
                continue
            late = (event.at - asked[0].at).total_seconds()
            if event.type == "effect_intended":
                yield f"{execution.id} {event.path}: an effect began {late:.2f} s after the cancellation"
            if event.type == "step_started" and late > NOTICED_SECONDS:
                yield f"{execution.id} {event.path}: a step began {late:.2f} s after the cancellation"
