"""Functions of texts as earlier versions of the language have them: for stored documents that were made with these.

They never change. `strings` has the present ones, with the same signatures.
"""

from __future__ import annotations

import re
import unicodedata

from flowbuilder.language.evaluation.functions.html_text import INLINE, text_of_html
from flowbuilder.language.evaluation.functions.registry import bad_argument
from flowbuilder.language.limits import Meter

_WORD = r"[^\W_]+(?:['’][^\W_]+)*"
_NO_SLUG = r"[^a-z0-9]+"
_NORMALIZED_TOGETHER = 16
"""Characters normalised at once: Python's time for a run of combining marks grows with the square of its length."""
_NO_CHARACTER = r"&#(?:[xX]0*[0-9a-fA-F]{7,}|0*[0-9]{8,});?"
"""A character reference beyond Unicode. `html.unescape` raises for one of more than 4,300 digits."""


def title(meter: Meter, value: str) -> str:
    """Each run of letters and digits capitalised; a combining mark ends a run."""
    meter.hold(3 * len(value))
    meter.work(len(value) >> 1)
    return re.sub(_WORD, lambda match: match[0][0].upper() + match[0][1:].lower(), value)


def truncate(meter: Meter, value: str, length: int = 255, end: str = "...") -> str:
    """At most `length` characters, cut at a space or line feed where there is one."""
    if length < 0:
        raise bad_argument("truncate", "the length must not be negative")
    if len(value) <= length:
        return value
    meter.hold(min(len(value), length) + len(end))
    available = length - len(end)
    if available <= 0:
        return end[:length]
    kept = value[:available]
    if not value[available].isspace():
        space = max(kept.rfind(" "), kept.rfind("\n"))
        kept = kept[:space] if space > 0 else kept
    return kept.rstrip() + end


def slugify(meter: Meter, value: str) -> str:
    """The ASCII letters and digits of the decomposed text; other letters, also `ß` and `ø`, are left out."""
    # normalisation may make the text eighteen times as long
    meter.hold(20 * len(value))
    meter.work(len(value) >> 2)
    parts = (value[at : at + _NORMALIZED_TOGETHER] for at in range(0, len(value), _NORMALIZED_TOGETHER))
    # only the order of marks depends on where the text is cut, and the marks are dropped
    decomposed = value if value.isascii() else "".join(unicodedata.normalize("NFKD", part) for part in parts)
    plain = decomposed.encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(_NO_SLUG, "-", plain).strip("-")


def wordcount(meter: Meter, value: str) -> int:
    """The number of runs of letters and digits. A combining mark ends a run, and a text without spaces is one."""
    meter.work(len(value) >> 3)
    return sum(1 for _ in re.finditer(_WORD, value))


def strip_html(meter: Meter, value: str) -> str:
    """The text between tags, up to the next `>`. Scripts and styles are text, and most blocks do not separate words."""
    meter.hold(3 * len(value))
    meter.work((len(value) >> 3) + value.count("<") + 2 * value.count("&"))
    pieces: list[str] = []
    position = 0
    while (opening := value.find("<", position)) >= 0:
        pieces.append(value[position:opening])
        comment = value.startswith("<!--", opening)
        closing = value.find("-->" if comment else ">", opening)
        if closing < 0:
            pieces.append(value[opening:])
            position = len(value)
            break
        pieces.append(" " if value[opening + 1 : opening + 2] in ("/", "!", "b", "p", "B", "P") else "")
        position = closing + (3 if comment else 1)
    pieces.append(value[position:])
    meter.hold(16 * len(pieces))
    import html  # here: the table of entities is large, and validating a document does not need it

    words = html.unescape(re.sub(_NO_CHARACTER, "\ufffd", "".join(pieces))).split()
    meter.hold(16 * len(words))
    return " ".join(words)


def strip_html_2(meter: Meter, value: str) -> str:
    """The text as a browser reads it; every element that is not within a line separates words, also an unknown one."""
    return text_of_html(meter, value, lambda name: name not in INLINE)
