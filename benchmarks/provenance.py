"""Benchmark of the provenance guard: `python benchmarks/provenance.py [--rounds 200]`.

A workflow publishes a page of 100 KB that a model wrote and a reviewer approved. Measured is what the guard adds when
the publishing step starts: following the marks, and comparing what is sent with what was approved. Beside it stands the
sha256 of the same text. The exit code says whether the guard takes at most 0.2 ms, by the minimum of the rounds.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from flowbuilder.definition.loader import load
from flowbuilder.engine.effects.approval_guard import ensure_proven
from flowbuilder.model.execution import Outcome
from flowbuilder.model.review import Decision
from flowbuilder.model.review_rules import content_hash
from flowbuilder.plan.compiler import compile_plan
from flowbuilder.plan.nodes import Plan
from flowbuilder.steps.step import ExecutionInfo
from flowbuilder.walk.commands import Start
from flowbuilder.walk.provenance import Provenance
from flowbuilder.walk.walk import Walk

BOUND_SECONDS = 0.0002
PAGE = "word " * 20_000
DOCUMENT: dict[str, Any] = {
    "schema": "flowbuilder/v1",
    "name": "bench",
    "steps": [
        {"id": "get", "type": "page", "url": "https://example.com/page"},
        {"id": "draft", "type": "llm", "model": "demo:", "prompt": "{{ steps.get.output.text }}"},
        {"id": "review", "type": "human_review", "title": "Look", "proposal": "{{ steps.draft.output.text }}"},
        {"id": "publish", "type": "cms", "operation": "update", "url": "https://example.com/page",
         "body": "{{ steps.review.output.approved }}"},
    ],
}  # fmt: skip
OUTCOMES = [Outcome(path=path, status="completed", output={"text": PAGE}) for path in ("get", "draft")]
APPROVED = Decision(
    kind="approved", by="ana", at=datetime.now(UTC), approved=PAGE, approved_hash=content_hash(PAGE)
)  # fmt: skip
INFO = ExecutionInfo(id="e", workflow="bench", version=1, started_at="2026-01-01T00:00:00+00:00")


def guard_seconds(plan: Plan) -> float:
    """The time of the guard in one publish."""
    spent = 0.0
    follow = Provenance.of_published

    def timed(self: Provenance, *arguments: Any) -> Any:
        nonlocal spent
        began = perf_counter()
        found = follow(self, *arguments)
        spent += perf_counter() - began
        return found

    Provenance.of_published = timed  # type: ignore[method-assign]
    try:
        walk = Walk(plan, inputs={}, execution=INFO, outcomes=OUTCOMES, decisions={"review": APPROVED})
        (start,) = (command for command in walk.advance() if isinstance(command, Start))
    finally:
        Provenance.of_published = follow  # type: ignore[method-assign]
    assert start.unproven, "the published text is made from a web page"
    bound = start.node.step.bind(start.context)
    began = perf_counter()
    ensure_proven(bound, start.unproven)
    return spent + perf_counter() - began


def main() -> int:
    """Measure and print; returns 0 where the bound holds, else 1."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    definition, _ = load(DOCUMENT)
    assert definition is not None
    plan = compile_plan(definition)
    guard: list[float] = []
    sha256: list[float] = []
    for _ in range(rounds):
        guard.append(guard_seconds(plan))
        began = perf_counter()
        hashlib.sha256(PAGE.encode()).hexdigest()
        sha256.append(perf_counter() - began)
    for name, times in (("provenance guard", guard), ("sha256 of the page", sha256)):
        print(f"{name:20} min {min(times) * 1e3:.3f} ms, median {statistics.median(times) * 1e3:.3f} ms")
    print(f"ratio {min(guard) / min(sha256):.2f}")
    return 0 if min(guard) <= BOUND_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
