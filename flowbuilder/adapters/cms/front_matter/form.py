"""What the forms of front matter share: their protocol, their limits, and how a text is quoted."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Sequence
from typing import Any, Protocol

from flowbuilder.errors import StepError

MAX_CHARACTERS = 64 * 1024
MAX_VALUES = 10_000
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")

Entry = tuple[Hashable, Hashable]
"""A field as it is compared: its key and its value."""


class Form(Protocol):
    """A form of front matter. `inner` is the text between the fences. All raise `StepError` (`front_matter`)."""

    def fields(self, inner: str) -> dict[str, Any]:
        """The fields as the generator reads them."""

    def keys(self, inner: str) -> list[str]:
        """The names of the fields, in order."""

    def text(self, inner: str, key: str) -> str:
        """A field as its characters in the file: `1.10` and `No` stay what they are. Empty for null and for
        what is no text."""

    def replaced(self, inner: str, key: str, value: str) -> list[str]:
        """The inner text with another value of a field, in the ways in which it may be written, best first."""

    def added(self, inner: str, key: str, value: str, newline: str) -> str:
        """The inner text with a new field after the others."""

    def entries(self, inner: str, without: str) -> Sequence[Entry]:
        """All other fields, in order, for comparison."""


def problem(reason: str) -> StepError:
    """The error of front matter that cannot be read or kept."""
    return StepError(f"the front matter {reason}", code="front_matter", definitive=True)


def ensure_size(inner: str) -> None:
    """Raise where the front matter is longer than `MAX_CHARACTERS`."""
    if len(inner) > MAX_CHARACTERS:
        raise problem("is too large, or nested too deeply")


def quoted(value: str) -> str:
    """A text in double quotes, valid in JSON, JavaScript, TOML and YAML."""
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def matching_key(keys: Sequence[str], name: str, *, only: bool = False) -> str | None:
    """The key of a field: its exact name, else the one that differs in case (Hugo reads `Title` as `title`).

    With `only`, several of them are an error: which one counts depends on the generator.
    """
    found = [key for key in keys if key.lower() == name]
    if only and len(found) > 1:
        raise problem(f"has {' and '.join(found)}: remove one of them first")
    return name if name in found else (found[0] if found else None)
