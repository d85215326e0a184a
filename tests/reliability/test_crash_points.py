"""T1: a process dies before and after every operation on the store, the targets, Prefect and the wake-up.

On the store in memory after every operation that there is. On the databases after every operation that changes
something. To die before an operation is to die after the one before it, because nothing between two of them survives;
one scenario shows it by dying at both.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import get_args

import pytest

from flowbuilder.audit import audit
from flowbuilder.testing import FakeClock
from tests.reliability.conftest import Openers
from tests.reliability.crashing import Box, Crash, When
from tests.reliability.scenarios import SCENARIOS, Scenario
from tests.reliability.stage import Ending, Stage, changes


def test_there_are_twelve_scenarios_and_each_has_its_name_once() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == 12


@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_whatever_operation_a_process_dies_at_the_next_one_brings_it_to_the_same_end(
    scenario: Scenario, kind: str, openers: Openers
) -> None:
    clock = FakeClock()
    opener = openers(clock)
    Stage(scenario, opener, clock, run="first").live(Box())  # from here on documents and plans are known
    whole = Stage(scenario, opener, clock)
    box = Box(counts=changes if kind != "memory" else lambda _: True)
    whole.live(box)
    expected = whole.ending()
    assert expected.status == scenario.status, whole.execution().error
    assert whole.complaints() == []
    problems, number = [], 0
    for number, (point, when) in enumerate(points(scenario), start=1):
        if kind == "memory":
            opener = openers(clock)  # what thousands of lives leave behind would only be in the way
        stage = Stage(scenario, opener, clock, run=f"run-{number}")
        if not dies(stage, point, when, counts=box.counts):
            break  # it had ended before it came to this point
        problems += [
            f"{when} {point} ({box.operations[point - 1 :][:1]}): {said}"
            for said in wrong(stage, expected, audited=kind == "memory")
        ]
        if len(problems) > 3:
            break
    assert problems == []
    assert number > sum(changes(operation) for operation in box.operations)
    store = opener()
    assert [str(finding) for finding in audit(store)] == []


def points(scenario: Scenario) -> Iterator[tuple[int, When]]:
    """Where to die."""
    for point in itertools.count(1):
        for when in get_args(When):
            if when == "after" or point == 1 or scenario.name == "straight":
                yield point, when


def dies(stage: Stage, point: int, when: When, *, counts: object) -> bool:
    """Live until the crash, then until the end; whether there was one."""
    box = Box(point, when, counts=counts)  # type: ignore[arg-type]
    try:
        stage.live(box)
    except Crash:
        stage.clock.advance(60)  # the lease runs out
        stage.live(Box())
    return box.dead


def wrong(stage: Stage, expected: Ending, *, audited: bool = True) -> list[str]:
    """What is not as it would be without the crash."""
    found = stage.complaints(audited=audited)
    ending = stage.ending()
    if (stage.execution().error or {}).get("code") == "effect_unknown":
        # a person found that the call had been made, and it was not repeated: the one end that may differ
        return found + ([] if ending.applied == expected.applied else [f"applied is {ending.applied!r}"])
    for name in ("status", "outputs", "outcomes", "applied", "page"):
        if getattr(ending, name) != getattr(expected, name):
            found.append(f"{name} is {getattr(ending, name)!r:.200}, expected {getattr(expected, name)!r:.200}")
    return found
