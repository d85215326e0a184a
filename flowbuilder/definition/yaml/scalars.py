"""Scalars of a YAML text: the value of a plain scalar, and the position of each character of its value."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowbuilder.diagnostics import Span
from flowbuilder.values import MAX_INT, MIN_INT, NotJson

Point = tuple[int, int]
"""A 1-based line and column."""

_WORDS: dict[str, bool | None] = dict.fromkeys(("", "~", "null", "Null", "NULL")) | {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_NUMERIC = frozenset("0123456789+-.")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_ESCAPE = {"x": 2, "u": 4, "U": 8}


def plain_value(text: str) -> bool | int | float | str | None:
    """The value of a plain scalar in the YAML 1.2 core schema: `yes`, `on` and `1:30` are texts.

    Raises `NotJson` for infinities and for integers beyond 64 bit.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC:
        return text
    if _INT.fullmatch(text):
        number = _integer(text)
        if number is None or not MIN_INT <= number <= MAX_INT:
            raise NotJson("an integer beyond 64 bit")
        return number
    if _FLOAT.fullmatch(text):
        real = float(text)
        if real in (float("inf"), float("-inf")):
            raise NotJson("a number beyond what a 64 bit float holds")
        return real
    if _NOT_FINITE.fullmatch(text):
        raise NotJson(f"{text}, a number that JSON does not have")
    return text


def begins_with_zero(text: str) -> bool:
    """Whether a plain scalar is an integer as `0123`: 83 to YAML 1.1, 123 to YAML 1.2, often a text."""
    return text[:1] in _NUMERIC and _LEADING_ZERO.fullmatch(text) is not None


def span_inside(text: str, scalar: Span, value: str, start: int, end: int) -> Span | None:
    """The span of `value[start:end]` in the text, where `scalar` is the span of the whole value.

    None where the characters of the value cannot be mapped back one by one.
    """
    points = _points(text.splitlines(), scalar, value)
    if points is None or not 0 <= start <= end <= len(value):
        return None
    if not value:
        return scalar
    first = points[start] if start < len(value) else _after(points[-1])
    last = _after(points[end - 1]) if end > start else _after(first)
    return Span(line=first[0], column=first[1], end_line=last[0], end_column=last[1])


def _integer(text: str) -> int | None:
    if len(text) > 25:  # longer than any 64 bit integer; converting long ones is slow
        return None
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


def _after(point: Point) -> Point:
    return point[0], point[1] + 1


def _points(lines: list[str], scalar: Span, value: str) -> list[Point] | None:
    """The point of each character of the value; None unless all are found."""
    if not lines or scalar.line > len(lines):
        return None
    opening = lines[scalar.line - 1][scalar.column - 1 : scalar.column]
    if opening in ("|", ">"):
        return _block_points(lines, scalar, value)
    found = list(_flow_characters(lines, scalar, opening if opening in ("'", '"') else ""))
    return [point for _, point in found] if "".join(char for char, _ in found) == value else None


def _block_points(lines: list[str], scalar: Span, value: str) -> list[Point] | None:
    # the lines of a block appear in its value whole and in order; between them are only folded breaks
    points: list[Point] = []
    body = range(scalar.line, min(scalar.end_line, len(lines)))
    first = next((lines[number] for number in body if lines[number].strip(" ")), "")
    lead = len(value.lstrip("\n")) - len(value.lstrip("\n").lstrip(" "))
    indent = len(first) - len(first.lstrip(" ")) - lead
    for number in body:
        content = lines[number][indent:]
        if not content.strip(" "):
            continue
        at = value.find(content, len(points))
        between = value[len(points) : at]
        if at < 0:
            break
        if between.strip(" \n"):
            return None
        points += [(number, len(lines[number - 1]) + 1)] * len(between)
        points += [(number + 1, indent + column + 1) for column in range(len(content))]
    rest = value[len(points) :]
    if rest.strip(" \n") or not points:
        return None
    return points + [_after(points[-1])] * len(rest)


def _flow_characters(lines: list[str], scalar: Span, quote: str) -> Iterator[tuple[str, Point]]:
    """The characters of a plain or quoted scalar, line breaks folded, each with its point."""
    for number in range(scalar.line, scalar.end_line + 1):
        line = lines[number - 1] if number <= len(lines) else ""
        begin = scalar.column - 1 + len(quote) if number == scalar.line else len(line) - len(line.lstrip(" \t"))
        stop = scalar.end_column - 1 - len(quote) if number == scalar.end_line else len(line)
        last = number == scalar.end_line
        joined = False
        if not last:
            stop = begin + len(line[begin:stop].rstrip(" \t"))
            joined = quote == '"' and line[begin:stop].endswith("\\") and not line[begin:stop].endswith("\\\\")
        if number > scalar.line and not last and begin >= stop:
            continue  # an empty line is counted by the line before it
        yield from _characters(line, number, begin, stop - joined, quote)
        if not last and not joined:
            empty = 0
            while number + empty < scalar.end_line - 1 and not lines[number + empty].strip(" \t"):
                empty += 1
            yield from ((char, (number, stop + 1)) for char in ("\n" * empty or " "))


def _characters(line: str, number: int, begin: int, stop: int, quote: str) -> Iterator[tuple[str, Point]]:
    column = begin
    while column < stop:
        char, size = line[column], 1
        if quote == "'" and line[column : column + 2] == "''":
            size = 2
        elif quote == '"' and char == "\\":
            char, size = _escaped(line, column)
        yield char, (number, column + 1)
        column += size


_NAMED = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b",
    "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip


def _escaped(line: str, column: int) -> tuple[str, int]:
    mark = line[column + 1 : column + 2]
    if mark in _ESCAPE and mark:
        size = 2 + _ESCAPE[mark]
        return chr(int(line[column + 2 : column + size], 16)), size
    return _NAMED.get(mark, mark), 2
