"""Compares structured proposals field by field. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from flowbuilder.values import Json

FieldState = Literal["same", "changed", "added", "removed"]
ABSENT = object()


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One field of a proposal; `old` and `new` are its values as text, empty for a missing one."""

    name: str
    state: FieldState
    old: str
    new: str


def is_structured(value: Json) -> bool:
    """Whether a value is shown and edited as JSON instead of as text."""
    return value is not None and not isinstance(value, str)


def as_text(value: object) -> str:
    """A value as text: strings as they are, None as nothing, everything else as indented JSON."""
    if value is None or value is ABSENT:
        return ""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def fields(base: Json, proposal: Json) -> tuple[Field, ...]:
    """The fields of two objects or lists, in the proposal's order, then those that only the base has.

    Other values are one field without a name.
    """
    old, new = _parts(base), _parts(proposal)
    if old is None or new is None:
        return (_field("", base if base is not None else ABSENT, proposal),)
    names = [*new, *(name for name in old if name not in new)]
    return tuple(_field(name, old.get(name, ABSENT), new.get(name, ABSENT)) for name in names)


def _parts(value: Json) -> dict[str, object] | None:
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, list):
        return {f"[{index}]": item for index, item in enumerate(value)}
    return {} if value is None else None


def _field(name: str, old: object, new: object) -> Field:
    state: FieldState = "changed"
    if old is ABSENT:
        state = "added"
    elif new is ABSENT:
        state = "removed"
    elif old == new:
        state = "same"
    return Field(name=name, state=state, old=as_text(old), new=as_text(new))
