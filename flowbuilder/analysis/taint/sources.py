"""Taint sources: marks on shapes, and the trail from a mark back to the source of the text."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator

from msgspec import Struct, field

from flowbuilder.language import Expression, Shape, Template
from flowbuilder.language.evaluation.functions import FUNCTIONS
from flowbuilder.language.nodes import (
    Call,
    Condition,
    Constant,
    Expr,
    Item,
    ListLiteral,
    Logic,
    Member,
    Name,
    ObjectLiteral,
)
from flowbuilder.language.types.taint import SPELLED, Taint
from flowbuilder.model.step_path import StepPath


class Mark(Struct, frozen=True):
    """Text in a value may come from an untrusted source through the step `step` (its StepPath).

    `approved`: a reviewer approved it there, and it is unchanged since. `spelled`: the text is made of the author's
    words, but numbers of the step say which: they may spell anything.
    """

    step: str
    approved: bool = False
    spelled: bool = False


Marks = frozenset[Mark]
CLEAN: Marks = frozenset()
PREVIOUS_ROUND = "the previous round"
"""What `feedback.previous` comes from. No step can have this name, so that no waiver covers it."""
_APPROVED = " (approved)"
_SELECTING = frozenset(("default", "coalesce", "same", "first", "plucked"))
"""The result kinds of functions that return one of their arguments or a part of it: `gives` in the registry."""


def taint_of(step: str, *, approved: bool = False) -> Taint:
    """The mark in the form that the language propagates."""
    return Taint((step + _APPROVED if approved else step,))


def marks_of(taint: Taint | None) -> Marks:
    """The marks that the language has propagated."""
    return frozenset(map(_mark, taint.sources if taint else ()))


def _mark(source: str) -> Mark:
    name = source.removesuffix(SPELLED)
    return Mark(name.removesuffix(_APPROVED), approved=name.endswith(_APPROVED), spelled=name != source)


class Trail(Struct, frozen=True, kw_only=True):
    """The steps from the use of a text (exclusive) back to its source, and the kind of source ("web page")."""

    steps: tuple[str, ...]
    source: str

    def __str__(self) -> str:
        return " <- ".join(self.steps) + f" ({self.source})"


class Sources(Struct):
    """The untrusted steps of a definition and of the workflows that it calls, by StepPath without indexes."""

    origins: dict[str, str] = field(default_factory=lambda: {PREVIOUS_ROUND: "its proposal"})
    """Steps whose output outsiders may write, with the kind of source ("web page")."""
    made_from: dict[str, Marks] = field(default_factory=dict)
    """The marks on the input of each step whose output may contain its input."""
    reviews: set[str] = field(default_factory=set)

    def trail(self, mark: Mark, waived: Collection[str] = ()) -> Trail | None:
        """The shortest trail from a mark to a source that is not waived; None where there is none.

        A waiver covers all text that passes through the step it names or through the steps inside that step.
        """
        came_from: dict[str, str | None] = {mark.step: None}
        pending = deque([mark.step])
        while pending:
            step = pending.popleft()
            if _covered(step, waived):
                continue
            if step in self.origins:
                return Trail(steps=tuple(self._names(step, came_from)), source=self.origins[step])
            for other in sorted(self.made_from.get(step, CLEAN), key=lambda found: found.step):
                if other.step not in came_from:
                    came_from[other.step] = step
                    pending.append(other.step)
        return None

    def shortest_trail(self, marks: Iterable[Mark], waived: Collection[str] = ()) -> Trail | None:
        """The shortest trail of several marks."""
        found = (self.trail(mark, waived) for mark in sorted(marks, key=lambda mark: mark.step))
        return min((trail for trail in found if trail is not None), key=lambda trail: len(trail.steps), default=None)

    def sources_of(self, marks: Iterable[Mark], waived: Collection[str] = ()) -> tuple[str, ...]:
        """All sources of several marks that are not waived: `page (web page)`."""
        seen = {mark.step for mark in marks}
        pending = list(seen)
        found: list[str] = []
        while pending:
            step = pending.pop()
            if _covered(step, waived):
                continue
            if step in self.origins:
                found.append(f"{step} ({self.origins[step]})")
            new = {mark.step for mark in self.made_from.get(step, CLEAN)} - seen
            seen |= new
            pending += new
        return tuple(sorted(found))

    def _names(self, step: str, came_from: dict[str, str | None]) -> Iterator[str]:
        names: list[str] = []
        at: str | None = step
        while at is not None:
            names.append(f"{at}, changed since its approval" if at in self.reviews else at)
            at = came_from[at]
        return reversed(names)


def _covered(step: str, waived: Collection[str]) -> bool:
    """Whether a waiver names the step, in any item and round, or a step around it."""
    if not waived:
        return False
    step = StepPath(step).in_definition
    return any(step == name or step.startswith(f"{name}.") for name in waived)


def unless_changed(shape: Shape, text: Template | Expression) -> Shape:
    """The shape of what a text gives. A text that changes the values it reads loses their approval."""
    marks = marks_of(shape.trust)
    if not any(mark.approved for mark in marks) or is_verbatim(text):
        return shape
    return shape.with_trust(Taint(tuple(sorted({mark.step + SPELLED * mark.spelled for mark in marks}))))


def is_verbatim(text: Template | Expression) -> bool:
    """Whether the text only selects among the values that it reads, so that an approval of them still holds."""
    tree = text._program.expression
    return tree is not None and _selects(tree)


def _selects(node: Expr) -> bool:
    match node:
        case Constant() | Name() | ListLiteral(items=()) | ObjectLiteral(entries=()):
            return True
        case Member(value=value) | Item(value=value):
            return _selects(value)
        case Logic(left=left, right=right):
            return _selects(left) and _selects(right)
        case Condition(then=then, otherwise=otherwise):
            return _selects(then) and _selects(otherwise)
        case Call(name=name, arguments=arguments):
            selects = name in FUNCTIONS and FUNCTIONS[name].gives in _SELECTING
            return selects and bool(arguments) and all(_selects(argument) for argument in arguments)
    return False
