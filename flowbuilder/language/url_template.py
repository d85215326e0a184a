"""Templates of URLs: values in the path, the query and the fragment are percent-encoded."""

from __future__ import annotations

import re
from typing import Final

from msgspec.structs import replace

from flowbuilder.language.nodes import Call, Expr, For, If, Output, Set, Statement, Text, walk

_HOST_ENDS: Final = re.compile(r"\s*(?:(?:[a-z][a-z0-9+.-]*:)?//[^/?#]+[/?#]|/(?!/)|[?#])", re.IGNORECASE)
_AFTER_VALUE: Final = re.compile(r"[/?#]")
_DOTS: Final = re.compile(r"(?:\.|%2e){1,2}", re.IGNORECASE)


def encoded(statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """The statements of a template in which every value behind the host is percent-encoded, as one segment.

    Judged on the tree: a value belongs to the host until literal text has ended that, as `https://example.com/` and
    `{{ site.base_url }}/` do. A value to which the author applied `urlencode` stays as it is.
    """
    return _Encoder().of(statements)


def dot_segment(url: str) -> str | None:
    """The first segment `.` or `..` in the path of a URL, in any spelling; None when there is none."""
    path = re.split(r"[?#]", url, maxsplit=1)[0].replace("\\", "/")
    return next((part for part in path.split("/") if _DOTS.fullmatch(part)), None)


class _Encoder:
    def __init__(self) -> None:
        self._before = ""
        """The literal text so far, until it ends the host. A value is written as NUL."""
        self._behind_host = False

    def of(self, statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
        return tuple(map(self._statement, statements))

    def _statement(self, statement: Statement) -> Statement:
        match statement:
            case Text(text=text):
                self._read(text)
            case Output(value=value):
                if self._behind_host:
                    return replace(statement, value=_encoded(value))
                self._before += "\0"
            case If(branches=branches, otherwise=otherwise):
                ways = [self._way(body) for _, body in branches]
                last, *ends = [self._way(otherwise), *ways]
                self._before, self._behind_host = last[1], any(end[2] for end in (last, *ends))
                made = tuple((test, way[0]) for (test, _), way in zip(branches, ways, strict=True))
                return replace(statement, branches=made, otherwise=last[0])
            case For(body=body, otherwise=otherwise):
                inside, before, behind = self._way(body)
                empty = self._way(otherwise)[0]
                self._before, self._behind_host = before, self._behind_host or behind
                return replace(statement, body=inside, otherwise=empty)
            case Set():
                pass
        return statement

    def _way(self, body: tuple[Statement, ...]) -> tuple[tuple[Statement, ...], str, bool]:
        inner = _Encoder()
        inner._before, inner._behind_host = self._before, self._behind_host
        return inner.of(body), inner._before, inner._behind_host

    def _read(self, text: str) -> None:
        if self._behind_host:
            return
        self._before += text
        start = self._before.lstrip()
        ends = _AFTER_VALUE.search(start) if start.startswith("\0") and "://" not in start else _HOST_ENDS.match(start)
        self._behind_host = ends is not None


def _encoded(value: Expr) -> Expr:
    if any(isinstance(inner, Call) and inner.name == "urlencode" for inner in walk(value)):
        return value
    printed = Call(value.start, value.end, "string", (value,), piped=True)
    return Call(value.start, value.end, "urlencode", (printed,), piped=True)
