"""Limits of a page before it is parsed: its tags, their nesting and their attributes, estimated in one linear pass."""

from __future__ import annotations

import re
from collections import Counter

from flowbuilder.errors import StepError

MAX_TAGS = 100_000
MAX_DEPTH = 1_000
"""The deepest nesting of elements, by their tags. Browsers stop at 512."""
MAX_ATTRIBUTES = 500
"""The most attributes of one tag."""
_TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/<>"']*)((?:[^"'<>]+|"[^"]*"|'[^']*')*)""")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_NOT_NESTED = frozenset(
    {
        "area", "base", "body", "br", "col", "colgroup", "dd", "dt", "embed", "head", "hr", "html", "img", "input",
        "li", "link", "meta", "optgroup", "option", "p", "param", "rp", "rt", "source", "tbody", "td", "tfoot", "th",
        "thead", "tr", "track", "wbr",
    }
)  # fmt: skip
"""Elements without content, and those that the next one of their kind ends."""


def ensure_parsable(html: str) -> None:
    """Raise `StepError` (`too_large`, `limit.depth`) for a page that no parser should be given."""
    open_tags: Counter[str] = Counter()
    depth = count = 0
    for tag in _TAG.finditer(html):
        count += not tag[1]
        if count > MAX_TAGS:
            raise _beyond(f"more than {MAX_TAGS:,} tags", "too_large")
        attributes = tag[3]
        if len(attributes) > MAX_ATTRIBUTES and len(_QUOTED.sub("", attributes).split()) > MAX_ATTRIBUTES:
            raise _beyond(f"a tag with more than {MAX_ATTRIBUTES} attributes", "too_large")
        name = tag[2].lower()
        if name in _NOT_NESTED:
            continue
        if not tag[1]:
            open_tags[name] += 1
            depth += 1
            if depth > MAX_DEPTH:
                raise _beyond(f"elements nested deeper than {MAX_DEPTH:,} levels", "limit.depth")
        elif open_tags[name]:
            open_tags[name] -= 1
            depth -= 1


def _beyond(what: str, code: str) -> StepError:
    # definitive: where a page is to be published, nothing has been sent yet
    return StepError(f"the page has {what}", code=code, definitive=True)
