"""No execution is taken from a worker that lives, and no worker ends by itself.

A worker may lose what it held only when it was killed, or frozen for longer than its lease lasts.
"""

from __future__ import annotations

from collections.abc import Iterator

from chaos.evidence import Evidence
from chaos.installation import pid_of

KILLED = ("worker SIGKILL", "worker SIGTERM")
FROZEN = "worker SIGSTOP past the lease"


def check(evidence: Evidence) -> Iterator[str]:
    """Every `worker_lost` against the processes that were hit before, and what these had started."""
    hit: dict[int, float] = {}
    for item in evidence.injections:
        if item.fault in (*KILLED, FROZEN) and "pid" in item.detail:
            pid = int(item.detail["pid"])
            hit[pid] = min(item.begun, hit.get(pid, item.begun))
    told = {item.detail.get("pid") for item in evidence.injections if item.fault in KILLED}
    for end in evidence.ends:
        if end.pid not in told:
            yield f"worker process {end.pid} ended by itself, with code {end.code}"
        for pid in end.group:
            hit[pid] = end.at
    for trace in evidence.traces:
        for event in trace.of("worker_lost"):
            pid = pid_of(str(event.data["holder"]))
            if hit.get(pid, float("inf")) > event.at.timestamp():
                yield f"{trace.execution.id} was taken from process {pid}, which was neither killed nor frozen"
