"""Extracts an HTML page: the main content as Markdown, and the metadata that search engines read."""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cache
from typing import Any
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser, LexborNode

from flowbuilder.adapters.http.page_limits import ensure_parsable
from flowbuilder.values import JsonObject, NotJson, ensure_json

MAX_LINKS = 2000
MAX_IMAGES = 500
MAX_LINE = 2000
"""The most characters of a title, a description and the text of a heading, a link or an image."""
MAX_MARKS = 8
"""The most combining marks in a row: the time of Unicode normalisation grows with the square of their number."""
# zero-width, bidirectional and tag characters: invisible to a reader, text to a language model
_INVISIBLE = re.compile("[\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f]")
_SPACE = re.compile(r"\s+")
_HIDDEN = "[hidden], [aria-hidden='true'], template, noscript, script:not([type='application/ld+json']), style"
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])|opacity\s*:\s*0(?![.\d])"
)


def extract_page(html: str, *, url: str) -> JsonObject:
    """`{title, description, canonical, h1, markdown, text, headings, links, json_ld, images}` of a page at `url`.

    Hidden elements, comments and invisible characters are dropped: text that people cannot see must not reach a model.
    URLs are absolute. Bad HTML raises nothing, missing parts are empty; `StepError` for a page beyond `page_limits`.
    """
    ensure_parsable(html)
    tree = LexborHTMLParser(html)
    _drop_hidden(tree)
    base = _base(tree, url)
    headings = [
        {"level": int((node.tag or "h1")[1]), "text": text}
        for node in tree.css("h1, h2, h3, h4, h5, h6")
        if (text := _text(node))
    ]
    _make_absolute(tree, base)
    visible = _long_run_of_marks().sub(r"\1", tree.html or "")
    return {
        "title": _text(tree.css_first("title")) or _meta(tree, "og:title"),
        "description": _meta(tree, "description") or _meta(tree, "og:description"),
        "canonical": _canonical(tree, base),
        "h1": next((str(item["text"]) for item in headings if item["level"] == 1), ""),
        "markdown": _main(visible, url, "markdown"),
        "text": _main(visible, url, "txt"),
        "headings": headings,
        "links": _links(tree, base),
        "json_ld": _json_ld(tree),
        "images": _images(tree, base),
    }


@cache
def _long_run_of_marks() -> re.Pattern[str]:
    marks = (
        char for char in map(chr, range(0x300, 0x1E94B)) if unicodedata.combining(unicodedata.normalize("NFD", char)[0])
    )
    members = "".join(marks)
    return re.compile(f"([{members}]{{{MAX_MARKS}}})[{members}]+")


def _main(html: str, url: str, form: str) -> str:
    import trafilatura  # here: it takes 0.2 s to import

    found = trafilatura.extract(
        html, url=url, output_format=form, include_links=form == "markdown", include_tables=True, include_comments=False
    )
    return _INVISIBLE.sub("", found).strip() if found else ""


def _drop_hidden(tree: LexborHTMLParser) -> None:
    styled = [
        node for node in tree.css("[style]") if _HIDDEN_STYLE.search((node.attributes.get("style") or "").lower())
    ]
    _remove(styled)
    _remove(tree.css(_HIDDEN))


def _remove(nodes: list[LexborNode]) -> None:
    # each node once, inner nodes first: removing a node frees its children
    for node in reversed(list({node.mem_id: node for node in nodes}.values())):
        node.decompose()


def _text(node: LexborNode | None) -> str:
    return _SPACE.sub(" ", _INVISIBLE.sub("", node.text(separator=" "))).strip()[:MAX_LINE] if node is not None else ""


def _meta(tree: LexborHTMLParser, name: str) -> str:
    for key in ("name", "property"):
        node = tree.css_first(f'meta[{key}="{name}"]')
        if node is not None and node.attributes.get("content"):
            return _INVISIBLE.sub("", node.attributes["content"] or "").strip()[:MAX_LINE]
    return ""


def _base(tree: LexborHTMLParser, url: str) -> str:
    node = tree.css_first("base[href]")
    return _absolute(url, node.attributes.get("href")) or url if node is not None else url


def _canonical(tree: LexborHTMLParser, base: str) -> str:
    node = tree.css_first('link[rel="canonical"]')
    return _absolute(base, node.attributes.get("href")) if node is not None else ""


def _absolute(base: str, place: str | None) -> str:
    try:
        found = urljoin(base, (place or "").strip())
    except ValueError:
        return ""
    return found if found.startswith(("http://", "https://")) else ""


def _make_absolute(tree: LexborHTMLParser, base: str) -> None:
    # trafilatura resolves relative links against the site's root, not against the page
    for node in tree.css("a[href]"):
        if target := _absolute(base, node.attributes.get("href")):
            node.attrs["href"] = target


def _links(tree: LexborHTMLParser, base: str) -> list[JsonObject]:
    found: dict[tuple[str, str], None] = {}
    for node in tree.css("a[href]"):
        if target := _absolute(base, node.attributes.get("href")):
            found[target, _text(node)] = None
    return [{"url": target, "text": text} for target, text in list(found)[:MAX_LINKS]]


def _images(tree: LexborHTMLParser, base: str) -> list[JsonObject]:
    images = []
    for node in tree.css("img[src]")[:MAX_IMAGES]:
        if source := _absolute(base, node.attributes.get("src")):
            images.append({"url": source, "alt": _SPACE.sub(" ", node.attributes.get("alt") or "").strip()[:MAX_LINE]})
    return images


def _json_ld(tree: LexborHTMLParser) -> list[Any]:
    found: list[Any] = []
    for node in tree.css('script[type="application/ld+json"]'):
        try:
            value = ensure_json(json.loads(node.text(deep=True)))
        except (ValueError, NotJson, RecursionError):
            continue
        found.extend(value if isinstance(value, list) else [value])
    return found
