"""Numbers and quoted texts as authors write them."""

from __future__ import annotations

import re

from flowbuilder.language.names import fault
from flowbuilder.values import MAX_INT

_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "/": "/", "\\": "\\", '"': '"', "'": "'"}


def number(text: str, start: int, end: int) -> int | float:
    """A whole number within 64 bit, or a finite real one."""
    if text.isdigit():
        if len(text) <= 19:
            value = int(text)
            if value <= MAX_INT:
                return value
        raise fault("FB201", "the number is beyond 64 bit", start, end)
    real = float(text)
    if real == float("inf"):
        raise fault("FB201", "the number is too large", start, end)
    return real


def unquote(text: str, start: int) -> str:
    """The text inside quotes, with the escapes of JSON and of the single quote."""
    if "\\" not in text:
        return text[1:-1]

    def replace(match: re.Match[str]) -> str:
        escaped = match[1]
        if len(escaped) == 5:
            return chr(int(escaped[1:], 16))
        if escaped in _ESCAPED:
            return _ESCAPED[escaped]
        at = start + 1 + match.start()
        hint = "the escapes are those of JSON; a backslash itself is written twice"
        raise fault("FB201", f"\\{escaped} is not an escape in a text", at, at + 2, hint)

    joined = _ESCAPE.sub(replace, text[1:-1])
    # pairs of surrogates written as two escapes are one character; a lone one is no text
    try:
        return joined.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise fault("FB201", "half a surrogate pair is not a character", start, start + len(text)) from None
