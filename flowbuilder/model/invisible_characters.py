"""Makes invisible characters visible: control, bidi, zero-width, filler, tag and variation characters, odd spaces.

A reviewer must see everything that they approve; text from web pages and models can hide content in such characters.
The review app, the terminal and the `guard` step use this one list. Characters stay where the writing needs them: in
emoji, between letters of Arabic and Indic scripts, after ideographs, and odd spaces at numbers and punctuation.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache

_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
# letters, marks and symbols of visible categories that draw nothing
_BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\U00016fe4\U0001d159"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)
_KEPT = frozenset("\n\t ")

_EMOJI = "\U0001f000-\U0001faff\u2190-\u2bff\u00a9\u00ae\u203c\u2049\u2122\u2139\u3030\u303d\u3297\u3299"
_JOINING = "\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\ufb50-\ufdff\ufe70-\ufefc"
_VIRAMA = "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca\u1039\u17d2"
_IDEOGRAPH = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_EAST_ASIAN = "\u3001-\u30ff\uac00-\ud7af\uff01-\uff60" + _IDEOGRAPH
_SPACE = "[\u00a0\u2009\u202f]"
_ORDINARY = (
    f"(?<=[{_EMOJI}])(?:[\ufe0e\ufe0f]?\u200d(?=[{_EMOJI}])|[\ufe0e\ufe0f])",
    "(?<=[#*0-9])\ufe0f(?=\u20e3)",
    # the flags of England, Scotland and Wales
    "(?<=\U0001f3f4)\U000e0067\U000e0062"
    "(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074|\U000e0077\U000e006c\U000e0073)"
    "\U000e007f",
    f"(?<=[{_JOINING}])[\u200c\u200d](?=[{_JOINING}])",
    f"(?<=[{_VIRAMA}])[\u200c\u200d]",
    f"(?<=[{_IDEOGRAPH}])[\U000e0100-\U000e01ef]",
    "(?<=[\u1820-\u18aa])[\u180b-\u180d\u180f]",
    f"(?<=[0-9«‹]){_SPACE}",
    f"{_SPACE}(?=[0-9;:!?»›%‰€£$°])",
    f"(?<=[{_EAST_ASIAN}])\u3000|\u3000(?=[{_EAST_ASIAN}])",
)


@cache
def _ordinary() -> re.Pattern[str]:
    """Compiled when the first text has a character that could hide something: that takes milliseconds."""
    return re.compile("|".join(_ORDINARY))


class _Table(dict[int, str]):
    """A translation table that is filled on demand: `str.translate` looks up each new character once."""

    def __init__(self, write: Callable[[int], str]) -> None:
        self.write = write

    def __missing__(self, code: int) -> str:
        shown = self.write(code) if _is_invisible(chr(code)) else chr(code)
        self[code] = shown
        return shown


def visible(text: str) -> str:
    """The text with each invisible character replaced by its code: U+202E becomes `⟨U+202E⟩`.

    Spaces, line breaks (CR LF becomes LF) and tabs stay.
    """
    return _translated(text.replace("\r\n", "\n"), _CODES)


def escaped_for_json(document: str) -> str:
    r"""A serialised JSON document with the same characters as `\u` escapes: its value does not change."""
    return _translated(document, _JSON_ESCAPES)


def hidden_characters(text: str) -> Iterator[tuple[int, str]]:
    """The invisible characters that can hide content, with their indexes: those that `visible` replaces, without spaces
    of an odd kind, which read as spaces."""
    if len(text.translate(_CODES)) == len(text):
        return
    for start, piece, ordinary in _pieces(text):
        for index, char in enumerate(() if ordinary else piece, start):
            if _CODES[ord(char)] != char and unicodedata.category(char) != "Zs" and text[index : index + 2] != "\r\n":
                yield index, char


def without_hidden(text: str) -> str:
    """The text without the characters of `hidden_characters`, CR LF as LF: what a reader of it sees."""
    text = text.replace("\r\n", "\n")
    if len(text.translate(_CODES)) == len(text):
        return text
    return "".join(piece if ordinary else piece.translate(_NOTHING) for _, piece, ordinary in _pieces(text))


def _translated(text: str, table: _Table) -> str:
    if len(text.translate(table)) == len(text):  # every replacement is longer: there is none
        return text
    return "".join(piece if ordinary else piece.translate(table) for _, piece, ordinary in _pieces(text))


def _pieces(text: str) -> Iterator[tuple[int, str, bool]]:
    """The text in pieces, with their indexes, and whether the characters of the piece are to stay as they are."""
    at = 0
    for kept in _ordinary().finditer(text):
        yield at, text[at : kept.start()], False
        yield kept.start(), kept.group(), True
        at = kept.end()
    yield at, text[at:], False


def _is_invisible(char: str) -> bool:
    return char not in _KEPT and (char in _BLANK or unicodedata.category(char) in _CATEGORIES)


def _json_escape(code: int) -> str:
    units = chr(code).encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[index : index + 2].hex()}" for index in range(0, len(units), 2))


_CODES = _Table(lambda code: f"⟨U+{code:04X}⟩")
_JSON_ESCAPES = _Table(_json_escape)
_NOTHING = _Table(lambda code: chr(code) if unicodedata.category(chr(code)) == "Zs" else "")
