"""JSON-LD as it is written in the wild: in comments or CDATA, with control characters, trailing commas, entities."""

from __future__ import annotations

import html
import json
import re
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from flowbuilder.values import NotJson, ensure_json

MAX_BLOCKS = 200
_WRAPPING = re.compile(r"(?://\s*|/\*\s*)?(?:<!--|-->|<!\[CDATA\[|\]\]>)(?:\s*\*/)?")
_STRING_OR_COMMA = re.compile(
    r'("(?:[^"\\]++|\\.)*+")|,(?=\s*+[}\]])|/\*[^*]*(?:\*(?!/)[^*]*)*\*/|(?<![:\w])//[^\n]*+', re.DOTALL
)
_BAD_ESCAPE = re.compile(r'\\(?:(["\\/bfnrt]|u[0-9a-fA-F]{4})|(.))', re.DOTALL)
_DECODER = json.JSONDecoder(strict=False)


def read_json_ld(tree: LexborHTMLParser) -> tuple[list[Any], list[str]]:
    """The values of all blocks of a page, lists joined, and a warning for each block that cannot be read."""
    found: list[Any] = []
    warnings: list[str] = []
    blocks = [
        node
        for node in tree.css("script[type]")
        if (node.attributes.get("type") or "").partition(";")[0].strip().lower() == "application/ld+json"
    ]
    for number, node in enumerate(blocks[:MAX_BLOCKS], 1):
        try:
            for value in parse_json_ld(node.text(deep=True)):
                found.extend(value if isinstance(value, list) else [value])
        except (ValueError, NotJson, RecursionError) as problem:
            warnings.append(f"JSON-LD block {number} cannot be read: {problem!s:.150}")
    return found, warnings


def parse_json_ld(text: str) -> list[Any]:
    """The values in the text of one block: usually one. Raises `ValueError` or `RecursionError`."""
    text = text.strip().removeprefix("\ufeff").strip().rstrip(";")
    if not text:
        return []
    try:
        return [ensure_json(_DECODER.decode(text))]
    except json.JSONDecodeError as problem:
        first = problem
    for mend in (
        _without_wrapping,
        _mended,
        html.unescape,
        lambda part: _mended(_without_wrapping(html.unescape(part))),
    ):
        try:
            return _values(mend(text))
        except json.JSONDecodeError:
            continue
    raise first


def _values(text: str) -> list[Any]:
    """One or several values, one after the other."""
    found: list[Any] = []
    position = 0
    text = text.strip().rstrip(";")
    while position < len(text):
        value, position = _DECODER.raw_decode(text, position)
        found.append(ensure_json(value))
        while position < len(text) and text[position] in " \t\r\n,;":
            position += 1
    return found


def _without_wrapping(text: str) -> str:
    """The text without the comment or CDATA section around it."""
    head, body, tail = text[:200], text[200:-200], text[200:][-200:]
    if len(text) <= 400:
        return _WRAPPING.sub("", text)
    return _WRAPPING.sub("", head) + body + _WRAPPING.sub("", tail)


def _mended(text: str) -> str:
    """The text without comments and trailing commas, and with its wrong escapes as the characters that they mean."""

    def keep(match: re.Match[str]) -> str:
        return _BAD_ESCAPE.sub(lambda escape: escape[0] if escape[1] else escape[2], match[1]) if match[1] else ""

    return _STRING_OR_COMMA.sub(keep, _without_wrapping(text))
