"""Sanitised HTML for publishing, from Markdown or HTML: no scripts."""

from __future__ import annotations

import re

import nh3
from markdown_it import MarkdownIt

from flowbuilder.adapters.http.page_limits import ensure_parsable

_HTML = re.compile(r"\A\s*(<!--|<[a-z][a-z0-9]*[\s>/])|^<(p|h[1-6]|div|ul|ol|table|figure|section)[\s>]", re.I | re.M)
_STYLES = frozenset(
    {
        "background-color", "border-radius", "color", "flex-basis", "font-size", "font-style", "font-weight", "height",
        "line-height", "margin-bottom", "margin-top", "padding", "text-align", "text-decoration", "width",
    }
)  # fmt: skip
_EXTRA = {
    "*": {"class", "id", "lang", "dir", "style", "title"},
    "a": {"href", "hreflang", "rel", "target"},
    "img": {"src", "srcset", "sizes", "alt", "width", "height", "loading"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "ol": {"start", "reversed", "type"},
    "time": {"datetime"},
}
_ATTRIBUTES = {name: set(nh3.ALLOWED_ATTRIBUTES.get(name, ())) | more for name, more in _EXTRA.items()}
_CLEANER = nh3.Cleaner(
    attributes={**{name: set(names) for name, names in nh3.ALLOWED_ATTRIBUTES.items()}, **_ATTRIBUTES},
    filter_style_properties=set(_STYLES),
    url_schemes={"http", "https", "mailto", "tel"},
    strip_comments=False,  # the comments of WordPress's block editor hold its structure
    link_rel=None,
)
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def publishable(body: str) -> str:
    """The body as sanitised HTML. Markdown is converted; HTML inside Markdown is escaped. `StepError` for one beyond
    `page_limits`. A large one takes seconds."""
    html = body if is_html(body) else _MARKDOWN.render(body)
    ensure_parsable(html)
    return str(_CLEANER.clean(html))


def is_html(body: str) -> bool:
    """Whether a body is HTML: it starts with an element or comment, or a line starts with a block element."""
    return _HTML.search(body) is not None
