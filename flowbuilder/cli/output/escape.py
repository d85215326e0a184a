"""Text of others on a terminal: what would move the cursor, change colours or reverse the reading order is shown."""

from __future__ import annotations

import re

_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def safe(text: object) -> str:
    r"""The text with control and direction characters written out: an escape becomes `\x1b`. Line feed and tab stay."""
    return _UNSAFE.sub(lambda found: _written_out(found.group()), str(text))


def safe_line(text: object, limit: int = 200) -> str:
    """The text on one line, at most `limit` characters long."""
    line = " ".join(safe(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def safe_json(document: str) -> str:
    r"""A serialised JSON document with the same characters as `\u` escapes: the same value, harmless on a terminal."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", document)


def _written_out(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
