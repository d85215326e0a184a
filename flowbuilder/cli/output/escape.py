"""Texts for the terminal: invisible characters are written out, as the review app shows them."""

from __future__ import annotations

from flowbuilder.model.invisible_characters import escaped_for_json, visible


def escape(text: object) -> str:
    """The text with control, direction and other invisible characters as codes: ESC becomes `⟨U+001B⟩`.

    Line feeds and tabs stay.
    """
    return visible(str(text))


def escape_line(text: object, limit: int = 200) -> str:
    """The escaped text on one line, cut at `limit` characters."""
    line = " ".join(escape(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def escape_json(document: str) -> str:
    r"""A serialised JSON document with the same characters as `\u` escapes: its value does not change."""
    return escaped_for_json(document)
