"""Front matter: the YAML block at the start of a Markdown file. Edits leave every other key byte for byte."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import yaml

from flowbuilder.errors import StepError

MAX_CHARACTERS = 64 * 1024
MAX_COLLECTIONS = 2_000
MAX_VALUES = 10_000
_DEEP = re.compile(r"(?:[-?:] ){50}")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OPENING = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_TOP_KEY = re.compile(r"^[^\s#][^\n]*", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Document:
    """A parsed file. `head` is the front matter with its fences and the blank line after it, or empty."""

    head: str
    body: str

    @property
    def text(self) -> str:
        """The file's content."""
        return self.head + self.body

    def fields(self) -> dict[str, Any]:
        """The front matter; `StepError` when it is not a YAML mapping."""
        opening = _OPENING.match(self.head)
        if opening is None:
            return {}
        value = _parsed(opening[1])
        if value is not None and not isinstance(value, dict):
            raise StepError("the front matter is not a mapping of names to values", code="front_matter")
        return value or {}

    def field(self, name: str) -> str:
        """A field of the front matter as text; empty when there is none."""
        value = self.fields().get(name)
        if isinstance(value, (dict, list)):  # written out, aliases of a few lines may be endless
            raise StepError(f"the field {name} of the front matter is not a text", code="front_matter")
        return "" if value is None else str(value)

    def with_body(self, body: str) -> Document:
        """The same head with another body, such that parsing the text gives exactly that body."""
        head = self.head
        if not head and body.startswith("---"):
            head = "---\n---\n\n"
        elif head and not head.endswith(("\n\n", "\r\n\r\n")) and body[:1] in ("\n", "\r"):
            head += "\n"
        return Document(head=head, body=body)

    def with_field(self, name: str, value: str) -> Document:
        """The same document with one field set; all other text is unchanged."""
        line = f"{name}: {json.dumps(value, ensure_ascii=False)}\n"
        if not self.head:
            return Document(head=f"---\n{line}---\n\n", body=self.body)
        before = self.fields()
        opening = _OPENING.match(self.head)
        assert opening is not None
        inner = opening[1]
        start, end = _lines_of(inner, name)
        changed = inner[:start] + line + inner[end:]
        head = self.head[: opening.start(1)] + changed + self.head[opening.end(1) :]
        document = Document(head=head, body=self.body)
        if document.fields() != {**before, name: value}:
            raise StepError(f"{name} cannot be set in front matter of this form", code="front_matter")
        return document


def _parsed(inner: str) -> Any:
    too_deep = _DEEP.search(inner) or inner.count("[") + inner.count("{") > MAX_COLLECTIONS
    if len(inner) > MAX_CHARACTERS or too_deep:
        raise StepError("the front matter is too large, or nested too deeply", code="front_matter")
    try:
        value = yaml.load(inner, Loader=_Loader)  # noqa: S506 - a safe loader: it makes no objects
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        reason = str(problem).replace("\n", " ")
        raise StepError(f"the front matter is not valid YAML: {reason:.200}", code="front_matter") from None
    if not _is_small(value):
        raise StepError(f"the front matter has more than {MAX_VALUES:,} values", code="front_matter")
    return value


def _is_small(value: Any) -> bool:
    """Whether there are at most `MAX_VALUES` values; what an alias repeats counts each time, as in a comparison."""
    ahead, count = [value], 0
    while ahead and count <= MAX_VALUES:
        inner = ahead.pop()
        count += 1
        if isinstance(inner, dict):
            ahead += inner.values()
        elif isinstance(inner, list):
            ahead += inner
    return count <= MAX_VALUES


def parse_document(text: str) -> Document:
    """Head and body of a file. One blank line after the front matter belongs to the head."""
    opening = _OPENING.match(text)
    if opening is None:
        return Document(head="", body=text)
    end = opening.end()
    for blank in ("\r\n", "\n"):
        if text.startswith(blank, end):
            end += len(blank)
            break
    return Document(head=text[:end], body=text[end:])


def _lines_of(inner: str, name: str) -> tuple[int, int]:
    keys = list(_TOP_KEY.finditer(inner))
    for index, found in enumerate(keys):
        if re.match(rf"{re.escape(name)}\s*:", found[0]):
            return found.start(), keys[index + 1].start() if index + 1 < len(keys) else len(inner)
    return len(inner), len(inner)
