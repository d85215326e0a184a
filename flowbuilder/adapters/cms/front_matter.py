"""Front matter: the YAML block at the start of a Markdown file. Edits leave every other key byte for byte."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import yaml

from flowbuilder.errors import StepError

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
        try:
            value = yaml.safe_load(opening[1])
        except yaml.YAMLError as problem:
            reason = str(problem).replace("\n", " ")
            raise StepError(f"the front matter is not valid YAML: {reason:.200}", code="front_matter") from None
        if value is not None and not isinstance(value, dict):
            raise StepError("the front matter is not a mapping of names to values", code="front_matter")
        return value or {}

    def field(self, name: str) -> str:
        """A field of the front matter as text; empty when there is none."""
        value = self.fields().get(name)
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
