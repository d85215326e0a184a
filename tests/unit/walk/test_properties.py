"""Properties of every walk: the end depends neither on the order of answers nor on being rebuilt at any moment."""

from __future__ import annotations

import hashlib
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.walk_simulation import Simulation, plan_of

WORDS = ("completed", "completed", "completed", "fails", "asks")
DECISIONS = ("approved", "rejected", "changes_requested", None)


class Answers(dict[str, Any]):
    """Answers for every possible StepPath, always the same for the same path."""

    def __init__(self, seed: int, choices: tuple[Any, ...], made: Any) -> None:
        super().__init__()
        self.seed, self.choices, self.made = seed, choices, made

    def __contains__(self, path: object) -> bool:
        return self._choice(path) is not None

    def __getitem__(self, path: str) -> Any:
        return self.made(path, self._choice(path))

    def get(self, path: str, default: Any = None) -> Any:
        choice = self._choice(path)
        return default if choice is None else self.made(path, choice)

    def _choice(self, path: object) -> Any:
        number = int(hashlib.sha256(f"{self.seed}:{path}".encode()).hexdigest()[:8], 16)
        return self.choices[number % len(self.choices)]


def outcome(path: str, word: str) -> Any:
    return {"fails": "no"} if word == "fails" else {"asks": "ok?"} if word == "asks" else path


def decision(_path: str, kind: str) -> dict[str, str]:
    return {"kind": kind, "comment": "because"}


@st.composite
def bodies(draw: st.DrawFn, depth: int, prefix: str, reviews: bool = True) -> list[dict[str, Any]]:
    """A few steps that depend on each other, some of them containers."""
    steps: list[dict[str, Any]] = []
    for index in range(draw(st.integers(1, 4 if depth else 3))):
        name = f"{prefix}{'abcd'[index]}"
        before = [step["id"] for step in steps]
        step: dict[str, Any] = {
            "id": name,
            "after": draw(st.lists(st.sampled_from(before), unique=True)) if before else [],
        }
        kind = draw(
            st.sampled_from(["task", "task", "review", "conditional", "iteration"] if depth else ["task", "review"])
        )
        step["on_error"] = draw(st.sampled_from(["fail", "fail", "continue"]))
        if kind == "review":
            step |= {"type": "human_review", "title": "ok?"}
            del step["on_error"]
            if step["after"] and draw(st.booleans()):
                step["on_changes_requested"] = {"rewind_to": step["after"][0], "max_rounds": draw(st.integers(1, 2))}
        elif kind == "conditional":
            whens = draw(st.lists(st.sampled_from(["inputs.yes", "!inputs.yes"]), min_size=1, max_size=2))
            step["type"] = "conditional"
            step["branches"] = [
                {"when": when, "steps": draw(bodies(depth - 1, f"{name}{number}"))} for number, when in enumerate(whens)
            ]
            step["else"] = {"steps": draw(bodies(depth - 1, f"{name}e"))}
        elif kind == "iteration":
            step |= {
                "type": "iteration",
                "over": "inputs.items",
                "max_concurrency": draw(st.integers(1, 3)),
                "on_item_error": draw(st.sampled_from(["fail", "continue", "drop"])),
                "steps": draw(bodies(depth - 1, f"{name}i")),
            }
            if step["on_item_error"] != "fail" and draw(st.booleans()):
                step["max_failed"] = draw(st.integers(0, 2))
        steps.append(step)
    return steps


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    steps = draw(bodies(2, "s"))
    return {
        "inputs": {"yes": {"type": "boolean"}, "items": {"type": "array", "items": {"type": "integer"}}},
        "given": {"yes": draw(st.booleans()), "items": list(range(draw(st.integers(0, 4))))},
        "steps": steps,
        "outputs": {step["id"]: f"{{{{ steps.{step['id']}.output | default(none) }}}}" for step in steps},
        "outcomes": Answers(draw(st.integers(0, 10**6)), WORDS, outcome),
        "decisions": Answers(draw(st.integers(0, 10**6)), DECISIONS, decision),
    }


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(), st.integers(0, 10**6))
def test_a_walk_ends_the_same_in_any_order_and_rebuilt_at_any_moment(case: dict[str, Any], seed: int) -> None:
    plan = plan_of(case)
    first = Simulation(case, plan)
    shuffled = Simulation(case, plan, seed)
    again = Simulation(case, plan, restart=True)
    for other in (shuffled, again):
        assert (other.finish is None) == (first.finish is None)
        if first.finish is None:
            assert other.walk.waiting == first.walk.waiting
        else:
            assert other.finish is not None
            assert (other.finish.error is None) == (first.finish.error is None)
            assert other.finish.outputs == first.finish.outputs


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(), st.integers(0, 10**6))
def test_a_walk_starts_no_completed_step_and_opens_no_review_twice(case: dict[str, Any], seed: int) -> None:
    plan = plan_of(case)
    simulation = Simulation(case, plan, seed)
    asking = {path for path in simulation.starts if simulation.starts.count(path) > 1}
    assert all(case["outcomes"].get(path) == {"asks": "ok?"} for path in asking)
    assert all(simulation.starts.count(path) == 2 for path in asking)
    assert len(simulation.asks) == len(set(simulation.asks))
    assert not simulation.walk.running
    if simulation.finish is None:
        assert simulation.walk.waiting
    restarted = simulation.new_walk()
    assert not [action for action in restarted.advance() if type(action).__name__ == "Start"]
    assert simulation.finish is not None or restarted.waiting == simulation.walk.waiting
