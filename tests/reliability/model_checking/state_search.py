"""Searches all states of the protocol, breadth first. To print the counterexample without a guard:

python -m tests.reliability.model_checking.state_search fence
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import get_args

from tests.reliability.model_checking.protocol import ENDED, Protocol, State, Target


@dataclass
class Search:
    """The result: the number of states, and the shortest trace to a violation (empty: there is none)."""

    states: int
    why: str = ""
    trace: tuple[str, ...] = ()


def search(protocol: Protocol, *, most: int = 10_000_000) -> Search:
    """Search breadth first. Every state must also lead to an end without faults: by work, time, and people's answers
    to open questions."""
    first = protocol.first()
    reached: dict[State, tuple[State, str] | None] = {first: None}
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
                if new in reached:
                    continue
                reached[new] = (state, label)
                if new.wrong:
                    return Search(len(reached), new.wrong, path(reached, new))
                following.append(new)
            if len(reached) > most:
                raise MemoryError(f"more than {most} states")
        frontier = following
    can_end = set(ends)
    while ends:
        for state in before.get(ends.pop(), ()):
            if state not in can_end:
                can_end.add(state)
                ends.append(state)
    for state in reached:  # in the order of the search: the first one is nearest
        if state not in can_end:
            return Search(len(reached), "it is stuck", path(reached, state))
    return Search(len(reached))


def path(reached: dict[State, tuple[State, str] | None], state: State) -> tuple[str, ...]:
    labels: list[str] = []
    while (step := reached[state]) is not None:
        state, label = step
        labels.append(label)
    return tuple(reversed(labels))


def as_text(found: Search) -> str:
    """The counterexample as text."""
    lines = [f"{number:2}. {label}" for number, label in enumerate(found.trace, start=1)]
    return "\n".join([*lines, f"=> {found.why}" if found.why else f"nothing wrong in {found.states} states"])


if __name__ == "__main__":
    for target in get_args(Target):
        print(f"{target}:\n{as_text(search(Protocol(target, frozenset(sys.argv[1:]))))}\n")
