"""The spans of the values and names of a YAML document, by JSON pointer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flowbuilder.diagnostics import Span
from flowbuilder.values import pointer

_PAIR = r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"


class Collection:
    """The position of a mapping or a sequence, and of everything inside it.

    `inner` holds for each name its event and the position of its value, or the positions of the items; the position of
    a scalar is its event. `size` counts the values inside, `chars` their characters.
    """

    __slots__ = ("chars", "end_mark", "inner", "size", "start_mark")

    def __init__(self, start_mark: Any, inner: dict[str, tuple[Any, Any]] | list[Any]) -> None:
        self.start_mark = self.end_mark = start_mark
        self.inner = inner
        self.size = 1
        self.chars = 0

    def grow(self, place: Any) -> None:
        """Add the size of the value at `place` to this one."""
        if isinstance(place, Collection):
            self.size += place.size
            self.chars += place.chars
        else:
            self.size += 1
            self.chars += len(getattr(place, "value", ""))


class SpanIndex(Mapping[str, Span]):
    """The spans of all values, or of all names; computed at the first lookup: a document without errors needs none."""

    def __init__(self, root: Any, span_of: Callable[[Any], Span], *, names: bool) -> None:
        self._root = root
        self._span_of = span_of
        self._names = names
        self._spans: dict[str, Span] | None = None

    def __getitem__(self, key: str) -> Span:
        return self._all()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, Span]:
        if self._spans is None:
            self._spans = {}
            if self._root is not None:
                self._walk(self._root, "", self._spans)
        return self._spans

    def _walk(self, place: Any, at: str, into: dict[str, Span]) -> None:
        if not self._names:
            into[at] = self._span_of(place)
        if not isinstance(place, Collection):
            return
        if isinstance(place.inner, dict):
            for name, (event, inner) in place.inner.items():
                below = at + pointer((name,))
                if self._names:
                    into[below] = self._span_of(event)
                self._walk(inner, below, into)
        else:
            for index, inner in enumerate(place.inner):
                self._walk(inner, f"{at}/{index}", into)


class JoinedPairs:
    r"""A JSON text in which each surrogate pair is a YAML escape: `\ud83d\ude00` becomes `\U0001f600`.

    Each replacement is two characters shorter; `span` gives positions in the original text.
    """

    def __init__(self, text: str) -> None:
        self._shrunk: dict[int, list[int]] = {}
        self.text = text
        if text.lstrip().startswith(("{", "[")) and re.search(_PAIR, text):
            self.text = "\n".join(self._line(number, line) for number, line in enumerate(text.split("\n")))

    def span(self, place: Any) -> Span:
        """The span of an event or a collection in the original text."""
        start, end = place.start_mark, place.end_mark
        return Span(
            line=start.line + 1,
            column=self._column(start.line, start.column),
            end_line=end.line + 1,
            end_column=self._column(end.line, end.column),
        )

    def _column(self, line: int, column: int) -> int:
        return column + 1 + 2 * sum(1 for at in self._shrunk.get(line, ()) if at < column)

    def _line(self, number: int, line: str) -> str:
        for count, pair in enumerate(re.finditer(_PAIR, line)):
            self._shrunk.setdefault(number, []).append(pair.start() + len(pair[1]) - 2 * count)
        return re.sub(_PAIR, lambda pair: f"{pair[1]}\\U{_code_point(pair[2], pair[3]):08x}", line)


def _code_point(high: str, low: str) -> int:
    return 0x10000 + ((int(high, 16) - 0xD800) << 10) + (int(low, 16) - 0xDC00)
