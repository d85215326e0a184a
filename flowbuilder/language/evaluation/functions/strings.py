"""Functions of texts, HTML included."""

from __future__ import annotations

import re
import unicodedata
from typing import Any
from urllib.parse import quote

from flowbuilder.language.evaluation.functions import former_strings
from flowbuilder.language.evaluation.functions.html_text import separates, text_of_html
from flowbuilder.language.evaluation.functions.registry import bad_argument, function
from flowbuilder.language.evaluation.operators import search, wrong
from flowbuilder.language.evaluation.printing import text, write_json
from flowbuilder.language.limits import Meter
from flowbuilder.language.text_segments import count_words, whole_characters, whole_words, words_in

# `re` compiles these at their first use, and keeps them
_WORD = r"[^\W_]+(?:['’][^\W_]+)*"


@function(gives="text")
def upper(meter: Meter, value: str) -> str:
    """In upper case. `"abc" | upper` -> `"ABC"`."""
    # one letter may become three: ﬃ becomes FFI
    meter.hold(3 * len(value))
    return value.upper()


@function(gives="text")
def lower(meter: Meter, value: str) -> str:
    """In lower case. `"ABC" | lower` -> `"abc"`."""
    meter.hold(3 * len(value))
    return value.lower()


@function(gives="text", former={1: former_strings.title})
def title(meter: Meter, value: str) -> str:
    """Each word capitalised. `"it's a new page" | title` -> `"It's A New Page"`."""
    meter.hold(3 * len(value))
    meter.work(len(value) >> 1)
    return re.sub(_WORD, _capitalized, value)


def _capitalized(found: re.Match[str]) -> str:
    # a mark of the letter before it is no beginning of a word
    marked = found.start() > 0 and unicodedata.category(found.string[found.start() - 1])[0] == "M"
    return found[0].lower() if marked else found[0][0].upper() + found[0][1:].lower()


@function(gives="text")
def capitalize(meter: Meter, value: str) -> str:
    """The first letter in upper case, all others in lower case. `"new PAGE" | capitalize` -> `"New page"`."""
    meter.hold(3 * len(value))
    meter.work(len(value) >> 4)
    return value.capitalize()


@function(gives="text", aliases=("strip",))
def trim(meter: Meter, value: str) -> str:
    """Without white space at the ends. `"  a b " | trim` -> `"a b"`."""
    meter.hold(len(value))
    return value.strip()


@function(gives="text", former={1: former_strings.truncate})
def truncate(meter: Meter, value: str, length: int = 255, end: str = "...") -> str:
    """At most `length` characters, cut between words where possible, in every script; `end` marks the cut.

    `"The quick brown fox" | truncate(14)` -> `"The quick..."`. `"short" | truncate(20)` -> `"short"`. A letter stays
    with its marks, and an emoji of several characters is whole: `"ok 👍🏽" | truncate(4, "")` -> `"ok"`.
    """
    if length < 0:
        raise bad_argument("truncate", "the length must not be negative")
    if len(value) <= length:
        return value
    meter.hold(min(len(value), length) + len(end))
    meter.work(length >> 4)
    available = length - len(end)
    if available <= 0:
        return whole_characters(end, length)
    return whole_words(value, available).rstrip() + end


@function(gives="text")
def replace(meter: Meter, value: str, old: str, new: str, count: int = -1) -> str:
    """Every `old`, or the first `count` of them, replaced by `new`. `"a-b-c" | replace("-", " ")` -> `"a b c"`."""
    if old == "":
        raise bad_argument("replace", "the text to look for is empty")
    search(meter, value, old)
    found = value.count(old)
    if count >= 0:
        found = min(found, count)
    meter.hold(len(value) + found * max(0, len(new) - len(old)))
    return value.replace(old, new, count)


@function(gives="list of text")
def split(meter: Meter, value: str, separator: str | None = None) -> list[str]:
    """The parts between separators, by default white space. `"a, b" | split(", ")` -> `["a", "b"]`."""
    if separator == "":
        raise bad_argument("split", "the separator is empty")
    search(meter, value, separator or " ")
    parts = value.count(separator) + 1 if separator else len(value) // 2 + 1
    # each part is an object with about fifty bytes of overhead
    meter.hold(len(value) + 16 * parts)
    return value.split(separator)


@function(gives="text")
def join(meter: Meter, value: list[Any], separator: str = "") -> str:
    """The printed items, joined. `["a", 1, null] | join("-")` -> `"a-1-"`."""
    meter.hold_list(len(value))
    meter.work(len(value) >> 1)
    parts = [item if item.__class__ is str else text(meter, item) for item in value]
    meter.hold(sum(map(len, parts)) + len(separator) * len(parts))
    return separator.join(parts)


