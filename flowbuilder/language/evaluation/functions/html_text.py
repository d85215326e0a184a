"""The text of HTML, by the tokens of the standard and in linear time."""

from __future__ import annotations

import re
from collections.abc import Callable

from flowbuilder.language.limits import Meter

_LEFT_OUT = frozenset(("script", "style", "template", "noscript", "iframe", "noembed", "noframes"))
INLINE = frozenset(
    (
        "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font",
        "i", "img", "ins", "kbd", "label", "mark", "math", "nobr", "q", "rb", "rp", "rt", "rtc", "ruby", "s",
        "samp", "small", "span", "strike", "strong", "sub", "sup", "svg", "time", "tt", "u", "var", "wbr",
    )
)  # fmt: skip
"""Elements that stand within a word or a line."""
_APART = frozenset(
    (
        "address", "applet", "area", "article", "aside", "audio", "base", "basefont", "bgsound", "blockquote", "body",
        "br", "button", "canvas", "caption", "center", "col", "colgroup", "datalist", "dd", "desc", "details", "dialog",
        "dir", "div", "dl", "dt", "embed", "fieldset", "figcaption", "figure", "footer", "foreignobject", "form",
        "frame", "frameset", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hgroup", "hr", "html", "image",
        "input", "keygen", "legend", "li", "link", "listing", "main", "map", "marquee", "menu", "menuitem", "meta",
        "meter", "nav", "object", "ol", "optgroup", "option", "output", "p", "param", "picture", "plaintext", "pre",
        "progress", "search", "section", "select", "selectedcontent", "slot", "source", "summary", "table", "tbody",
        "td", "text", "textarea", "tfoot", "th", "thead", "title", "tr", "track", "tspan", "ul", "video", "xmp",
    )
)  # fmt: skip
"""Every other element of HTML, and those of SVG that have text of their own."""


def separates(name: str) -> bool:
    """Whether an element separates words: a block, a control, a custom element. One that HTML does not know is shown
    within its line (HTML, 15.3.1)."""
    return name in _APART or "-" in name


def text_of_html(meter: Meter, value: str, separates: Callable[[str], bool]) -> str:
    """The text without tags, comments, scripts and styles, with white space collapsed."""
    meter.hold(3 * len(value))
    in_tags = sum(map(len, re.findall(r"<[^>]*", value)))
    meter.work((len(value) >> 3) + (in_tags >> 2) + 4 * value.count("<") + 2 * value.count("&"))
    from justhtml import stream

    pieces: list[str] = []
    left_out, depth = "", 0
    for event, data in stream(value):
        name = str(data[0] if event == "start" else data)
        if event in ("start", "end") and name == left_out:
            depth += 1 if event == "start" else -1
            left_out = left_out if depth else ""
        elif left_out:
            continue
        elif event == "text":
            pieces.append(name)
        elif event == "start" and name in _LEFT_OUT:
            left_out, depth = name, 1
        elif event in ("start", "end") and separates(name):
            pieces.append(" ")
    words = "".join(pieces).split()
    meter.hold(16 * len(words))
    return " ".join(words)
