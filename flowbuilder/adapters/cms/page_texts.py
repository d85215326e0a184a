"""The title and the description of a content file: of its front matter, else of its text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowbuilder.adapters.cms.front_matter import Document
from flowbuilder.ports import CmsWrite

_HEADING = re.compile(r" {0,3}#[ \t]+(\S[^\r\n]*)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_HTML = ("html", "htm")


def suffix_of(name: str) -> str:
    """The suffix of a file's name, without the dot and in lower case."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def title_of(document: Document) -> str:
    """The title of the front matter; else, of an HTML page its `title`, of Markdown its first heading of level 1."""
    return document.field("title") or (
        _html_text(document.body, "title") if document.suffix in _HTML else _heading(document.body)
    )


def description_of(document: Document) -> str:
    """The description of the front matter; else, of an HTML page that of its `meta`."""
    return document.field("description") or (
        _html_text(document.body, "meta[name=description i]") if document.suffix in _HTML else ""
    )


def with_write(held: Document, write: CmsWrite) -> Document:
    """The file as the write makes it. A title or a description that the page has already changes nothing.

    `StepError` (`front_matter`) where the file cannot take it.
    """
    document = held if write.body is None else held.with_body(write.body)
    if write.title is not None and title_of(document) != write.title:
        document = document.with_field("title", write.title)
    if write.description is not None and description_of(document) != write.description:
        document = document.with_field("description", write.description)
    return document


def new_document(write: CmsWrite, suffix: str = "md") -> Document:
    """A new file with the texts of the write; `StepError` (`front_matter`) where the form of the file has no place."""
    document = Document(body=write.body or "", suffix=suffix)
    for name, value in (("title", write.title), ("description", write.description)):
        if value:
            document = document.with_field(name, value)
    return document.with_body(document.body)


def _heading(body: str) -> str:
    for line in _text_lines(body):
        if found := _HEADING.fullmatch(line):
            return found[1].strip(" \t#")
    return ""


def _text_lines(body: str) -> Iterator[str]:
    """The lines outside of code fences and of HTML comments."""
    fence, in_comment = "", False
    for line in body.splitlines():
        found = _FENCE.fullmatch(line)
        if fence:
            if found and found[1].startswith(fence) and not found[2].strip():
                fence = ""
        elif in_comment:
            in_comment = "-->" not in line
        elif found and not (found[1][0] == "`" and "`" in found[2]):
            fence = found[1]
        elif line.lstrip().startswith("<!--"):
            in_comment = "-->" not in line
        else:
            yield line


def _html_text(body: str, selector: str) -> str:
    from selectolax.lexbor import LexborHTMLParser  # here: only a page of HTML needs it

    found = LexborHTMLParser(body).css_first(selector)
    if found is None:
        return ""
    return " ".join((found.attributes.get("content") or found.text()).split())
