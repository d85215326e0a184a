"""Checks of the run itself: its audit, and that every fault had an effect."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.evidence import Evidence


def audit_is_clean(evidence: Evidence) -> Iterator[str]:
    """The audit finds nothing."""
    yield from (str(finding) for finding in evidence.findings)


def every_fault_fired(evidence: Evidence) -> Iterator[str]:
    """Every fault fired and had an effect.

    A run without effective faults proves nothing.
    """
    for fault in evidence.wanted:
        tried = [item for item in evidence.injections if item.fault == fault]
        if not evidence.injected(fault):
            yield f"{fault}: tried {len(tried)} times, without an effect; this run is void"
    for item in evidence.injections:
        if "broken" in item.detail:
            yield f"{item.fault} could not be injected: {item.detail['broken']}"
    if not any(answer.racing and answer.result != "unknown" for answer in evidence.decision_attempts):
        yield "no decision was made at the moment of an expiry; this run is void"
    if not any(trace.of("resumed_without_decision") for trace in evidence.traces):
        yield "no worker resumed an execution after a Resume without a decision; this run is void"
    if not any(answer.result == "refused" and not answer.racing for answer in evidence.decision_attempts):
        yield "no decision was made twice; this run is void"
