"""Makes invisible characters visible: control, bidi, zero-width, filler and tag characters.

A reviewer must see everything that they approve; text from web pages and models can hide content in such characters.
"""

from __future__ import annotations

import re
import unicodedata

_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# letters and marks in visible categories that draw nothing
_BLANK = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\u034f" + "".join(map(chr, range(0xFE00, 0xFE10))))
_EMOJI_JOINER = re.compile(
    r"(?<=[\U0001F000-\U0001FAFF\u2190-\u2BFF])\uFE0F?(?:\u200D(?=[\U0001F000-\U0001FAFF\u2640-\u2BFF]))?"
)
_CODE = re.compile(r"⟨U\+[0-9A-F]{4,6}⟩")


class _Table(dict[int, str]):
    """A translation table that is filled on demand: `str.translate` looks up each new character once."""

    def __missing__(self, code: int) -> str:
        shown = _shown(chr(code))
        self[code] = shown
        return shown


def visible(text: str) -> str:
    """The text with each invisible character replaced by its code: U+202E becomes `⟨U+202E⟩`.

    Line breaks (CR LF too), tabs and the joiners inside emoji stay.
    """
    pieces = []
    at = 0
    for joiner in _EMOJI_JOINER.finditer(text):
        if joiner.end() > joiner.start():
            pieces += [text[at : joiner.start()].replace("\r\n", "\n").translate(_TABLE), joiner.group()]
            at = joiner.end()
    pieces.append(text[at:].replace("\r\n", "\n").translate(_TABLE))
    return "".join(pieces)


def hidden_characters(text: str) -> int:
    """The number of characters that `visible` replaces, without codes that were written out in the text already."""
    return len(_CODE.findall(visible(text))) - len(_CODE.findall(text))


def _shown(char: str) -> str:
    code = ord(char)
    if char in "\n\t":
        return char
    if char in _BLANK or 0xE0100 <= code <= 0xE01EF or unicodedata.category(char) in _INVISIBLE_CATEGORIES:
        return f"⟨U+{code:04X}⟩"
    return char


_TABLE = _Table()
