"""Approval guards: what a step publishes must equal, byte for byte, what a reviewer of this execution approved.

There are two. The plan names the places where the linter found approved text. The walk names the places where this
execution has put untrusted text, also where the linter found none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from flowbuilder.errors import StepError
from flowbuilder.model.review import Decision
from flowbuilder.model.review_rules import content_hash
from flowbuilder.ports import Ledger
from flowbuilder.steps.step import Place, Step
from flowbuilder.values import Json, canonical
from flowbuilder.walk.commands import Unproven
from flowbuilder.walk.marked_values import texts_of


async def ensure_approved(
    step: Step,
    places: Iterable[Place],
    ledger: Ledger,
    *,
    unproven: Sequence[Unproven] = (),
    proven: Collection[Place] = (),
) -> None:
    """Raise `StepError` (`not_approved`) unless reviewers approved the content of each of these fields.

    Of a field with `unproven` texts only these need an approval; a field in `proven` needs none, and neither does null.
    """
    wanted: dict[str, tuple[str, str]] = {}
    for place in places:
        inside = [text for text in unproven if text.place[: len(place)] == place]
        for text in inside or ([] if place in proven else [Unproven(place=place, trail="")]):
            content = _content(step, text.place)
            if content is None or _Values(text.trusted).contain(content):
                continue
            found = content_hash(content)
            parts = [content_hash(item) for item in texts_of(content)] if isinstance(content, list) else [found]
            wanted |= dict.fromkeys(parts, (".".join(map(str, text.place)), found))
    if wanted and not await ledger.approved(*wanted):
        name, found = next(iter(wanted.values()))
        for part, place_of_part in wanted.items():
            if not await ledger.approved(part):
                name, found = place_of_part
                break
        raise StepError(
            f"{name} is not what a reviewer approved in this execution; nothing was written",
            code="not_approved",
            detail={"field": name, "sha256": found},
        )


def ensure_proven(step: Step, unproven: Iterable[Unproven]) -> None:
    """Raise `StepError` (`not_approved`) unless each of these texts of a bound step is a value that a reviewer approved
    on its way, whole or as a part of a larger value, or a list of such values. What holds no text needs no approval."""
    known: dict[tuple[int, int], _Values] = {}
    for text in unproven:
        values = known.setdefault((id(text.approved), id(text.trusted)), _Values((*text.approved, *text.trusted)))
        if not all(map(values.contain, texts_of(_content(step, text.place)))):
            name = ".".join(map(str, text.place))
            raise StepError(
                f"{name} holds untrusted text that no reviewer has approved in this execution: {text.trail}; "
                "nothing was written",
                code="not_approved",
                detail={"field": name, "trail": text.trail},
            )


@dataclass(frozen=True)
class _Values:
    """Values of JSON, and every value inside them."""

    values: Sequence[Json]

    def contain(self, wanted: Json) -> bool:
        """Whether a value is one of these, or is inside one of them as a whole."""
        if isinstance(wanted, str):
            return wanted in self._texts
        return any(type(value) is type(wanted) and value == wanted and _same(value, wanted) for value in self.all())

    @cached_property
    def _texts(self) -> frozenset[str]:
        return frozenset(value for value in self.all() if isinstance(value, str))

    def all(self) -> Iterator[Json]:
        """These values and all inside them."""
        pending = list(self.values)
        while pending:
            value = pending.pop()
            yield value
            if isinstance(value, dict | list):
                pending += value.values() if isinstance(value, dict) else value


def _same(one: Json, other: Json) -> bool:
    """Whether two equal values are the same JSON: Python's `True == 1` is not."""
    return canonical(one) == canonical(other)


def approves(decision: Decision, wanted: str) -> bool:
    """Whether a decision approves the content with this hash: the whole approved value, or a part of it."""
    return wanted in approved_hashes(decision)


def approved_hashes(decision: Decision) -> Iterator[str]:
    """The hashes of all that a decision approves: the approved value and its parts.

    The stored value must still match the hash that was recorded with the decision.
    """
    if decision.kind == "approved" and decision.approved_hash == content_hash(decision.approved):
        # approving a list approves each of its items
        yield from map(content_hash, _Values((decision.approved,)).all())


def _content(step: Step, place: Place) -> Json:
    """The content at a place of a bound step, or the value around it where the place is not in it."""
    value: Any = step
    for key in place:
        try:
            value = getattr(value, _names(value)[key]) if isinstance(value, BaseModel) else value[key]
        except (LookupError, TypeError):
            break
    return _plain(value)


def _names(record: BaseModel) -> dict[str | int, str]:
    """The fields of a record by their names in the document."""
    return {info.alias or name: name for name, info in type(record).model_fields.items()}


def _plain(value: Any) -> Json:
    """A value of a bound field as JSON: its records as the objects that they were made from."""
    if isinstance(value, BaseModel):
        given = value.model_fields_set
        return {str(key): _plain(getattr(value, name)) for key, name in _names(value).items() if name in given}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict) and any(isinstance(item, BaseModel | tuple) for item in value.values()):
        return {key: _plain(item) for key, item in value.items()}
    return value  # type: ignore[no-any-return]
