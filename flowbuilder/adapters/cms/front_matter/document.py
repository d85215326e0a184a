"""A content file: its front matter and its body."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any

from flowbuilder.adapters.cms.front_matter.form import MAX_CHARACTERS, Form, matching_key, problem, quoted
from flowbuilder.adapters.cms.front_matter.json_form import JsonForm
from flowbuilder.adapters.cms.front_matter.toml_form import TomlForm
from flowbuilder.adapters.cms.front_matter.yaml_form import YamlForm
from flowbuilder.errors import StepError

BOM = "\ufeff"
_YAML, _TOML, _JSON = YamlForm(), TomlForm(), JsonForm()
_FORMS: dict[str, Form] = {
    "": _YAML,
    "yaml": _YAML,
    "yml": _YAML,
    "toml": _TOML,
    "json": _JSON,
    "json5": JsonForm(script=True),
    "js": JsonForm(script=True),
    "javascript": JsonForm(script=True),
}
_OPENING = re.compile(
    r"\ufeff?(?:(?P<dashes>-{3,})[ \t]*(?P<language>[A-Za-z][A-Za-z0-9]*)?|(?P<mark>\+\+\+|;;;))[ \t]*\r?\n"
)
_CLOSING = {
    "---": re.compile(r"^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.MULTILINE),
    "+++": re.compile(r"^\+\+\+[ \t]*(?:\r?\n|\Z)", re.MULTILINE),
    ";;;": re.compile(r"^;;;[ \t]*(?:\r?\n|\Z)", re.MULTILINE),
}
_LINE_END = re.compile(r"[ \t]*(?:\r?\n|\Z)")
_METADATA = re.compile(
    r"\ufeff?(?:\s+(?:---|\+\+\+|;;;)|\{\s*[\"'\r\n}]|(?:[-+;]{3,}[^\n]*\n)?[\w-]+[ \t]*:(?:[ \t]|\r?\n))"
)
_SCRIPT_METADATA = re.compile(r"^export\s+const\s+(?:metadata|meta|frontmatter|frontMatter)\b", re.MULTILINE)
_MARKDOWN = ("md", "mdx", "markdown", "mdown", "mkd", "")


@dataclass(frozen=True, kw_only=True)
class Document:
    """A parsed file: `opening`, `inner` and `closing` are the front matter with its fences, or empty; `gap` is the one
    blank line after it, where there is one. `suffix` is the file's, without the dot."""

    opening: str = ""
    inner: str = ""
    closing: str = ""
    gap: str = ""
    body: str
    suffix: str = "md"
    form: Form | None = field(default=None, compare=False)

    @property
    def head(self) -> str:
        """All before the body."""
        return self.opening + self.inner + self.closing + self.gap

    @property
    def text(self) -> str:
        """The file's content."""
        return self.head + self.body

    @property
    def newline(self) -> str:
        """The line ending of the first line."""
        end = self.text.find("\n")
        return "\r\n" if end > 0 and self.text[end - 1] == "\r" else "\n"

    def fields(self) -> dict[str, Any]:
        """The front matter as the generator reads it; `StepError` where it cannot be read."""
        return {} if self.form is None else self.form.fields(self.inner)

    def field(self, name: str) -> str:
        """A field of the front matter as its characters in the file; empty when there is none."""
        key = None if self.form is None else matching_key(self.form.keys(self.inner), name)
        return "" if self.form is None or key is None else self.form.text(self.inner, key)

    def with_body(self, body: str) -> Document:
        """The same head with another body, all other bytes as they were. `StepError` where the body would be read as
        front matter.

        Blank lines that open the body end the fence, and are the gap, where the file had neither: the result is what is
        read of the file. A file that has these bytes after its front matter stays as it is, so that a write can be
        repeated.
        """
        rest = self.gap + self.body
        if body == rest or (self.closing.endswith("\n") and body in ("\n" + rest, "\r\n" + rest)):
            return self
        closing = self.closing
        if self.closing and body and not closing.endswith("\n") and body[0] not in "\r\n":
            closing += self.newline  # the fence was the end of the file
        changed = replace(self, closing=closing, body=body)
        found = parse_document(changed.text, self.suffix)
        if (found.opening, found.inner, found.closing.rstrip()) != (self.opening, self.inner, closing.rstrip()):
            raise StepError("the body would be read as front matter", code="front_matter", definitive=True)
        return found

    def with_field(self, name: str, value: str) -> Document:
        """The same document with one field set: all other text is unchanged, and so are all other values.

        A Markdown file without front matter gets one in YAML. `StepError` where the form does not allow it.
        """
        if self.form is None:
            return self._with_front_matter(name, value)
        key = matching_key(self.form.keys(self.inner), name, only=True)
        if key is None:
            ways = [self.form.added(self.inner, name, value, self.newline)]
        else:
            ways = self.form.replaced(self.inner, key, value)
        held = self.form.entries(self.inner, key or name)
        for inner in ways:
            document = replace(self, inner=inner)
            if _reads(document, name, value) and self.form.entries(inner, key or name) == held:
                return document
        raise problem(f"has a form in which {name} cannot be set without changing more")

    def _with_front_matter(self, name: str, value: str) -> Document:
        if self.opening.strip(BOM) or self.suffix not in _MARKDOWN:
            raise StepError(
                f"this file has no front matter with a {name}, and a .{self.suffix} file is given none: "
                "change its body, or add front matter by hand first",
                code="front_matter",
                definitive=True,
            )
        if _METADATA.match(self.text) or (self.suffix == "mdx" and _SCRIPT_METADATA.search(self.body)):
            raise StepError(
                f"this file has metadata of another kind before its text: {name} was not added beside it",
                code="front_matter",
                definitive=True,
            )
        new = self.newline
        text = f"{self.opening}---{new}{name}: {quoted(value)}{new}---{new}{new}{self.body}"
        document = parse_document(text, self.suffix)
        if document.body != self.body or not _reads(document, name, value):
            raise problem(f"cannot be added to this file, and so {name} was not set")
        return document


