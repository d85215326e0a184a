"""Tokens of the HTML in which a Ghost document is shown, and the ends of its blocks."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TAG = re.compile(
    r"<(?P<close>/?)(?P<name>[a-z][a-z0-9]*+)(?P<attributes>(?:\s++[a-z-]++=(?:\"[^\"]*+\"|'[^']*+'))*+)\s*+/?>"
)
_ATTRIBUTE = re.compile(r"([a-z-]++)=(?:\"([^\"]*+)\"|'([^']*+)')")
_ANY_TAG = re.compile(r"<!--.*?-->|<(/?)([a-zA-Z][a-zA-Z0-9-]*+)((?:[^<>\"']|\"[^\"]*+\"|'[^']*+')*+)>", re.DOTALL)
_REFERENCE = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_LINE = re.compile(r"[ \t]*\r?\n\s*")
_SHOWN = {"\u00a0": "&nbsp;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
VOID = frozenset(("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"))


class NotSimpleError(ValueError):
    """The HTML has more than the nodes of Ghost's editor can hold."""


@dataclass(frozen=True)
class Token:
    """A start tag (`open`), an end tag (`close`) or a text, without character references."""

    kind: str
    name: str
    attributes: dict[str, str] = field(default_factory=dict)


def tokens(source: str) -> Iterator[Token]:
    """The tokens of well-formed HTML; `NotSimpleError` at any other `<`. A line break with the blanks around it is a
    blank, as a browser shows it."""
    place = 0
    while place < len(source):
        if source[place] == "<":
            found = _TAG.match(source, place)
            if found is None:
                raise NotSimpleError
            attributes = {
                one[1]: unescaped(one[2] if one[2] is not None else one[3])
                for one in _ATTRIBUTE.finditer(found["attributes"])
            }
            yield Token("close" if found["close"] else "open", found["name"], attributes)
            place = found.end()
        else:
            end = source.find("<", place)
            end = len(source) if end < 0 else end
            yield Token("text", unescaped(_LINE.sub(" ", source[place:end])))
            place = end


def unescaped(text: str) -> str:
    """The text with its character references replaced; an `&` without a `;` stays one."""
    return _REFERENCE.sub(lambda found: html.unescape(found[0]), text)


def shown(text: str, *, lines: bool = False) -> str:
    """The text as HTML in which every character can be seen; with `lines` its line breaks and tabs stay as they are."""
    text = html.escape(text, quote=False)
    for char, reference in _SHOWN.items():
        if not lines or char not in "\n\t":
            text = text.replace(char, reference)
    return text


def attribute(name: str, value: str) -> str:
    """` name="value"`."""
    return f' {name}="{shown(value).replace(chr(34), "&quot;")}"'


def top_level(source: str) -> list[str] | None:
    """The elements that stand beside each other with only blanks between them; None where the HTML is anything else,
    or an element is not closed."""
    parts: list[str] = []
    stack: list[str] = []
    start = place = 0
    for found in _ANY_TAG.finditer(source):
        name = (found[2] or "").lower()
        if not stack:
            if source[place : found.start()].strip():
                return None
            start = found.start()
        if not name:
            pass
        elif found[1]:
            if not stack or stack.pop() != name:
                return None
        elif name not in VOID and not (found[3] or "").endswith("/"):
            stack.append(name)
        if not stack:
            parts.append(source[start : found.end()])
            place = found.end()
    return None if stack or source[place:].strip() else parts
