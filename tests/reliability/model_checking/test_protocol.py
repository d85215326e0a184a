"""G7: with all guards no reachable state violates an invariant of the protocol; without any one guard a state does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability.model_checking.protocol import GUARDS, Protocol, Target
from tests.reliability.model_checking.state_search import as_text, search
from tests.support.proof import THOROUGH, sample

CODE = Path(__file__).resolve().parents[3] / "flowbuilder"
TARGETS: tuple[Target, ...] = ("deduplicates", "lookup", "neither")
TARGET_OF = {"compares": "lookup", "asks": "neither", "one call": "neither"}
"""The class of target that a guard protects, where it is not all."""
STATES: dict[Target, int] = (
    {"deduplicates": 200_000, "lookup": 200_000, "neither": 1_000_000}
    if THOROUGH
    else {"deduplicates": 15_000, "lookup": 15_000, "neither": 30_000}
)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("target", TARGETS)
def test_with_all_guards_no_state_violates_an_invariant(target: Target) -> None:
    protocol = Protocol(target, faults=4, most_deaths=3) if THOROUGH else Protocol(target)
    found = search(protocol)
    assert found.trace == (), as_text(found)
    assert found.states >= STATES[target]


LONGEST = "one call"
"""A second use of an approval takes two deaths, so that a third one must be allowed: many more states."""


@pytest.mark.parametrize(
    "guard", sample(quick=sorted(GUARDS.keys() - {LONGEST}), ci=list(GUARDS), thorough=list(GUARDS))
)
def test_without_a_guard_an_invariant_is_violated(guard: str) -> None:
    more = 3 if guard == LONGEST else 2
    found = search(Protocol(TARGET_OF.get(guard, "deduplicates"), frozenset([guard]), faults=more, most_deaths=more))  # type: ignore[arg-type]
    print(f"without {guard} ({GUARDS[guard]}):\n{as_text(found)}")
    assert found.trace, f"nothing goes wrong without {guard!r} in {found.states} states"


@pytest.mark.parametrize("guard", GUARDS)
def test_a_guard_of_the_protocol_exists_in_the_code(guard: str) -> None:
    place, _, meaning = GUARDS[guard].partition(": ")
    file, _, name = place.partition(", ")
    assert name in (CODE / file).read_text()
    assert meaning
