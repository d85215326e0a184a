"""What a killed worker held goes on within 20 seconds (p95), without anyone."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.evidence import Evidence
from chaos.metrics import percentile, resume_seconds

LONGEST_SECONDS = 20.0


def check(evidence: Evidence) -> Iterator[str]:
    """From the SIGKILL to the next event of each execution that it held."""
    seconds = resume_seconds(evidence)
    if not seconds:
        yield "no execution was held by a worker that was killed"
    elif percentile(seconds, 0.95) > LONGEST_SECONDS:
        yield f"p95 is {percentile(seconds, 0.95):.1f} s, of {len(seconds)} executions"
