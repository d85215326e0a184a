"""Checks of executions: completion, recovery, leases, cancellation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from chaos.evidence import Evidence
from chaos.installation import pid_of
from chaos.metrics import percentile, resume_seconds
from flowbuilder.model.execution import TERMINAL

NOTICED_SECONDS = 1.5
"""Seconds within which a worker notices a cancellation by polling: until then a step may begin."""


def cancelled_means_cancelled(evidence: Evidence) -> Iterator[str]:
    """After a cancellation no step and no effect starts."""
    for trace in evidence.traces:
        requests = [event for event in trace.of("control_requested") if event.data.get("action") == "cancel"]
        if not requests:
            continue
        execution = trace.execution
        if execution.status not in ("cancelled", "completed", "failed"):
            yield f"{execution.id} was cancelled and is {execution.status}"
        for event in trace.events:
            if event.seq < requests[0].seq:
                continue
            late = (event.at - requests[0].at).total_seconds()
            if event.type == "effect_intended":
                yield f"{execution.id} {event.path}: an effect began {late:.2f} s after the cancellation"
            if event.type == "step_started" and late > NOTICED_SECONDS:
                yield f"{execution.id} {event.path}: a step began {late:.2f} s after the cancellation"


LEAST_SHARE = 0.95
LEAST_A_MINUTE = 6
"""Executions a minute; with fewer, faults would rarely hit one."""


def executions_complete(evidence: Evidence) -> Iterator[str]:
    """At least 95 % of the executions complete, none fails, and there are enough of them.

    A cancelled execution is not counted; a fault may neither cancel nor fail an execution.
    """
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
            yield f"{execution.id} ({execution.workflow}) was cancelled without a request"
        failed = [event for event in trace.of("step_failed") if event.data["error"]["code"] != "effect_unknown"]
        for event in failed:
            yield f"{execution.id} {event.path} failed: {event.data['error']}"


LONGEST_SECONDS = 20.0


def resumes_soon(evidence: Evidence) -> Iterator[str]:
    """Executions of a killed worker resume within 20 seconds (p95) without help."""
    seconds = resume_seconds(evidence)
    if not seconds:
        yield "no execution was held by a worker that was killed"
    elif percentile(seconds, 0.95) > LONGEST_SECONDS:
        yield f"p95 is {percentile(seconds, 0.95):.1f} s, of {len(seconds)} executions"


KILLED = ("worker SIGKILL", "worker SIGTERM")
FROZEN = "worker SIGSTOP past the lease"
WRITES_SECONDS = 0.1
"""Seconds after which a signal has stopped a process."""


def leases_are_kept(evidence: Evidence) -> Iterator[str]:
    """No execution is taken from a live worker, and no worker ends by itself.

    A worker may lose its executions only when it was killed, or frozen for longer than its lease; or, on SQLite, when
    another one was frozen in the middle of a write: until it continues, no worker can write, so none can renew.
    """
    hit: dict[int, float] = {}
    for item in evidence.injections:
        if item.fault in (*KILLED, FROZEN) and "pid" in item.detail:
            pid = int(item.detail["pid"])
            hit[pid] = min(item.begun, hit.get(pid, item.begun))
    signalled = {item.detail.get("pid") for item in evidence.injections if item.fault in KILLED}
    for end in evidence.exits:
        if end.pid not in signalled:
            yield f"worker process {end.pid} ended by itself, with code {end.code}"
        for pid in end.group:
            hit[pid] = end.at
    locked = _locked(evidence)
    for trace in evidence.traces:
        for event in trace.of("worker_lost"):
            pid, at = pid_of(str(event.data["holder"])), event.at.timestamp()
            if hit.get(pid, float("inf")) > at and not any(begun < at < ended for begun, ended in locked):
                yield f"{trace.execution.id} was taken from process {pid}, which was neither killed nor frozen"


def _locked(evidence: Evidence) -> list[tuple[float, float]]:
    """When leases could not be renewed since a frozen worker held SQLite's lock: no worker wrote an event meanwhile."""
    if evidence.options.database != "sqlite":
        return []
    written = [event.at.timestamp() for trace in evidence.traces for event in trace.events]
    frozen = [item.detail for item in evidence.injections if item.fault == FROZEN and "at" in item.detail]
    return [
        (at, at + seconds + evidence.options.lease)
        for at, seconds in ((float(detail["at"]), float(detail["seconds"])) for detail in frozen)
        if not any(at + WRITES_SECONDS < one < at + seconds for one in written)
    ]


def nothing_lost(evidence: Evidence) -> Iterator[str]:
    """Each start made one execution, which ended within the promised time after the faults."""
    found = {trace.execution.id: trace for trace in evidence.traces}
    numbers = Counter(str(trace.execution.inputs.get("n")) for trace in evidence.traces)
    for start in evidence.starts:
        if start.execution_id is not None and start.execution_id not in found:
            yield f"{start.execution_id} ({start.workflow}) was started and does not exist"
        if numbers[start.n] > 1:
            yield f"start {start.n} made {numbers[start.n]} executions"
    known = {start.n for start in evidence.starts}
    for trace in evidence.traces:
        execution = trace.execution
        if str(execution.inputs.get("n")) not in known:
            yield f"{execution.id} ({execution.workflow}) exists without a start"
        if execution.status not in TERMINAL:
            last = trace.events[-1]
            yield f"{execution.id} ({execution.workflow}) is {execution.status} at the end; its last event: {last.type}"
    if evidence.settled_seconds is None:
        yield f"not all had ended {evidence.options.settle_seconds:g} s after the faults"
