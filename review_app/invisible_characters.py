"""Characters that a reader cannot see are made visible: control, bidi, zero-width, filler and tag characters.

What a reviewer approves must be what a reviewer saw; text from web pages and models hides things in such characters.
"""

from __future__ import annotations

import re
import unicodedata

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# letters and marks that have a category of visible ones and draw nothing
_BLANK = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\u034f" + "".join(map(chr, range(0xFE00, 0xFE10))))
_EMOJI_GLUE = re.compile(
    r"(?<=[\U0001F000-\U0001FAFF\u2190-\u2BFF])\uFE0F?(?:\u200D(?=[\U0001F000-\U0001FAFF\u2640-\u2BFF]))?"
)
_NAMED = re.compile(r"⟨U\+[0-9A-F]{4,6}⟩")


class _Table(dict[int, str]):
    """Fills itself: `str.translate` asks once for each new character."""

    def __missing__(self, code: int) -> str:
        shown = _shown(chr(code))
        self[code] = shown
        return shown


def visible(text: str) -> str:
    """The text with each unseen character replaced by its name: U+202E becomes `⟨U+202E⟩`.

    Line breaks (also CR LF) and tabs stay, and so does what holds an emoji together.
    """
    pieces = []
    at = 0
    for glue in _EMOJI_GLUE.finditer(text):
        if glue.end() > glue.start():
            pieces += [text[at : glue.start()].replace("\r\n", "\n").translate(_TABLE), glue.group()]
            at = glue.end()
    pieces.append(text[at:].replace("\r\n", "\n").translate(_TABLE))
    return "".join(pieces)


def hidden_characters(text: str) -> int:
    """How many characters `visible` replaces by a name, not counting those that were written out that way already."""
    return len(_NAMED.findall(visible(text))) - len(_NAMED.findall(text))


def _shown(char: str) -> str:
    code = ord(char)
    if char in "\n\t":
        return char
    if char in _BLANK or 0xE0100 <= code <= 0xE01EF or unicodedata.category(char) in _UNSEEN:
        return f"⟨U+{code:04X}⟩"
    return char


_TABLE = _Table()
