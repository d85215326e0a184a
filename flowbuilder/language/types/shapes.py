"""Shapes, the types of the language: the kinds, members, taint and presence of a value that is not yet known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from flowbuilder.language.types.taint import Taint, joined, spelled

Kind = Literal["text", "number", "boolean", "null", "list", "object"]
Presence = Literal["always", "maybe", "never"]
ANY: Final[frozenset[Kind]] = frozenset(("text", "number", "boolean", "null", "list", "object"))

MAX_PARTS: Final = 2_000
"""The most parts of a shape, written out as a tree."""
PARTIAL_MEMBER = "only some of the values here have it"
"""The reason why a member may be missing that only some shapes of a union have."""


class Shape(Struct, frozen=True):
    """A structural type; immutable. `descriptions.describe` writes it for an author."""

    kinds: frozenset[Kind] = ANY
    fields: Mapping[str, Shape] = field(default_factory=dict)
    """The members of an object that are known by name."""
    rest: Shape | None = None
    """The shape of all other members of an object; None: there are no others."""
    items: Shape | None = None
    """The shape of the items of a list; None: unknown."""
    values: tuple[str | int | float | bool | None, ...] = ()
    """All possible values, where they are known."""
    is_open: bool = False
    """Whether the value may be more than an author may count on: undeclared members, or a kind that no type names."""
    taint: Taint | None = None
    """The taint of the text itself, and of what is not described: items, where `items` is None, names and members."""
    figures: Taint | None = None
    """The untrusted sources of the value where it is a number or a boolean, which is clean."""
    influence: Taint | None = None
    """The untrusted text that decides which value this is, without being part of it."""
    presence: Presence = "always"
    reason: str = ""

    @classmethod
    def unknown(cls) -> Shape:
        """The shape of any value."""
        return _UNKNOWN

    @classmethod
    def of(cls, *kinds: Kind) -> Shape:
        """A value of one of these kinds, with unknown members and items."""
        return cls(kinds=frozenset(kinds), rest=_UNKNOWN if "object" in kinds else None)

    @classmethod
    def list_of(cls, items: Shape) -> Shape:
        """A list of items of this shape."""
        return cls(kinds=_LIST, items=items)

    @classmethod
    def object_of(cls, fields: Mapping[str, Shape], rest: Shape | None = None) -> Shape:
        """An object with these members, and other members of the shape `rest`."""
        return cls(kinds=_OBJECT, fields=fields, rest=rest)

    @property
    def is_unknown(self) -> bool:
        """Whether a value of this shape may be of any kind."""
        return len(self.kinds) == len(ANY)

    @property
    def is_list(self) -> bool:
        """Whether a value of this shape is certainly a list."""
        return self.kinds == _LIST

    @property
    def is_object(self) -> bool:
        """Whether a value of this shape is certainly an object."""
        return self.kinds == _OBJECT

    @property
    def is_nullable(self) -> bool:
        """Whether a value of this shape may be null; False where the kinds are unknown."""
        return "null" in self.kinds and not self.is_unknown

    def may_be(self, *kinds: Kind) -> bool:
        """Whether a value of this shape may be of one of these kinds."""
        return not self.kinds.isdisjoint(kinds)

    def member(self, key: str) -> Shape | None:
        """The shape of a member; None where the object has no such member. Members of an unknown value are unknown."""
        if "object" not in self.kinds:
            return None
        found = self.fields.get(key, self.rest)
        if found is None and self.is_unknown:
            found = _UNKNOWN
        return found if found is None or not self.is_unknown else found.tainted_by(self.taint)

    def hidden(self) -> Shape | None:
        """The shape of the members that are not described; None where there are none."""
        if "object" not in self.kinds:
            return None
        return self.rest or (_unknown_with(self.taint) if self.is_open or self.is_unknown else None)

    def item(self) -> Shape:
        """The shape of the items of a list; unknown for the items of an empty list."""
        found = self.joinable_item()
        return found if found.kinds else _UNKNOWN

    def joinable_item(self) -> Shape:
        """The shape of the items of a list, without any kind for an empty list: to be joined with another."""
        return _unknown_with(self.taint) if self.items is None else self.items

    @property
    def trust(self) -> Taint | None:
        """The taint of all text inside, at any depth; None: clean. Numbers and booleans are always clean."""
        if not self.fields and self.rest is None and self.items is None:
            return self.taint
        return joined(*(part.taint for part in self._inside()))

    @property
    def described_trust(self) -> Taint | None:
        """The taint of the text that is described: not that of members that a schema neither lists nor forbids."""
        parts = (part for part in self._inside() if not part.is_open or part.may_be("text") or part.rest is not None)
        return joined(*(part.taint for part in parts))

    def sources(self) -> Taint | None:
        """The untrusted sources of all text, numbers and booleans inside, at any depth."""
        return joined(*(joined(part.taint, part.figures) for part in self._inside()))

    def _inside(self) -> Iterator[Shape]:
        # a shape may contain the same part many times: each is visited once
        seen: set[int] = set()
        ahead = [self]
        while ahead:
            shape = ahead.pop()
            if id(shape) not in seen:
                seen.add(id(shape))
                yield shape
                inside = (*reversed(tuple(shape.fields.values())), shape.rest, shape.items)
                ahead += [part for part in inside if part is not None]

    def parts(self, limit: int) -> int:
        """The number of parts of the shape written out as a tree, counted up to `limit`."""
        count = 0
        ahead = [self]
        while ahead and count < limit:
            shape = ahead.pop()
            count += 1
            ahead += [part for part in (*shape.fields.values(), shape.rest, shape.items) if part is not None]
        return count

    def bounded(self) -> Shape:
        """The shape; where it has too many parts, an unknown one with the marks of all of them.

        A shape that contains others twice grows exponentially.
        """
        if self.parts(MAX_PARTS) < MAX_PARTS:
            return self
        return replace(_UNKNOWN, taint=self.trust, influence=self.influence, presence=self.presence, reason=self.reason)

    def with_trust(self, taint: Taint | tuple[str, ...] | None) -> Shape:
        """The same shape with this taint on every text inside; None makes it clean."""
        return _with_trust(self, Taint(taint) if isinstance(taint, tuple) else taint, join=False)

    def tainted_by(self, taint: Taint | None) -> Shape:
        """The same shape with `taint` added to every text inside."""
        return self if taint is None else _with_trust(self, taint, join=True)

    def with_influence(self, influence: Taint | None) -> Shape:
        """The same shape, influenced by this untrusted text too."""
        if influence is None or influence == self.influence:
            return self
        return replace(self, influence=joined(self.influence, influence))

    def with_figures(self, figures: Taint | None) -> Shape:
        """The same shape; as a number or boolean it is made from these untrusted sources too."""
        joint = joined(self.figures, figures)
        return self if joint == self.figures or not self.may_be("number", "boolean") else replace(self, figures=joint)

    def with_presence(self, presence: Presence, reason: str = "") -> Shape:
        """The same shape with this presence; `reason` completes the sentence "may be missing: ..."."""
        return replace(self, presence=presence, reason=reason)

    def without_null(self) -> Shape:
        """The same shape without the kind null."""
        return replace(self, kinds=self.kinds - {"null"}) if self.is_nullable and len(self.kinds) > 1 else self

    def __or__(self, other: Shape) -> Shape:
        """The shape of a value that has one of two shapes."""
        return self if self is other else _union(self.bounded(), other.bounded(), 0)


_LIST: Final[frozenset[Kind]] = frozenset(("list",))
_OBJECT: Final[frozenset[Kind]] = frozenset(("object",))
_PLAIN: Final[frozenset[Kind]] = frozenset(("number", "boolean", "null"))
_MAX_DEPTH: Final = 16
_ALPHABET: Final = 12  # a closed list of so many single letters spells any text
_UNKNOWN: Final = Shape()
NOTHING: Final = Shape(kinds=frozenset())
"""The shape of the items of an empty list."""


def _with_trust(shape: Shape, taint: Taint | None, *, join: bool) -> Shape:
    if shape.kinds <= _PLAIN:
        return shape.with_figures(taint)
    if shape.values and not shape.may_be("list", "object"):
        if sum(isinstance(value, str) and len(value) == 1 and value.isalpha() for value in shape.values) < _ALPHABET:
            return shape
        return replace(shape, taint=joined(shape.taint if join else None, spelled(taint)))
    return _deep(shape, taint, join)


@lru_cache(maxsize=64)
def _unknown_with(taint: Taint | None) -> Shape:
    return replace(_UNKNOWN, taint=taint)


def _deep(shape: Shape, taint: Taint | None, join: bool) -> Shape:
    own = joined(shape.taint, taint) if join else taint
    if shape is _UNKNOWN:
        return _unknown_with(own)
    undescribed = shape.is_open or shape.rest is not None or (shape.items is None and "list" in shape.kinds)
    return replace(
        shape,
        taint=own if undescribed or "text" in shape.kinds else shape.taint,
        figures=joined(shape.figures, taint) if shape.may_be("number", "boolean") else None,
        fields=_Marked(shape.fields, taint, join) if shape.fields else shape.fields,
        rest=shape.rest and _with_trust(shape.rest, taint, join=join),
        items=shape.items and _with_trust(shape.items, taint, join=join),
    )


class _Marked(Mapping[str, Shape]):
    """Members with a taint on the text inside, computed on access: few of many members are read."""

    __slots__ = ("_fields", "_join", "_known", "_taint")

    def __init__(self, fields: Mapping[str, Shape], taint: Taint | None, join: bool) -> None:
        self._fields, self._taint, self._join = fields, taint, join
        self._known: dict[str, Shape] = {}

    def __getitem__(self, name: str) -> Shape:
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = _with_trust(self._fields[name], self._taint, join=self._join)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


def _union(one: Shape, other: Shape, depth: int) -> Shape:
    if one == other or not other.kinds:
        return one
    if not one.kinds:
        return other
    taint, figures = joined(one.taint, other.taint), joined(one.figures, other.figures)
    influence = joined(one.influence, other.influence)
    if one.is_unknown or other.is_unknown or depth > _MAX_DEPTH:
        return Shape(taint=joined(one.trust, other.trust), figures=figures, influence=influence)
    values: tuple[Any, ...] = ()
    if (one.values or one.kinds == {"null"}) and (other.values or other.kinds == {"null"}):
        values = tuple(dict.fromkeys((*(one.values or (None,)), *(other.values or (None,)))))
    lists = [shape for shape in (one, other) if "list" in shape.kinds]
    items = lists[0].items if lists else None
    if len(lists) == 2 and (one.items is None or other.items is None):
        items, taint = None, joined(taint, *(shape.items.trust for shape in lists if shape.items is not None))
    elif len(lists) == 2:
        items = _union(one.joinable_item(), other.joinable_item(), depth + 1)
    objects = [shape for shape in (one, other) if "object" in shape.kinds]
    fields, rest = (objects[0].fields, objects[0].rest) if objects else ({}, None)
    if len(objects) == 2:
        fields, rest = _fields(one, other, depth)
    return Shape(
        kinds=one.kinds | other.kinds, fields=fields, rest=rest, items=items, values=values, taint=taint,
        figures=figures, influence=influence, is_open=one.is_open or other.is_open,
    )  # fmt: skip


def _fields(one: Shape, other: Shape, depth: int) -> tuple[Mapping[str, Shape], Shape | None]:
    fields: dict[str, Shape] = {}
    for name in (*one.fields, *(name for name in other.fields if name not in one.fields)):
        parts = [shape.fields.get(name) or shape.hidden() for shape in (one, other)]
        found = [part for part in parts if part is not None]
        joint = found[0] if len(found) == 1 else _union(found[0], found[1], depth + 1)
        described = [shape.fields.get(name, shape.rest) for shape in (one, other)]
        if None in described:
            joint = joint.with_presence("maybe", PARTIAL_MEMBER)
        elif missing := next((part for part in found if part.presence != "always"), None):
            joint = joint.with_presence("maybe", missing.reason)
        fields[name] = joint
    if one.rest is None and other.rest is None:
        return fields, None
    first, second = one.hidden() or NOTHING, other.hidden() or NOTHING
    return fields, _union(first, second, depth + 1)
