"""Non-interference: what the linter accepts sends nothing that outsiders wrote and no reviewer approved.

Each random workflow runs twice, in worlds whose outsiders write different texts. With the guard of the worker switched
off, the linter is judged alone; a second test leaves it on.
"""

from collections import Counter

import pytest

from tests.support.proof import sample
from tests.support.untrusted.outsiders import Run, interference
from tests.support.untrusted.random_workflows import Generator
from tests.support.untrusted.refused_texts import GIVEN_UP

WORKFLOWS = sample(quick=30, ci=500, thorough=5_000)
"""The number of workflows of one part; there are four parts."""
TYPES = {"api", "page", "gsc", "mcp", "mcp_llm", "mcp_code", "cms", "llm", "code", "conditional", "iteration"}
TYPES |= {"workflow", "human_review", "guard", "error", "sql", "search"}
WORDS = {
    "prefixItems",
    "patternProperties",
    "additionalProperties",
    "anyOf",
    "oneOf",
    "allOf",
    "$ref",
    "$schema",
    "const",
}


async def _pass(*_: object, **__: object) -> None:
    """Stands for the check of approved content."""


@pytest.fixture
def linter_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker checks nothing before it sends."""
    monkeypatch.setattr("flowbuilder.engine.step_runner.ensure_approved", _pass)
    monkeypatch.setattr("flowbuilder.engine.step_runner.ensure_proven", lambda *_: None)


def ran(part: int, count: int) -> tuple[Counter[str], list[Run]]:
    """Run workflows that the linter accepts; fails at the first that sends an outsider's text."""
    used: Counter[str] = Counter()
    runs: list[Run] = []
    for number in range(count):
        seed = part * 10_000_000 + number
        workflow = Generator(seed).make()
        used["made"] += 1
        if workflow.dropped == GIVEN_UP:
            continue
        found, first = interference(workflow)
        assert not found, (seed, found[:2], workflow.document, workflow.called)
        used["accepted"] += 1
        used["refused texts"] += workflow.dropped > 0
        used["sent"] += bool(first.sent)
        used.update(workflow.features | first.kinds)
        runs.append(first)
    return used, runs


@pytest.mark.parametrize("part", range(4))
@pytest.mark.usefixtures("linter_alone")
def test_what_the_linter_accepts_sends_no_outsiders_text(part: int) -> None:
    used, _ = ran(part, WORKFLOWS)
    assert used["accepted"] > 0.8 * used["made"]
    assert used["sent"] > 0.4 * used["made"]
    assert used["refused texts"] > 0.2 * used["made"]
    rarer = {"paginate", "feedback", "images"} | {f"schema {word}" for word in WORDS}
    wanted = TYPES | (rarer if used["made"] >= 500 else set())
    assert {name for name in wanted if not used[name]} == set()


def test_with_the_worker_s_guard_as_well_nothing_of_outsiders_is_sent() -> None:
    used, _ = ran(9, WORKFLOWS // 2)
    assert used["sent"] > 0.3 * used["made"]


@pytest.mark.usefixtures("linter_alone")
def test_the_proof_sees_what_a_blind_linter_would_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """The generator writes outsiders' texts where they are sent: a linter without marks fails the proof."""
    monkeypatch.setattr("flowbuilder.analysis.taint.propagation.taint_of", lambda *_, **__: None)
    monkeypatch.setattr("flowbuilder.analysis.taint.context_shapes.taint_of", lambda *_, **__: None)
    seen = sum(bool(interference(Generator(seed).make())[0]) for seed in range(60))
    assert seen >= 6