@function(gives="text")
def center(meter: Meter, value: str, width: int = 80) -> str:
    """Centred in `width` characters. `"a" | center(5)` -> `"  a  "`."""
    meter.hold(max(len(value), width))
    return value.center(width)


@function(gives="text")
def indent(meter: Meter, value: str, width: int = 4, first: bool = False) -> str:
    r"""Lines indented by `width` spaces, the first one only with `first`. `"a\nb" | indent(2)` -> `"a\n  b"`."""
    if width < 0:
        raise bad_argument("indent", "the width must not be negative")
    lines = value.count("\n") + 1
    meter.hold(len(value) + 16 * lines)
    meter.hold(lines * width)
    margin = " " * width
    return (margin if first else "") + value.replace("\n", "\n" + margin)


@function(gives="text", former={1: former_strings.slugify})
def slugify(meter: Meter, value: str) -> str:
    """A URL slug: lower-case letters, digits and hyphens; every script is transliterated.

    `"Crème Brûlée 101!" | slugify` -> `"creme-brulee-101"`. `"Größe & Straße" | slugify` -> `"grosse-strasse"`.
    `"北京大学" | slugify` -> `"beijing-daxue"`. Symbols are left out, where there is anything else.
    """
    meter.work(len(value) >> 2)
    if value.isascii():
        meter.hold(2 * len(value))
        return _slug(value)
    # one letter may become twenty-nine
    meter.hold(30 * len(value))
    from anyascii import anyascii  # here and in `strip_html`: validating a document does not need these libraries

    # an apostrophe of the text separates, as always; those in romanised letters do not
    words = (anyascii(word.replace("'", "-")).replace("'", "").replace("`", "") for word in words_in(value))
    return _slug("-".join(words)) or _slug(anyascii(value))


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


@function(gives="integer", former={1: former_strings.wordcount})
def wordcount(meter: Meter, value: str) -> int:
    """The number of words, in every script.

    `"It's a new page." | wordcount` -> `4`. `"今天天气很好" | wordcount` -> `3`.
    """
    meter.work(len(value) >> 3 if value.isascii() else 3 * len(value) >> 3)
    return count_words(value)


@function(gives="text")
def urlencode(meter: Meter, value: Any) -> str:
    """Percent-encoded for a part of a URL: all but letters, digits and `-._~`.

    `"a b&c" | urlencode` -> `"a%20b%26c"`.
    """
    if value.__class__ not in (str, int, float, bool):
        raise wrong("urlencode takes text or a number", "encode each value by itself")
    plain = text(meter, value)
    meter.hold(12 * len(plain))
    meter.work(len(plain) >> 2)
    return quote(plain, safe="", errors="replace")


@function(gives="boolean")
def startswith(meter: Meter, value: str, part: str) -> bool:
    """Whether the text starts with `part`. `"https://a.b" | startswith("https:")` -> `true`."""
    meter.work(len(part) >> 9)
    return value.startswith(part)


@function(gives="boolean")
def endswith(meter: Meter, value: str, part: str) -> bool:
    """Whether the text ends with `part`. `"photo.jpg" | endswith(".jpg")` -> `true`."""
    meter.work(len(part) >> 9)
    return value.endswith(part)


@function(gives="text", aliases=("tostring",))
def string(meter: Meter, value: Any) -> str:
    """The value as it prints. `3 | string` -> `"3"`. `null | string` -> `""`. `[1, true] | string` -> `"[1, true]"`."""
    return text(meter, value)


@function(gives="text", aliases=("tojson",))
def json(meter: Meter, value: Any) -> str:
    r"""The value as JSON. `{"a": [1, "x"]} | json` -> `"{\"a\": [1, \"x\"]}"`. `"x" | json` -> `"\"x\""`."""
    out: list[str] = []
    write_json(meter, value, out, 0)
    return "".join(out)


@function(gives="text", former={1: former_strings.strip_html, 2: former_strings.strip_html_2})
def strip_html(meter: Meter, value: str) -> str:
    """The text as a browser reads it: without tags, comments, scripts and styles, with entities decoded.

    White space is collapsed, and blocks separate words: `"<p>Fish &amp; <b>chips</b><p>Peas" | strip_html` ->
    `"Fish & chips Peas"`. `"a < b" | strip_html` -> `"a < b"`. A tag that HTML does not know is left out and separates
    nothing, as in a browser: `"x<y>z" | strip_html` -> `"xz"`. Not a sanitizer: the result may still contain HTML.
    """
    return text_of_html(meter, value, separates)


@function(gives="text")
def escape_html(meter: Meter, value: str) -> str:
    """Escaped for use inside HTML. `"a < b & c" | escape_html` -> `"a &lt; b &amp; c"`."""
    import html

    meter.hold(6 * len(value))
    return html.escape(value)
