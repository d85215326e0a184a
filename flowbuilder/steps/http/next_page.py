"""What an answer names as the next page of a list: the link header, a URL or a cursor in the body."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from flowbuilder import ports
from flowbuilder.errors import StepError
from flowbuilder.values import Json, JsonObject

_URL = re.compile(r"https?://|[/?]|\.{1,2}/|[^:]*\?|[^:?#]+\.(?:json|xml|html|php)$", re.IGNORECASE)
"""What a text that leads to the next page begins with, or is; a cursor is none of these."""
_INDEX = re.compile(r"-?\d{1,6}")
MISSING = object()


class Stop(Exception):
    """There may be more, and it cannot be read; the message says why."""


def items_of(output: JsonObject, where: str, path: tuple[str, ...] | None = None) -> list[Json]:
    """The list of a page, at `path` of the body where that is certain; `StepError` where there is none. A page without
    content (204) has no items."""
    if output["status"] == 204 and output["body"] is None:
        return []
    found = value_at(output, where) if path is None and where else _inside(output["body"], path or ())
    if not isinstance(found, list):
        place = f"at {where}" if where else "in its body"
        raise StepError(f"a page of the list has no list {place}", code="paginate")
    return found


def next_link(answer: ports.HttpResponse) -> str | None:
    """The target of the one link to the next page; None without one, `Stop` where that cannot be told."""
    from flowbuilder.steps.http.links import Malformed, targets  # here: validating a document reads no answer

    header = answer.headers.get("link", "")
    found: dict[str, None] = {}
    try:
        for target in targets(header, "next"):
            found[target] = None
    except Malformed:
        if not found and "next" in header.lower():
            raise Stop(f"the Link header cannot be read: {header!r:.200}") from None
    if len(found) > 1:
        raise Stop(f"the Link header names several next pages: {', '.join(found)!r:.200}")
    return next(iter(found), None)


def next_url(found: Json, where: str) -> str | None:
    """A value as the URL of the next page; None for the end of the list, `Stop` for anything else."""
    if found is None or found == "" or found is False:
        return None
    if isinstance(found, str) and _URL.match(found.strip()):
        return found.strip()
    cursor = f"; a cursor or a number is sent with next: {{cursor: body.{where.removeprefix('body.')}, as: query.NAME}}"
    raise Stop(f"{where} is {found!r:.100}, which is no URL{cursor if isinstance(found, str | int) else ''}")


def next_cursor(found: Json, where: str) -> str | int | None:
    """A value as a cursor; None for the end of the list (also 0, as nothing further can be there), `Stop` for anything
    else."""
    if found is None or found in ("", 0):
        return None
    if isinstance(found, str | int) and found is not True:
        return found
    raise Stop(f"{where} is {found!r:.100}, which is no cursor")


def value_at(output: JsonObject, where: str) -> Any:
    """The value at a dotted path of the body, or of the answer where the path begins with `body.` or `headers.`;
    `MISSING` where there is no such place.

    A number is an item of a list, -1 the last one; None where the list is shorter. A name may have dots itself.
    """
    names = where.split(".")
    found = _found(output["body"], names)
    if found in (None, MISSING) and names[0] in ("body", "headers"):
        inside = _found(output, names)
        return found if inside is MISSING else inside
    return found


def _found(value: Any, names: list[str]) -> Any:
    if not names:
        return value
    if isinstance(value, list) and _INDEX.fullmatch(names[0]):
        index = int(names[0])
        return _found(value[index], names[1:]) if -len(value) <= index < len(value) else None
    if not isinstance(value, dict):
        return MISSING
    for size in range(1, len(names) + 1):
        name = ".".join(names[:size])
        if name in value and (found := _found(value[name], names[size:])) is not MISSING:
            return found
    return MISSING


def _inside(value: Any, path: Iterable[str]) -> Any:
    """The value at exactly these names, as a schema describes it."""
    for name in path:
        value = value.get(name, MISSING) if isinstance(value, dict) else MISSING
    return value
