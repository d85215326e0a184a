"""Whose words may be in a value: marks on shapes, and the way back from a mark to where the words came from."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from flowbuilder.language.types.taint import Taint


@dataclass(frozen=True, slots=True)
class Mark:
    """Text in a value may come, by way of the step `step` (its StepPath), from someone untrusted.

    `approved`: a person has approved it there. It is theirs as long as nobody changes it.
    """

    step: str
    approved: bool = False


Marks = frozenset[Mark]
CLEAN: Marks = frozenset()
_APPROVED = " (approved)"


def taint_of(step: str, *, approved: bool = False) -> Taint:
    """The mark as the language carries it along."""
    return Taint((step + _APPROVED if approved else step,))


def marks_of(taint: Taint | None) -> Marks:
    """The marks that the language has carried along."""
    return frozenset(
        Mark(source.removesuffix(_APPROVED), approved=source.endswith(_APPROVED))
        for source in (taint.sources if taint else ())
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Trail:
    """The steps from where a text is used (exclusive) back to its source, and what the source is ("web page")."""

    steps: tuple[str, ...]
    source: str

    def __str__(self) -> str:
        return " <- ".join(self.steps) + f" ({self.source})"


@dataclass
class Sources:
    """What is known of the steps of one definition, those of called workflows included, by StepPath without indexes."""

    origins: dict[str, str] = field(default_factory=dict)
    """Steps whose output outsiders may write, with what it is in a few words."""
    made_from: dict[str, Marks] = field(default_factory=dict)
    """The marks on what went into a step, for those whose output may carry it on."""
    reviews: set[str] = field(default_factory=set)

    def trail(self, mark: Mark, waived: Collection[str] = ()) -> Trail | None:
        """The shortest way from a mark to a source that is not waived; None where there is none.

        A waiver covers everything that comes by way of the step it names, or by way of the steps inside that one.
        """
        came_from: dict[str, str | None] = {mark.step: None}
        ahead = deque([mark.step])
        while ahead:
            step = ahead.popleft()
            if _covered(step, waived):
                continue
            if step in self.origins:
                return Trail(steps=tuple(self._names(step, came_from)), source=self.origins[step])
            for other in sorted(self.made_from.get(step, CLEAN), key=lambda found: found.step):
                if other.step not in came_from:
                    came_from[other.step] = step
                    ahead.append(other.step)
        return None

    def first_trail(self, marks: Iterable[Mark], waived: Collection[str] = ()) -> Trail | None:
        """The shortest trail of several marks."""
        found = (self.trail(mark, waived) for mark in sorted(marks, key=lambda mark: mark.step))
        return min((trail for trail in found if trail is not None), key=lambda trail: len(trail.steps), default=None)

    def sources_of(self, marks: Iterable[Mark], waived: Collection[str] = ()) -> tuple[str, ...]:
        """All sources of several marks that are not waived: `page (web page)`."""
        seen = {mark.step for mark in marks}
        ahead = list(seen)
        found: list[str] = []
        while ahead:
            step = ahead.pop()
            if _covered(step, waived):
                continue
            if step in self.origins:
                found.append(f"{step} ({self.origins[step]})")
            new = {mark.step for mark in self.made_from.get(step, CLEAN)} - seen
            seen |= new
            ahead += new
        return tuple(sorted(found))

    def _names(self, step: str, came_from: dict[str, str | None]) -> Iterator[str]:
        way: list[str] = []
        at: str | None = step
        while at is not None:
            way.append(f"{at}, changed since it was approved" if at in self.reviews else at)
            at = came_from[at]
        return reversed(way)


def _covered(step: str, waived: Collection[str]) -> bool:
    return any(step == name or step.startswith(f"{name}.") for name in waived)
