"""The main content of a page, without navigation, as Markdown and as plain text."""

from __future__ import annotations

import re
import unicodedata
from copy import deepcopy
from functools import cache
from typing import Any

from flowbuilder.adapters.http.dense_page import dense_content
from flowbuilder.model.invisible_characters import without_hidden

FAST_CHARACTERS = 300_000
"""Of a larger page no second opinion is asked of other algorithms: they are for pages with little text."""
DENSE_TAGS = 15_000
"""A page with more elements is not read by trafilatura, whose time grows with the square of some of their kinds."""
BACKSLASHES = 100
"""Nor is one with so many backslashes in a row or formulas (`\\(`, `\\[`) without an end, for the same reason."""
_JOINERS = "\u200c\u200d" + "".join(map(chr, range(0xE0061, 0xE0080)))
_LINE_SEPARATOR = re.compile("[\u2028\u2029]")


def main_content(html: str, url: str) -> tuple[str, str]:
    """The main content of a page's HTML as Markdown and as plain text; empty where there is none."""
    html = without_hidden(html)
    if not html.strip():
        return "", ""
    markdown, text = dense_content(html) if _is_dense(html) else _extracted(html, url)
    return _finished(markdown), _finished(text)


def _is_dense(html: str) -> bool:
    return (
        html.count("<") - html.count("</") > DENSE_TAGS
        or "\\" * BACKSLASHES in html
        or any(html.count(start) - html.count(end) > BACKSLASHES for start, end in (("\\(", "\\)"), ("\\[", "\\]")))
    )


def _finished(text: str) -> str:
    return without_hidden(_LINE_SEPARATOR.sub("\n", unicodedata.normalize("NFC", text))).strip()


def _extracted(html: str, url: str) -> tuple[str, str]:
    """What trafilatura takes for the main content."""
    import trafilatura  # here: it takes 0.2 s to import
    from lxml.etree import strip_tags  # type: ignore[import-untyped]
    from trafilatura.xml import xmltotxt

    html, back = _with_stand_ins(html)
    document = trafilatura.bare_extraction(
        _parse(html),
        url=url,
        output_format="markdown",
        include_links=True,
        include_tables=True,
        include_comments=False,
        fast=len(html) > FAST_CHARACTERS,
    )
    if document is None or isinstance(document, dict):
        return "", ""
    plain = deepcopy(document.body)
    strip_tags(plain, "ref", "hi", "del")
    markdown, text = xmltotxt(document.body, include_formatting=True), xmltotxt(plain, include_formatting=False)
    return markdown.translate(back), text.translate(back)


def _with_stand_ins(html: str) -> tuple[str, dict[int, str]]:
    """The HTML with a visible letter for each joiner, and the table for the way back.

    trafilatura drops each character without a shape, also those that Persian, Hindi and emoji are written with.
    """
    kept = [char for char in _JOINERS if char in html]
    unused = (char for char in map(chr, range(0x10600, 0x10737)) if char not in html)
    stand_ins = dict(zip(kept, unused, strict=False))
    back = {ord(other): char for char, other in stand_ins.items()}
    return html.translate({ord(char): other for char, other in stand_ins.items()}), back


def _parse(html: str) -> Any:
    from lxml.html import document_fromstring  # type: ignore[import-untyped]

    return document_fromstring(html, parser=_parser())


@cache
def _parser() -> Any:
    """lxml's parser, with a quicker answer to one question of trafilatura, for which libxml2 takes a time that grows
    with the square of the texts: 1.6 s of a page of 1.5 MB."""
    from lxml.etree import ElementDefaultClassLookup
    from lxml.html import HtmlElement, HTMLParser

    class Element(HtmlElement):  # type: ignore[misc]
        def xpath(self, path: str, **options: Any) -> Any:
            if path == "//p//text()":
                return [text for node in self.getroottree().iter("p") for text in node.itertext()]
            return super().xpath(path, **options)

    parser = HTMLParser(collect_ids=False, default_doctype=False, remove_comments=True, remove_pis=True)
    parser.set_element_class_lookup(ElementDefaultClassLookup(element=Element))
    return parser
