"""At least 95 % of the executions complete, none fails, and there are enough of them.

An execution that somebody cancelled is not counted; a fault may cancel or fail none.
"""

from __future__ import annotations

from collections.abc import Iterator

from chaos.evidence import Evidence

LEAST_SHARE = 0.95
LEAST_A_MINUTE = 6
"""Executions; with fewer, hardly a fault would hit one."""


def check(evidence: Evidence) -> Iterator[str]:
    """The share of those that were left alone, and each that failed."""
    asked = {item.detail["execution"] for item in evidence.injected("execution cancelled")}
    counted = [trace for trace in evidence.traces if trace.execution.status != "cancelled"]
    completed = sum(trace.execution.status == "completed" for trace in counted)
    least = LEAST_A_MINUTE * evidence.options.seconds / 60
    if completed < least:
        yield f"{completed} executions completed; a run of {evidence.options.seconds:g} s needs {least:g}"
    if counted and completed / len(counted) < LEAST_SHARE:
        yield f"{completed} of {len(counted)} executions completed: {completed / len(counted):.1%}"
    for trace in evidence.traces:
        execution = trace.execution
        if execution.status == "failed":
            yield f"{execution.id} ({execution.workflow}) failed: {execution.error}"
        if execution.status == "cancelled" and execution.id not in asked:
            yield f"{execution.id} ({execution.workflow}) was cancelled, and nobody asked for it"
        failed = [event for event in trace.of("step_failed") if event.data["error"]["code"] != "effect_unknown"]
        for event in failed:
            yield f"{execution.id} {event.path} failed: {event.data['error']}"
