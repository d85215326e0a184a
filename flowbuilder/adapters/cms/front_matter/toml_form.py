"""TOML front matter."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flowbuilder.adapters.cms.front_matter.form import MAX_VALUES, Entry, ensure_size, problem, quoted

if TYPE_CHECKING:
    from tomlkit import TOMLDocument
    from tomlkit.items import Item

MAX_COLLECTIONS = 500
MAX_DOTS = 2_000


class TomlForm:
    """Implements `Form` with tomlkit, which keeps what it does not change."""

    def fields(self, inner: str) -> dict[str, Any]:
        """The fields as Python values."""
        return _loaded(inner)

    def keys(self, inner: str) -> list[str]:
        """The keys before the first table, and the names of the tables."""
        return list(_loaded(inner))

    def text(self, inner: str, key: str) -> str:
        """A string's text; numbers, dates and booleans as they are written."""
        held = _loaded(inner)[key]
        if isinstance(held, list | dict):
            return ""
        return held if isinstance(held, str) else _item(inner, key).as_string()

    def replaced(self, inner: str, key: str, value: str) -> list[str]:
        """In the quotes that the value has, where they can hold the new one."""
        from tomlkit.items import String

        if isinstance(_loaded(inner)[key], list | dict):
            raise problem(f"has a field {key} that is not a text")
        found = _item(inner, key)
        held = found.as_string()
        ways = [f"'{value}'"] if isinstance(found, String) and _is_literal(held) else []
        marker = '""' + "\x00"
        document = _parsed(inner)
        document[key] = marker  # where tomlkit writes it is where the value is
        start = document.as_string().find(_marker(marker))
        if start < 0 or inner[start : start + len(held)] != held:
            raise problem(f"has a field {key} of a form that cannot be changed")
        return [inner[:start] + way + inner[start + len(held) :] for way in (*ways, quoted(value))]

    def added(self, inner: str, key: str, value: str, newline: str) -> str:
        """A line after the last key that is in no table."""
        document = _parsed(inner)
        marker = '""' + "\x00"
        document.add(key, marker)
        text = document.as_string()
        start = text.rfind(f"{key} = ", 0, text.index(_marker(marker)))
        line = f"{key} = {quoted(value)}{newline}"
        before = inner[:start]
        return before + ("" if not before or before.endswith("\n") else newline) + line + inner[start:]

    def entries(self, inner: str, without: str) -> Sequence[Entry]:
        """All other fields, with their values as they are written."""
        return [(key, repr(value)) for key, value in _loaded(inner).items() if key != without]


def _loaded(inner: str) -> dict[str, Any]:
    ensure_size(inner)
    many = inner.count("[") + inner.count("{") > MAX_COLLECTIONS or inner.count(".") > MAX_DOTS
    if many or sum(map(inner.count, "=,\n")) > MAX_VALUES:
        raise problem("is too large, or nested too deeply")
    try:
        return tomllib.loads(inner)
    except (ValueError, RecursionError) as error:
        raise problem(f"is not valid TOML: {error!s:.200}") from None


def _parsed(inner: str) -> TOMLDocument:
    import tomlkit  # here: only a site with content files needs it
    from tomlkit.exceptions import TOMLKitError

    _loaded(inner)
    try:
        document = tomlkit.parse(inner)
    except (TOMLKitError, ValueError, RecursionError) as error:
        raise problem(f"is not valid TOML: {error!s:.200}") from None
    if document.as_string() != inner:
        raise problem("has a form of TOML that cannot be kept")
    return document


def _item(inner: str, key: str) -> Item:
    from tomlkit.items import Item

    found = _parsed(inner).item(key)
    if not isinstance(found, Item):
        raise problem(f"has a field {key} that is not a text")
    return found


def _is_literal(held: str) -> bool:
    return held.startswith("'") and not held.startswith("'''")


def _marker(text: str) -> str:
    import tomlkit

    return tomlkit.item(text).as_string()
