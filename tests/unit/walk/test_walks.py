"""Runs the cases in tests/cases/walks: the specification of the walker (see the README there)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowbuilder.walk.commands import Start
from flowbuilder.walk.walk import Walk
from tests.support.walk_simulation import Simulation, plan_of

CASES = Path(__file__).parents[2] / "cases" / "walks"


def cases() -> list[Any]:
    return list(_cases())


def _cases() -> Iterator[Any]:
    for file in sorted(CASES.glob("*.yaml")):
        for case in yaml.safe_load(file.read_text()):
            yield pytest.param(case, id=f"{file.stem}: {case['case']}")


@pytest.mark.parametrize("case", cases())
def test_case(case: dict[str, Any]) -> None:
    simulation = Simulation(case, plan_of(case))
    for name in ("starts", "asks", "withdraws"):
        if name in case:
            assert getattr(simulation, name) == case[name], name
    if "skips" in case:
        assert sorted(simulation.skips) == sorted(case["skips"])
    check_end(case, simulation)


@pytest.mark.parametrize("case", cases())
def test_case_ends_the_same_in_any_order(case: dict[str, Any]) -> None:
    plan = plan_of(case)
    expected = Simulation(case, plan)
    for seed in range(12):
        other = Simulation(case, plan, seed)
        assert other.finish == expected.finish
        assert other.walk.waiting == expected.walk.waiting
        assert other.finish is not None or starts_nothing(other.new_walk(), other)


@pytest.mark.parametrize("case", cases())
def test_case_ends_the_same_when_every_action_is_taken_up_by_a_new_walk(case: dict[str, Any]) -> None:
    plan = plan_of(case)
    expected = Simulation(case, plan)
    other = Simulation(case, plan, restart=True)
    assert other.finish == expected.finish
    assert other.walk.waiting == expected.walk.waiting


def starts_nothing(again: Walk, first: Simulation) -> bool:
    """Whether a walk rebuilt from all answers is in the state of the original one."""
    return not any(isinstance(action, Start) for action in again.advance()) and again.waiting == first.walk.waiting


def check_end(case: dict[str, Any], simulation: Simulation) -> None:
    finish = simulation.finish
    if "gives" in case:
        assert finish is not None
        assert finish.error is None
        assert finish.outputs == case["gives"]
    if "fails" in case:
        assert finish is not None
        assert finish.error is not None
        assert {name: finish.error.get(name) for name in case["fails"]} == case["fails"]
    if "waiting" in case:
        assert finish is None
        assert list(simulation.walk.waiting) == case["waiting"]
