"""Limits of a page before it is parsed: its tags, their nesting and their attributes, estimated in one linear pass."""

from __future__ import annotations

import re
from collections import Counter

from flowbuilder.errors import StepError

MAX_CHARACTERS = 4 * 1024 * 1024
MAX_TAGS = 100_000
MAX_DEPTH = 1_000
"""The deepest nesting of elements, by their tags. Browsers stop at 512."""
MAX_ATTRIBUTES = 500
"""The most attributes of one tag."""
# possessive: nothing is tried twice. A quote is one after `=` only, as for a browser
_TAG = re.compile(r"""<(?:!--|(/?)([a-zA-Z][^\s/>]*+)((?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+)*+))""")
_QUOTED = re.compile(r"""=\s*+(?:"[^"]*+"|'[^']*+')""")
_COMMENT_END = re.compile(r"--!?>")
_RAW_TEXT = frozenset({"iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"})
"""Elements whose content is text up to their end tag, except in a drawing or a formula."""
_RAW_TEXT_END = {name: re.compile(f"</{name}(?=[\\s/>])", re.IGNORECASE) for name in _RAW_TEXT}
_NOT_NESTED = frozenset(
    {
        "area", "base", "body", "br", "col", "colgroup", "dd", "dt", "embed", "head", "hr", "html", "img", "input",
        "li", "link", "meta", "optgroup", "option", "p", "param", "rp", "rt", "source", "tbody", "td", "tfoot", "th",
        "thead", "tr", "track", "wbr",
    }
)  # fmt: skip
"""Elements without content, and those that the next one of their kind ends."""


def ensure_characters(html: str) -> None:
    """Raise `StepError` (`too_large`) for a page of more than `MAX_CHARACTERS`."""
    if len(html) > MAX_CHARACTERS:
        raise _beyond(f"more than {MAX_CHARACTERS:,} characters", "too_large")


def ensure_parsable(html: str) -> None:
    """Raise `StepError` (`too_large`, `limit.depth`) for a page that no parser should be given."""
    open_tags: Counter[str] = Counter()
    depth = count = position = 0
    while tag := _TAG.search(html, position):
        position = tag.end()
        if tag[2] is None:
            end = _COMMENT_END.search(html, position)
            position = end.end() if end else len(html)
            continue
        count += not tag[1]
        if count > MAX_TAGS:
            raise _beyond(f"more than {MAX_TAGS:,} tags", "too_large")
        attributes = tag[3]
        if len(attributes) > MAX_ATTRIBUTES and len(_QUOTED.sub("", attributes).split()) > MAX_ATTRIBUTES:
            raise _beyond(f"a tag with more than {MAX_ATTRIBUTES} attributes", "too_large")
        name = tag[2].lower()
        if name in _NOT_NESTED:
            continue
        if tag[1]:
            if open_tags[name]:
                open_tags[name] -= 1
                depth -= 1
            continue
        if name in _RAW_TEXT and not (open_tags["svg"] or open_tags["math"]):
            end = _RAW_TEXT_END[name].search(html, position)
            position = end.start() if end else len(html)
        open_tags[name] += 1
        depth += 1
        if depth > MAX_DEPTH:
            raise _beyond(f"elements nested deeper than {MAX_DEPTH:,} levels", "limit.depth")


def _beyond(what: str, code: str) -> StepError:
    # definitive: where a page is to be published, nothing has been sent yet
    return StepError(f"the page has {what}", code=code, definitive=True)
