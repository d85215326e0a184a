"""Front matter: the YAML block that opens a Markdown file. Keys that are not written stay byte for byte."""

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
    """A file taken apart. `head` is the front matter with its marks and the blank line after it, or empty."""

    head: str
    body: str

    @property
    def text(self) -> str:
        """The file's content."""
        return self.head + self.body

    def field(self, name: str) -> str:
        """A field of the front matter as text; empty when it is not there."""
        value = _parsed(self.head).get(name)
        return "" if value is None else str(value)

    def with_body(self, body: str) -> Document:
        """The same head over another body, such that reading it again gives exactly that body."""
        head = self.head
        if not head and body.startswith("---"):
            head = "---\n---\n\n"
        elif head and not head.endswith(("\n\n", "\r\n\r\n")) and body[:1] in ("\n", "\r"):
            head += "\n"
        return Document(head=head, body=body)

    def with_field(self, name: str, value: str) -> Document:
        """The same document with one field set; what stands around it is not touched."""
        line = f"{name}: {json.dumps(value, ensure_ascii=False)}\n"
        if not self.head:
            return Document(head=f"---\n{line}---\n\n", body=self.body)
        before = _parsed(self.head)
        opening = _OPENING.match(self.head)
        assert opening is not None
        inner = opening[1]
        start, end = _lines_of(inner, name)
        changed = inner[:start] + line + inner[end:]
        head = self.head[: opening.start(1)] + changed + self.head[opening.end(1) :]
        if _parsed(head) != {**before, name: value}:
            raise StepError(f"the front matter is too unusual to set {name} in it", code="front_matter")
        return Document(head=head, body=self.body)


def take_apart(text: str) -> Document:
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


def _parsed(head: str) -> dict[str, Any]:
    opening = _OPENING.match(head)
    if opening is None:
        return {}
    try:
        value = yaml.safe_load(opening[1])
    except yaml.YAMLError as problem:
        reason = str(problem).replace("\n", " ")
        raise StepError(f"the front matter is not valid YAML: {reason:.200}", code="front_matter") from None
    if value is not None and not isinstance(value, dict):
        raise StepError("the front matter is not a list of names and values", code="front_matter")
    return value or {}
