"""The work that a JSON Schema can cause, counted before it is used: references unfold and may multiply it without end.

A schema is a graph of subschemas. *In place* are those that look at the same value (`allOf`, `$ref`, `if` ...); the
others look at a member or an item of it. The unit of work is one subschema that looks at one value.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urldefrag

from msgspec import Struct, field

MAX_IN_PLACE: Final = 10_000
"""The most subschemas, references unfolded, that may look at one value."""
MAX_UNFOLDED: Final = 50_000
"""The most subschemas with all references unfolded, a recursive one counted once."""
MAX_PATTERN: Final = 50_000
"""The largest size of a regular expression: its parts, counted repetitions written out."""
MAX_DEPTH: Final = 64
MAX_WORK: Final = 10_000_000
"""The most work of checking one value: half a second."""
MAX_STATES: Final = 1_000
MAX_VISITS: Final = 50_000
"""Above these, the sets of parts that may look at a value are counted together: more than what is possible."""
_UNICODE_CLASS: Final = 20
_MEMBER: Final = ("additionalProperties", "unevaluatedProperties")
_ITEM: Final = ("items", "additionalItems", "unevaluatedItems", "contains")
_IN_PLACE: Final = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "extends", "contentSchema")
_BY_NAME_IN_PLACE: Final = ("dependentSchemas", "dependencies")
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_DEFINITIONS: Final = ("$defs", "definitions")
_REPEAT: Final = re.compile(r"\{(\d*)(?:,(\d*))?\}")
_IGNORED: Final = frozenset(("description", "title", "default", "examples", "$comment", *_DEFINITIONS))


class TooComplex(ValueError):
    """A schema could cause more work than is allowed; the message says why."""


class SchemaBounds(Struct, frozen=True):
    """`weights[d]` is the most work that one value at depth `d` can cause; the last one holds for deeper values too.
    `pattern` is the size of the largest regular expression."""

    weights: tuple[int, ...]
    pattern: int

    def work(self, value: Any) -> int:
        """An upper bound of the work of checking a value, in subschemas that look at a value (about 50 ns)."""
        total, last = 0, len(self.weights) - 1
        ahead: list[tuple[Any, int]] = [(value, 0)]
        while ahead:
            inner, depth = ahead.pop()
            total += self.weights[min(depth, last)]
            kind = inner.__class__
            if kind is str:
                total += (len(inner) * (self.pattern + 1)) >> 3
            elif kind is dict:
                total += sum(map(len, inner)) * self.pattern >> 3 if self.pattern else 0
                ahead.extend((item, depth + 1) for item in inner.values())
            elif kind is list:
                ahead.extend((item, depth + 1) for item in inner)
        return total


def bounds_of(schema: Any) -> SchemaBounds:
    """The bounds of a schema; raises `TooComplex` where it exceeds one of the limits above."""
    graph = _Graph(schema)
    root = graph.part(schema)
    graph.unfolded(root, set())
    return SchemaBounds(weights=tuple(graph.weights(root)), pattern=graph.pattern)


class _Part(Struct, eq=False):
    """One subschema: the parts in place, the parts for members and items, and its own size."""

    own: int = 1
    in_place: list[_Part] = field(default_factory=list)
    inside: list[tuple[str, _Part]] = field(default_factory=list)
    """The parts inside, by the name of the member; `*` for any member and `[]` for any item."""
    doubles: bool = False
    """Whether the parts in place look twice: for the value, and for `unevaluatedProperties` or `unevaluatedItems`."""
    weight: int | None = None
    """The work at one value, parts in place included; None while it is counted."""
    in_place_count: int = 1
    size: int | None = None


class _Graph:
    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._parts: dict[int, _Part] = {}
        self._names: dict[str, Any] = {}
        self.pattern = 0
        for inner in _objects(schema):
            for word in ("$anchor", "$dynamicAnchor", "$id", "id"):
                if isinstance(inner.get(word), str):
                    self._names.setdefault(inner[word].strip("#"), inner)

    def part(self, schema: Any) -> _Part:
        known = self._parts.get(id(schema))
        if known is not None:
            return known
        part = self._parts[id(schema)] = _Part()
        if not isinstance(schema, Mapping):
            return part
        for word, value in schema.items():
            self._word(part, str(word), value)
        return part

    def _word(self, part: _Part, word: str, value: Any) -> None:
        if word in _REFERENCES and isinstance(value, str):
            target = self._target(value)
            part.in_place += [self.part(target)] if target is not None else []
        elif word in _IN_PLACE:
            part.in_place += [self.part(inner) for inner in (value if isinstance(value, list) else [value])]
        elif word in _BY_NAME_IN_PLACE and isinstance(value, Mapping):
            part.in_place += [self.part(inner) for inner in value.values()]
        elif word == "properties" and isinstance(value, Mapping):
            part.own += len(value) // 4
            part.inside += [(f".{name}", self.part(inner)) for name, inner in value.items()]
        elif word == "patternProperties" and isinstance(value, Mapping):
            for pattern, inner in value.items():
                self._count_pattern(pattern)
                part.inside.append(("*", self.part(inner)))
        elif word in _MEMBER or word == "propertyNames":
            part.inside.append(("*", self.part(value)))
        elif word in _ITEM or word == "prefixItems":
            part.inside += [("[]", self.part(inner)) for inner in (value if isinstance(value, list) else [value])]
        elif word == "pattern":
            self._count_pattern(value)
        elif word not in _IGNORED:
            part.own += sum(1 for _ in _values(value)) // 16
        part.doubles |= word.startswith("unevaluated")

    def _count_pattern(self, pattern: Any) -> None:
        self.pattern = max(self.pattern, pattern_size(pattern) if isinstance(pattern, str) else 0)
        if self.pattern > MAX_PATTERN:
            raise TooComplex("a pattern is too complex: its counted repetitions make it too large")

    def _target(self, reference: str) -> Any:
        """The subschema that a reference names; None for one that is not in this document."""
        where, fragment = urldefrag(reference)
        base = self._names.get(where, self._schema) if where else self._schema
        if fragment and not fragment.startswith("/"):
            return self._names.get(fragment)
        found = base
        for name in fragment.split("/")[1:]:
            key = name.replace("~1", "/").replace("~0", "~")
            if isinstance(found, Mapping):
                found = found.get(key)
            elif isinstance(found, list) and key.isdecimal() and len(key) < 6:
                found = found[int(key)] if int(key) < len(found) else None
            else:
                return None
        return found if where == "" or where in self._names else None

    def weight(self, part: _Part, around: set[int]) -> int:
        """The work at one value; raises `TooComplex` for a part that refers to itself in place."""
        if part.weight is None:
            if id(part) in around:
                raise TooComplex("a reference leads back to itself without looking inside the value")
            around.add(id(part))
            looks = 2 if part.doubles else 1
            part.weight = part.own + looks * sum(self.weight(other, around) for other in part.in_place)
            part.in_place_count = 1 + looks * sum(other.in_place_count for other in part.in_place)
            around.discard(id(part))
            if part.in_place_count > MAX_IN_PLACE:
                raise TooComplex(f"its references unfold to more than {MAX_IN_PLACE:,} parts for one value")
        return part.weight

    def unfolded(self, part: _Part, around: set[int]) -> int:
        """The size of a part with all references unfolded; one inside itself counts once."""
        if id(part) in around:
            return 1
        if part.size is None:
            around.add(id(part))
            below = (*part.in_place, *(inner for _, inner in part.inside))
            part.size = 1 + sum(self.unfolded(other, around) for other in below)
            around.discard(id(part))
            if part.size > MAX_UNFOLDED:
                raise TooComplex(f"its references unfold to more than {MAX_UNFOLDED:,} parts")
        return part.size

    def weights(self, root: _Part) -> Iterator[int]:
        """The most work that one value causes, by depth."""
        states = {frozenset({(root, 1)})}
        known: dict[_State, set[_State]] = {}
        left = MAX_VISITS
        for _ in range(MAX_DEPTH + 1):
            most = max(sum(count * self.weight(part, set()) for part, count in state) for state in states)
            yield most
            if most > MAX_WORK:
                return  # no value is so deep
            following: set[_State] = set()
            ahead = list(states)
            while ahead:
                if left <= 0:
                    ahead = [_merged(ahead)]
                state = ahead.pop()
                if state not in known:
                    known[state], visits = _below(state)
                    left -= visits
                following |= known[state]
            if not following or following == states:
                return
            states = following if len(following) <= MAX_STATES and left > 0 else {_merged(following)}


_State = frozenset[tuple[_Part, int]]
"""The parts that look at one value, each with how often it does."""


def _below(state: _State) -> tuple[set[_State], int]:
    """The states of the members and items of a value, one for each name, and the number of parts that were visited."""
    by_name: dict[str, dict[_Part, int]] = {}
    ahead = list(state)
    visits = 0
    while ahead:
        part, count = ahead.pop()
        visits += 1 + len(part.inside)
        ahead += [(other, count * (2 if part.doubles else 1)) for other in part.in_place]
        times = min(count, 1 << 40)
        for name, inner in part.inside:
            counts = by_name.setdefault(name, {})
            counts[inner] = counts.get(inner, 0) + times
    every = by_name.pop("*", {})
    if every:
        for name, counts in by_name.items():
            if name != "[]":
                for inner, times in every.items():
                    counts[inner] = counts.get(inner, 0) + times
    return {frozenset(counts.items()) for counts in (every, *by_name.values()) if counts}, visits


def _merged(states: Iterable[_State]) -> _State:
    """One state that is at least as much work as each of these."""
    most: Counter[_Part] = Counter()
    for state in states:
        for part, count in state:
            most[part] = max(most[part], count)
    return frozenset(most.items())


def pattern_size(pattern: str) -> int:
    """The number of parts of a regular expression with its counted repetitions written out."""
    sizes, last = [0], 0
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "(":
            sizes.append(0)
            last = 0
        elif char == ")" and len(sizes) > 1:
            last = sizes.pop()
            sizes[-1] += last
        elif char == "{" and (found := _REPEAT.match(pattern, at)):
            times = max(int(number[:6]) for number in (found[1] or "1", found[2] or "1"))
            sizes[-1] += last * max(0, times - 1)
            last *= max(1, times)
            at = found.end() - 1
        else:
            end = at + 1
            if char == "\\":
                end = at + 2
            elif char == "[":
                closing = pattern.find("]", at + 2)
                end = closing + 1 if closing > 0 else len(pattern)
            wide = char == "." or pattern.startswith("[^", at) or re.search(r"\\[wWdDsSpP]", pattern[at:end])
            last = _UNICODE_CLASS if wide else 1 + (end - at) // 4
            sizes[-1] += last
            at = end - 1
        at += 1
    return min(sum(sizes), 1 << 40)


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    return (inner for inner in _values(value) if isinstance(inner, Mapping))


def _values(value: Any) -> Iterator[Any]:
    ahead = [value]
    while ahead:
        inner = ahead.pop()
        yield inner
        if isinstance(inner, Mapping):
            ahead += inner.values()
        elif isinstance(inner, list):
            ahead += inner
