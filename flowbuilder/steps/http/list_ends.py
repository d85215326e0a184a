"""What an answer that names no next page says about it elsewhere: a misspelt path must not look like the end of a list.

Many APIs leave the place of the next page out on the last page, which may be the only one; so a missing place alone is
no error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from flowbuilder.values import Json, JsonObject

SIMILAR = 0.8
MAX_DEPTH, MAX_NAMES = 4, 200
_NEXT = re.compile(
    "next(url|uri|link|href|page(url|uri|link|token|cursor)?|cursor|token|marker|offset|start|id|recordsurl)?"
    "|odatanextlink|continuationtoken"
)
_MORE = re.compile("(has|is)?(more|next|truncated)(pages?|items|results|records|available)?|(next|more)pageavailable")
_LAST = re.compile("(is)?last(page)?")
_ITEMS = re.compile("total(count|elements|items|results|records|hits|rows|entries|size)")
_PAGES = re.compile("(total|num|numberof)pages")
_ITEMS_BESIDE, _PAGES_BESIDE = re.compile("total|count"), re.compile("pages|pagecount|lastpage")
"""Those beside one of `_PAGE`; alone they may be a sum of money, the pages of a book, the items of this page."""
_PAGE = re.compile("limit|perpage|pagesize|itemsperpage|offset|skip|page|currentpage|pagenumber|startat|maxresults")


def next_elsewhere(body: Json, wanted: str, items: str) -> str | None:
    """The place of something that looks like the next page, as `meta.next (abc)`: its name is like the last one of
    `wanted`, or one that APIs use for it. None where there is none."""
    name = _plain(wanted.rpartition(".")[2])
    for place, value, _ in _members(body, items):
        if isinstance(value, bool) or not isinstance(value, str | int) or value in ("", 0):
            continue
        key = _plain(place.rpartition(".")[2])
        if _NEXT.fullmatch(key) or (key and SequenceMatcher(None, key, name).ratio() >= SIMILAR):
            return f"{place} ({value!s:.60})"
    return None


def says_more(body: Json, items: str) -> str | None:
    """The place that says that there is a further page, as `has_more: true`; None where there is none."""
    for place, value, _ in _members(body, items):
        key = _plain(place.rpartition(".")[2])
        if (value is True and _MORE.fullmatch(key)) or (value is False and _LAST.fullmatch(key)):
            return f"{place}: {str(value).lower()}"
    return None


def counts_more(body: Json, items: str, count: int) -> str | None:
    """The place that says that there are more than these `count` items, as `total_count: 250`; None where there is
    none."""
    for place, value, around in _members(body, items):
        if isinstance(value, bool) or not isinstance(value, int):
            continue
        key = _plain(place.rpartition(".")[2])
        beside = any(_PAGE.fullmatch(_plain(name)) for name in around)
        of_items = _ITEMS.fullmatch(key) or (beside and _ITEMS_BESIDE.fullmatch(key))
        of_pages = _PAGES.fullmatch(key) or (beside and _PAGES_BESIDE.fullmatch(key))
        if (of_items and value > count) or (of_pages and value > 1 and count):
            return f"{place}: {value}"
    return None


def names_in(body: Json, items: str) -> str:
    """The places of an answer beside its items, for a message."""
    found = list(dict.fromkeys(place for place, _, _ in _members(body, items)))
    return ", ".join(found[:12]) + (" ..." if len(found) > 12 else "") or "none"


def _members(body: Json, items: str) -> Iterator[tuple[str, Any, JsonObject]]:
    """The members of nested objects outside of the list: their place, value, and the object around them."""
    own = items.removeprefix("body.")
    pending: list[tuple[str, Any, int]] = [("", body, 0)]
    left = MAX_NAMES
    while pending:
        at, value, depth = pending.pop(0)
        if not isinstance(value, dict):
            continue
        for name, inner in value.items():
            place = f"{at}.{name:.60}" if at else f"{name:.60}"
            left -= 1
            if left < 0:
                return
            if place == own or isinstance(inner, list):
                continue
            yield place, inner, value
            if depth < MAX_DEPTH:
                pending.append((place, inner, depth + 1))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name[:60].lower())
