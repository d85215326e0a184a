"""What was started is there, once, and ends within the time that is promised after the faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from chaos.evidence import Evidence
from flowbuilder.model.execution import TERMINAL


def check(evidence: Evidence) -> Iterator[str]:
    """Starts against our record. A start that was answered by an error may have made an execution, or not."""
    found = {trace.execution.id: trace for trace in evidence.traces}
    numbers = Counter(str(trace.execution.inputs.get("n")) for trace in evidence.traces)
    for start in evidence.starts:
        if start.execution_id is not None and start.execution_id not in found:
            yield f"{start.execution_id} ({start.workflow}) was started and is not there"
        if numbers[start.n] > 1:
            yield f"start {start.n} made {numbers[start.n]} executions"
    known = {start.n for start in evidence.starts}
    for trace in evidence.traces:
        execution = trace.execution
        if str(execution.inputs.get("n")) not in known:
            yield f"{execution.id} ({execution.workflow}) is there, and nobody started it"
        if execution.status not in TERMINAL:
            last = trace.events[-1]
            yield f"{execution.id} ({execution.workflow}) is {execution.status} at the end; its last event: {last.type}"
    if evidence.settled_seconds is None:
        yield f"not all had ended {evidence.options.settle_seconds:g} s after the faults"
