"""G14: every release replays the recorded histories of every release to the commands that were recorded."""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import flowbuilder
from flowbuilder.model.execution import Outcome
from tests.support.recorded_histories import (
    History,
    decision_of,
    decisions_after,
    in_another_order,
    new_walk,
    plan_of,
    report,
)

CORPUS = Path(__file__).parents[1] / "corpus"
FILES = sorted(CORPUS.glob("*/*.json"))
ORDERS = 5
"""In how many orders each history is replayed."""


@cache
def _read(file: Path) -> History:
    history: History = json.loads(file.read_text())
    return history


def name_of(file: Path) -> str:
    return f"{file.parent.name}-{file.stem}"


ENDED = [file for file in FILES if _read(file)["finish"] is not None]
"""Histories whose remaining arrivals depend on the order, because they have not ended."""


@pytest.fixture(params=FILES, ids=name_of)
def history(request: pytest.FixtureRequest) -> History:
    file: Path = request.param
    return copy.deepcopy(_read(file))


def test_this_release_has_at_least_fifty_histories_of_all_kinds() -> None:
    kinds = Counter(file.stem.partition("-")[0] for file in FILES if file.parent.name == flowbuilder.__version__)
    assert sum(kinds.values()) >= 50
    assert kinds.keys() == {"scenario", "simulated", "sample", "case"}


def test_the_plan_has_the_recorded_digest(history: History) -> None:
    assert plan_of(history).digest == history["digest"]


def test_a_replay_in_the_recorded_order_gives_the_same_commands(history: History) -> None:
    decided, finish = decisions_after(history, history["arrivals"])
    assert json.loads(json.dumps(decided)) == history["decided"]
    assert finish == history["finish"]


def test_the_keys_of_its_effects_are_the_same_to_the_byte(history: History) -> None:
    decided, _ = decisions_after(history, history["arrivals"])
    made = {key for step in decided for kind, *more in step if kind == "start" for key in more[2:]}
    assert {key for _, key in history["keys"]} <= made


@pytest.mark.parametrize("history", ENDED, ids=name_of, indirect=True)
def test_a_replay_in_another_order_gives_the_same_commands_in_all(history: History) -> None:
    whole = without_failed_path(one for step in history["decided"] for one in step)
    for seed in range(ORDERS):
        decided, finish = in_another_order(history, random.Random(seed))
        assert finish == history["finish"], f"order {seed}"
        assert without_failed_path(decided) == whole, f"order {seed}"


def without_failed_path(decided: Iterable[list[Any]]) -> list[tuple[Any, ...]]:
    """Sorted, and without the texts of notes: of two failures they name the first."""
    return sorted(tuple(one[:3]) if one[0] == "note" else tuple(one) for one in decided)


def test_a_walk_rebuilt_at_any_moment_is_in_the_state_of_the_continuous_one(history: History) -> None:
    plan, rng = plan_of(history), random.Random(1)
    continuous = new_walk(history, plan)
    for moment in range(len(history["arrivals"]) + 1):
        if moment:
            report(continuous, history["arrivals"][moment - 1])
        continuous.advance()
        known = history["arrivals"][:moment]
        rng.shuffle(known)
        outcomes = [Outcome(**arrival["outcome"]) for arrival in known if "outcome" in arrival]
        decisions = {arrival["path"]: decision_of(arrival) for arrival in known if "decision" in arrival}
        asked = {arrival["asked"] for arrival in known if "asked" in arrival} - decisions.keys()
        rebuilt = new_walk(history, plan, outcomes, decisions, asked)
        rebuilt.advance()
        assert (rebuilt.running, rebuilt.progress) == (continuous.running, continuous.progress), (
            f"after {moment} arrivals"
        )
        # an item that took a slot while others waited for reviews has to wait for one again
        assert set(rebuilt.waiting) <= set(continuous.waiting), f"after {moment} arrivals"
        assert rebuilt.waiting == continuous.waiting or "max_concurrency" in str(history["versions"]), (
            f"after {moment} arrivals"
        )


def test_a_changed_key_a_changed_plan_and_a_changed_decision_are_noticed() -> None:
    history = copy.deepcopy(_read(next(file for file in FILES if file.stem == "scenario-three-targets")))
    other = {**history, "install": "another"}
    assert decisions_after(other, other["arrivals"])[0] != history["decided"]
    longer = copy.deepcopy(history)
    name, number = longer["workflow"]
    longer["versions"][name][str(number)]["steps"][0]["url"] += "/more"
    assert plan_of(longer).digest != history["digest"]
    assert decisions_after(longer, longer["arrivals"])[0] != history["decided"]
    less = history["arrivals"][:-1]
    assert decisions_after(history, less)[1] != history["finish"]
