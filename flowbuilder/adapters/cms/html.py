"""Cleaned HTML for publishing: no scripts, no frames, no forms. HTML with nothing to take out stays byte for byte."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import nh3
from markdown_it import MarkdownIt
from selectolax.lexbor import LexborHTMLParser, LexborNode

from flowbuilder.adapters.cms.kept_tags import marked, unmarked
from flowbuilder.adapters.http.page_limits import ensure_parsable

_STYLES = frozenset(
    {
        "align-items", "aspect-ratio", "background-color", "background-image", "background-position",
        "background-repeat", "background-size", "color", "column-count", "display", "flex", "flex-basis",
        "flex-direction", "flex-grow", "flex-wrap", "float", "gap", "height", "justify-content", "letter-spacing",
        "line-height", "list-style-type", "max-height", "max-width", "min-height", "min-width", "object-fit",
        "object-position", "opacity", "text-align", "text-decoration", "text-transform", "vertical-align",
        "white-space", "width", "word-break", "writing-mode",
    }
)  # fmt: skip
_STYLE_FAMILIES = ("border", "font", "margin", "outline", "padding")
_UNSAFE_VALUE = re.compile(r"[\\<>{}@]|/\*|expression|url\s*\((?!\s*['\"]?(?:https?:)?/)", re.IGNORECASE)
_DECLARATION = re.compile(r"(?:[^;\"'()]|\"[^\"]*\"|'[^']*'|\([^()]*\))+")
_IMAGE_DATA = re.compile(r"data:image/(?:png|jpe?g|gif|webp|avif);base64,[A-Za-z0-9+/=\s]*\Z", re.IGNORECASE)
_TAGS = nh3.ALLOWED_TAGS | {"audio", "main", "picture", "section", "source", "tfoot", "track", "video", "input"}
_MEDIA = {"src", "controls", "loop", "muted", "preload", "poster", "playsinline", "width", "height"}
_EXTRA = {
    "*": {"class", "id", "lang", "dir", "style", "title", "role"},
    "a": {"href", "hreflang", "rel", "target", "name", "download", "type"},
    "audio": _MEDIA,
    "video": _MEDIA,
    "source": {"src", "srcset", "sizes", "type", "media"},
    "track": {"src", "kind", "srclang", "label", "default"},
    "img": {"src", "srcset", "sizes", "alt", "width", "height", "loading", "decoding", "fetchpriority"},
    "input": {"type", "checked", "disabled"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "ol": {"start", "reversed", "type"},
    "details": {"open"},
    "time": {"datetime"},
}
_ATTRIBUTES = {
    name: set(nh3.ALLOWED_ATTRIBUTES.get(name, ())) | _EXTRA.get(name, set())
    for name in {*nh3.ALLOWED_ATTRIBUTES, *_EXTRA}
}
_HTML = re.compile(r"\A\s*(<!--|<[a-z][a-z0-9]*[\s>/])|^<(p|h[1-6]|div|ul|ol|table|figure|section)[\s>]", re.I | re.M)
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_INLINE = {
    "a", "abbr", "b", "bdi", "bdo", "br", "cite", "code", "del", "em", "i", "ins", "kbd", "mark", "q", "s", "samp",
    "small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr",
}  # fmt: skip
_PRE = re.compile(r"(<(?:pre|textarea|listing)[^>]*>)\s+")
_BLANKS = re.compile(r"\s+")
_MAX_SHOWN = 60
_BOM = "\ufeff"


def cleaned(html: str, *, inline: bool = False, kept: Counter[str] | None = None) -> tuple[str, list[str]]:
    """The HTML without what may not be published, and what was taken out, in plain words.

    Where nothing is taken out the text is the same, byte for byte. `inline` keeps no block elements: for a title.
    `kept` are tags that stay as they are (`kept_tags.counted`); it is counted down.
    `StepError` for HTML beyond `page_limits`.
    """
    if "<" not in html:
        return html, []
    if html.startswith(_BOM):  # which a parser drops
        text, taken_out = cleaned(html[1:], inline=inline, kept=kept)
        return _BOM + text, taken_out
    ensure_parsable(html)
    if kept:
        with_marks, marks = marked(html, kept, _TAGS)
        text, taken_out = cleaned(with_marks, inline=inline)
        return unmarked(text, marks), taken_out
    cleaner = _TITLE if inline else _BODY
    text = html
    for _ in range(3):  # what a parser makes of cleaned HTML may need cleaning again
        clean = str(cleaner.clean(text))
        if _meaning(clean) == _meaning(text):
            break
        text = clean
    if text == html:
        return html, []
    return text, [_words(name) for name in (_elements(html) - _elements(text))] or ["markup that is not valid"]


def publishable(body: str) -> str:
    """The body as sanitised HTML, written by a parser. Markdown is converted; HTML inside Markdown is escaped.
    `StepError` for one beyond `page_limits`. A large one takes seconds."""
    html = body if is_html(body) else _MARKDOWN.render(body)
    ensure_parsable(html)
    return str(_BODY.clean(html))


def is_html(body: str) -> bool:
    """Whether a body is HTML: it starts with an element or comment, or a line starts with a block element."""
    return _HTML.search(body) is not None


def unsafe_parts(html: str) -> Counter[tuple[str, str, str]]:
    """The elements of HTML that `cleaned` would change or take out, each with its attributes and its own text."""
    if "<" not in html:
        return Counter()
    ensure_parsable(html)
    return _elements(html) - _elements(str(_BODY.clean(html)))


def _parsed(html: str) -> LexborNode:
    body = LexborHTMLParser(f"<!doctype html><html><body>{html}").body
    assert body is not None
    return body


def _meaning(html: str) -> str:
    """The document that a browser makes of HTML, as a text; blanks count once."""
    return _BLANKS.sub(" ", _PRE.sub(r"\1", _parsed(html).html or "")).removesuffix("</body>").rstrip()


def _elements(html: str) -> Counter[tuple[str, str, str]]:
    return Counter(map(_signature, _walk(_parsed(html))))


def _walk(body: LexborNode) -> Iterator[LexborNode]:
    if body.attributes:
        yield body
    yield from (node for node in body.css("*") if node.tag != "body")


def _signature(node: LexborNode) -> tuple[str, str, str]:
    attributes = " ".join(f'{name}="{value or ""}"' for name, value in sorted(node.attributes.items()))
    return str(node.tag), attributes, node.text(deep=True) if node.tag in ("script", "style") else ""


def _words(signature: tuple[str, str, str]) -> str:
    tag, attributes, _ = signature
    shown = attributes if len(attributes) <= _MAX_SHOWN else attributes[:_MAX_SHOWN] + "…"
    return f"<{tag} {shown}>" if shown else f"<{tag}>"


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "style":
        kept = [one for one in _DECLARATION.findall(value) if _is_safe(one)]
        whole = all(_is_safe(one) for one in _DECLARATION.findall(value)) and not _DECLARATION.sub("", value).strip(
            "; "
        )
        return value if whole else "; ".join(one.strip() for one in kept) or None
    if name in ("src", "href", "poster") and value.strip().lower().startswith("data:"):
        return value if tag == "img" and _IMAGE_DATA.match(value.strip()) else None
    if tag == "input" and name == "type":
        return value if value == "checkbox" else None
    return value


def _is_safe(declaration: str) -> bool:
    name, _, value = declaration.partition(":")
    name = name.strip().lower()
    known = name in _STYLES or name.startswith("--wp--") or name.split("-")[0] in _STYLE_FAMILIES
    return not declaration.strip() or (known and not _UNSAFE_VALUE.search(value))


def _cleaner(tags: set[str]) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=tags,
        attributes={name: names for name, names in _ATTRIBUTES.items() if name == "*" or name in tags},
        attribute_filter=_attribute,
        generic_attribute_prefixes={"data-", "aria-"},
        url_schemes={"http", "https", "mailto", "tel", "data"},
        strip_comments=False,  # the comments of WordPress's block editor hold its structure
        link_rel=None,
    )


_BODY = _cleaner(set(_TAGS))
_TITLE = _cleaner(_INLINE)