def parse_document(text: str, suffix: str = "md") -> Document:
    """Front matter and body of a file. One blank line after the front matter belongs to the head.

    A block between fences that holds no fields, such as text between two rules, is part of the body.
    """
    found = _block(text, suffix)
    if found is None:
        bom = BOM if text.startswith(BOM) else ""
        return Document(opening=bom, body=text[len(bom) :], suffix=suffix)
    opening, inner, closing, form = found
    end = opening + inner + closing
    rest = text[end:]
    gap = next((blank for blank in ("\r\n", "\n") if rest.startswith(blank)), "")
    return Document(
        opening=text[:opening],
        inner=text[opening : opening + inner],
        closing=text[opening + inner : end],
        gap=gap,
        body=rest[len(gap) :],
        suffix=suffix,
        form=form,
    )


def _block(text: str, suffix: str) -> tuple[int, int, int, Form | None] | None:
    """The lengths of the opening fence, of the fields and of the closing fence; and the form of the fields."""
    opening = _OPENING.match(text)
    if opening is None:
        return _object(text)
    fence = opening["mark"] or opening["dashes"]
    closing = _CLOSING.get(fence) or re.compile(rf"^{re.escape(fence)}[ \t]*(?:\r?\n|\Z)", re.MULTILINE)
    end = closing.search(text, opening.end())
    if end is None:
        return None
    inner = text[opening.end() : end.start()]
    form: Form | None = _FORMS.get((opening["language"] or "").lower())
    if fence == "+++":
        form = _TOML
    elif fence == ";;;":
        form = JsonForm(braces=inner.lstrip().startswith("{"))
    elif suffix == "astro":  # the fences of a component hold its script
        form = None
    elif form is _YAML and _is_prose(inner, rule=len(fence) > 3):
        return None
    return opening.end(), len(inner), len(end[0]), form


def _is_prose(inner: str, *, rule: bool) -> bool:
    """Whether text between two rules holds no fields. Text after a blank line that is no YAML is prose too."""
    try:
        keys = _YAML.keys(inner)
    except StepError as error:
        return "mapping" in str(error).partition(":")[0] or rule or inner.partition("\n")[0].strip() == ""
    return rule and not keys


def _object(text: str) -> tuple[int, int, int, Form] | None:
    """The JSON object that opens a file, and stands alone on its lines."""
    start = len(BOM) if text.startswith(BOM) else 0
    if not text.startswith("{", start):
        return None
    try:
        value, end = json.JSONDecoder().raw_decode(text[: start + MAX_CHARACTERS], start)
    except (ValueError, RecursionError):
        return None
    rest = _LINE_END.match(text, end)
    if not isinstance(value, dict) or not value or rest is None:
        return None
    return start, end - start, len(rest[0]), _JSON


def _reads(document: Document, name: str, value: str) -> bool:
    """Whether the field has this text, and the file is read as this document."""
    try:
        found = parse_document(document.text, document.suffix)
        return found == document and found.field(name) == value
    except StepError:
        return False
