"""Searches all states of the protocol, breadth first. To see what goes wrong without a guard:

python -m tests.reliability.model_checking.state_search fence
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import get_args

from tests.reliability.model_checking.protocol import ENDED, Protocol, State, Target


@dataclass
class Search:
    """What there is to find: how many states, and the shortest way to one that should not be (empty: there is none)."""

    states: int
    why: str = ""
    trace: tuple[str, ...] = ()


def search(protocol: Protocol, *, most: int = 10_000_000) -> Search:
    """Breadth first through all states. An execution must also be able to continue by itself from every one of them:
    by work, by time, and by people who answer what they are asked."""
    first = protocol.first()
    came: dict[State, tuple[State, str] | None] = {first: None}
    before: dict[State, list[State]] = {}
    ends: list[State] = []
    frontier = [first]
    while frontier:
        following: list[State] = []
        for state in frontier:
            if state.status in (*ENDED, "paused"):
                ends.append(state)
            for label, kind, new in protocol.steps(state):
                if kind != "fault" and label != "a person cancels":
                    before.setdefault(new, []).append(state)
                if new in came:
                    continue
                came[new] = (state, label)
                if new.wrong:
                    return Search(len(came), new.wrong, path(came, new))
                following.append(new)
            if len(came) > most:
                raise MemoryError(f"more than {most} states")
        frontier = following
    going = set(ends)
    while ends:
        for state in before.get(ends.pop(), ()):
            if state not in going:
                going.add(state)
                ends.append(state)
    for state in came:  # in the order in which they were found: the first is one of the nearest
        if state not in going:
            return Search(len(came), "it is stuck", path(came, state))
    return Search(len(came))


def path(came: dict[State, tuple[State, str] | None], state: State) -> tuple[str, ...]:
    labels: list[str] = []
    while (step := came[state]) is not None:
        state, label = step
        labels.append(label)
    return tuple(reversed(labels))


def shown(found: Search) -> str:
    """The counterexample, to be read."""
    lines = [f"{number:2}. {label}" for number, label in enumerate(found.trace, start=1)]
    return "\n".join([*lines, f"=> {found.why}" if found.why else f"nothing wrong in {found.states} states"])


if __name__ == "__main__":
    for target in get_args(Target):
        print(f"{target}:\n{shown(search(Protocol(target, frozenset(sys.argv[1:]))))}\n")
