"""Nothing passes a review without a decision.

Whatever was resumed in Prefect's UI, the step that publishes what is approved starts after the review is decided.
"""

from __future__ import annotations

from collections.abc import Iterator

from chaos.evidence import Evidence

AFTER = {"reviewed": "published", "deadline": "put", "held": "published", "calling": "put"}
"""The step that waits for the review, by workflow."""


def check(evidence: Evidence) -> Iterator[str]:
    """By the order of the timeline."""
    for trace in evidence.traces:
        waiting = AFTER.get(trace.execution.workflow)
        decided = [event.seq for event in trace.of("review_decided", "review_expired")]
        for event in trace.of("step_started", path=waiting) if waiting else ():
            if not any(seq < event.seq for seq in decided):
                yield f"{trace.execution.id} {event.path} started before anyone had decided"
