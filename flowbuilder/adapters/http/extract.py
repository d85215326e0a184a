"""Extracts an HTML page: the main content as Markdown, and the metadata that search engines read."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser, LexborNode

from flowbuilder.adapters.http.json_ld import read_json_ld
from flowbuilder.adapters.http.main_content import main_content
from flowbuilder.adapters.http.page_encoding import decode_page
from flowbuilder.adapters.http.page_images import read_images
from flowbuilder.adapters.http.page_kind import kind_of, signs_of
from flowbuilder.adapters.http.page_limits import ensure_characters, ensure_parsable
from flowbuilder.adapters.http.page_visibility import drop_invisible
from flowbuilder.model.invisible_characters import without_hidden
from flowbuilder.values import JsonObject

MAX_LINKS = 2000
MAX_LINE = 2000
"""The most characters of a title, a description and the text of a heading, a link or an image."""
MAX_MARKS = 8
"""The most combining marks in a row: the time of Unicode normalisation grows with the square of their number."""
MAX_WARNINGS = 20
MAX_OPTIONS = 5_000
"""The most options of a page's lists; what they say is no part of a page's content."""
_MAY_BE_MARKS = re.compile(f"[\u0300-\U0001e94b]{{{MAX_MARKS + 1}}}")
_OPTION = re.compile(r"</?opt(?:ion|group)(?=[\s/>])[^>]*>", re.IGNORECASE)
_SPACE = re.compile(r"\s+")


def extract_page(html: bytes | str, *, url: str, content_type: str = "") -> JsonObject:
    """`{kind, reason, warnings, title, description, canonical, h1, markdown, text, headings, links, json_ld, images}`.

    Bytes are decoded as browsers decode them, by the header `content_type` and by what the page says.

    Hidden elements, comments and invisible characters are dropped: text that people cannot see must not reach a model.
    URLs are absolute. Bad HTML raises nothing, missing parts are empty; `StepError` for a page beyond `page_limits`.
    """
    if isinstance(html, str):
        html, content_type = html.encode("utf-8", "surrogatepass"), "text/html; charset=utf-8"
    text, warnings = decode_page(html, content_type=content_type)
    ensure_characters(text)
    ensure_parsable(text)
    tree = LexborHTMLParser(_without_many_options(text), scripting=True)
    signs, metadata, base = signs_of(tree), _metadata(tree), _base(tree, url)
    json_ld, unread = read_json_ld(tree)
    title = _text(_title(tree)) or _first(metadata, "og:title", "twitter:title")
    warnings += unread + drop_invisible(tree)
    images = read_images(tree, lambda place: _absolute(base, place))
    for node in tree.css("noscript"):
        node.decompose()
    headings = [
        {"level": int((node.tag or "h1")[1]), "text": text}
        for node in tree.css("h1, h2, h3, h4, h5, h6")
        if (text := _text(node))
    ]
    links = _make_absolute(tree, base)
    markdown, plain = main_content(_without_long_marks(tree.html or ""), url)
    h1 = [str(item["text"]) for item in headings if item["level"] == 1]
    kind, reason = kind_of(signs, title=title, headings=h1 or [str(item["text"]) for item in headings[:1]], text=plain)
    return {
        "kind": kind,
        "reason": reason,
        "warnings": warnings[:MAX_WARNINGS],
        "title": title,
        "description": _first(metadata, "description", "og:description", "twitter:description"),
        "canonical": _canonical(tree, base),
        "h1": h1[0] if h1 else "",
        "markdown": markdown,
        "text": plain,
        "headings": headings,
        "links": _shown(links),
        "json_ld": json_ld,
        "images": [{"url": source, "alt": _clean(alt)} for source, alt in images],
    }


def _without_many_options(html: str) -> str:
    """The HTML without the tags of its options where there are more than `MAX_OPTIONS`; their words stay in the list.

    The parser looks at all options of a list for each one that it adds.
    """
    return _OPTION.sub(" ", html) if len(_OPTION.findall(html)) > MAX_OPTIONS else html


def _without_long_marks(html: str) -> str:
    """The HTML with at most `MAX_MARKS` combining marks in a row."""
    return _long_run_of_marks().sub(r"\1", html) if _MAY_BE_MARKS.search(html) else html


@cache
def _long_run_of_marks() -> re.Pattern[str]:
    marks = (
        char for char in map(chr, range(0x300, 0x1E94B)) if unicodedata.combining(unicodedata.normalize("NFD", char)[0])
    )
    members = "".join(marks)
    return re.compile(f"([{members}]{{{MAX_MARKS}}})[{members}]+")


def _title(tree: LexborHTMLParser) -> LexborNode | None:
    # a drawing has titles too
    return tree.css_first("head > title") or tree.css_first("body > title, div > title")


def _clean(text: str) -> str:
    return without_hidden(_SPACE.sub(" ", text)).strip()[:MAX_LINE]


def _text(node: LexborNode | None) -> str:
    return _clean(node.text(separator=" ")) if node is not None else ""


def _metadata(tree: LexborHTMLParser) -> dict[str, str]:
    """The first value of each name of the page's `meta` elements, names in lower case."""
    found: dict[str, str] = {}
    for node in tree.css("meta[content]"):
        for key in ("name", "property", "itemprop"):
            name = (node.attributes.get(key) or "").strip().lower()
            if name and not found.get(name):
                found[name] = _clean(node.attributes.get("content") or "")
    return found


def _first(metadata: dict[str, str], *names: str) -> str:
    return next((metadata[name] for name in names if metadata.get(name)), "")


def _base(tree: LexborHTMLParser, url: str) -> str:
    node = tree.css_first("base[href]")
    return _absolute(url, node.attributes.get("href")) or url if node is not None else url


def _canonical(tree: LexborHTMLParser, base: str) -> str:
    node = tree.css_first('link[rel~="canonical" i]')
    return _absolute(base, node.attributes.get("href")) if node is not None else ""


@lru_cache(4096)
def _absolute(base: str, place: str | None) -> str:
    try:
        found = urljoin(base, (place or "").strip())
    except ValueError:
        return ""
    return found if found.startswith(("http://", "https://")) else ""


def _make_absolute(tree: LexborHTMLParser, base: str) -> list[tuple[str, LexborNode]]:
    """The addresses of the page's links, which are absolute from then on, and their elements."""
    # trafilatura resolves relative links against the site's root, not against the page
    found = []
    for node in tree.css("a[href]"):
        if target := _absolute(base, node.attributes.get("href")):
            node.attrs["href"] = target
            found.append((target, node))
    return found


def _shown(links: list[tuple[str, LexborNode]]) -> list[JsonObject]:
    found: dict[tuple[str, str], None] = {}
    for target, node in links:
        found[target, _text(node)] = None
        if len(found) == MAX_LINKS:
            break
    return [{"url": target, "text": text} for target, text in found]
