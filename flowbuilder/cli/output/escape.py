"""Control characters and direction marks are written out before a text reaches the terminal."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""Characters that move the cursor, change colours or reverse the reading order on a terminal."""


def escape(text: object) -> str:
    r"""The text with control and direction characters written out: ESC becomes `\x1b`. Line feeds and tabs stay."""
    return _CONTROL.sub(lambda found: _written_out(found.group()), str(text))


def escape_line(text: object, limit: int = 200) -> str:
    """The escaped text on one line, cut at `limit` characters."""
    line = " ".join(escape(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def escape_json(document: str) -> str:
    r"""A serialised JSON document with the same characters as `\u` escapes: its value does not change."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", document)


def _written_out(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
