"""Every fault fired and hit something.

A run in which nothing went wrong proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from chaos.evidence import Evidence


def check(evidence: Evidence) -> Iterator[str]:
    """Injected faults by their proof; those that people cause by what they were told."""
    for fault in evidence.wanted:
        tried = [item for item in evidence.injections if item.fault == fault]
        if not evidence.injected(fault):
            yield f"{fault}: tried {len(tried)} times, and it never hit anything; this run is void"
    for item in evidence.injections:
        if "broken" in item.detail:
            yield f"{item.fault} could not be injected: {item.detail['broken']}"
    if not any(answer.racing and answer.told != "unknown" for answer in evidence.answers):
        yield "nobody decided in the moment in which a review expired; this run is void"
    if not any(trace.of("resumed_without_decision") for trace in evidence.traces):
        yield "no worker took an execution up because of a Resume without a decision; this run is void"
    if not any(answer.told == "refused" and not answer.racing for answer in evidence.answers):
        yield "no decision was made twice; this run is void"
