"""Kinds of content of Ghost's editor, as it writes them."""

from __future__ import annotations

import json
from typing import Any

Node = dict[str, Any]
IMAGE = "https://images.example/tea.png"


def said(words: str, form: int = 0) -> Node:
    """A text node."""
    return {
        "detail": 0,
        "format": form,
        "mode": "normal",
        "style": "",
        "text": words,
        "type": "extended-text",
        "version": 1,
    }


def block(kind: str, *children: Node, **more: Any) -> Node:
    """A node with children."""
    return {
        "children": list(children),
        "direction": "ltr",
        "format": "",
        "indent": 0,
        "type": kind,
        "version": 1,
        **more,
    }


def text(words: str, kind: str = "paragraph", *, form: int = 0) -> Node:
    """A block with one text."""
    return block(kind, said(words, form))


def document(*blocks: Node) -> str:
    """The JSON of a document, as JavaScript writes it."""
    return json.dumps({"root": block("root", *blocks)}, ensure_ascii=False, separators=(",", ":"))


def card(kind: str, **more: Any) -> Node:
    return {"type": kind, "version": 1, **more}


def link(address: str, *children: Node, **more: Any) -> Node:
    """A link, with its members in the order of the editor."""
    return block("link", *children, **{"rel": None, "target": None, "title": None, "url": address, **more})


def items(kind: str, *parts: str | Node, start: int = 1) -> Node:
    """A list; a part that is a list is nested."""
    found = []
    for number, part in enumerate(parts):
        child = said(part) if isinstance(part, str) else part
        found.append(block("listitem", child, value=start + number))
    return block("list", *found, listType=kind, start=start, tag="ul" if kind == "bullet" else "ol")


def _image(**more: Any) -> Node:
    plain = {
        "src": IMAGE,
        "width": 640,
        "height": 480,
        "title": "",
        "alt": "Tea",
        "caption": "",
        "cardWidth": "regular",
    }
    return card("image", **{**plain, "href": "", **more})


def _html(source: str, **more: Any) -> Node:
    return card("html", html=source, **more)


_EVERYONE = {
    "web": {"nonMember": True, "memberSegment": "status:free,status:-free"},
    "email": {"memberSegment": "status:free,status:-free"},
}
KINDS: dict[str, list[Node]] = {
    "paragraph": [text("Hot water.")],
    "empty document": [block("paragraph")],
    "empty paragraphs": [text("a"), block("paragraph"), block("paragraph"), text("b")],
    "direction not decided": [{**text("a"), "direction": None}, {**block("paragraph"), "direction": None}],
    "right to left": [{**text("שלום"), "direction": "rtl"}],
    "every format": [block("paragraph", *(said(f"t{bit}", 1 << bit) for bit in range(8)), said("all", 255))],
    "texts beside each other": [block("paragraph", said("a"), said("b"), said("c", 1), said("d", 1))],
    "blanks": [text("  two  blanks  "), text("\u00a0hard\u00a0"), text("tab\tand\nline")],
    "signs": [text("<b>&amp;</b> \"q\" 'q' --> <!-- \\ / \u2028 \u200d \u202e e\u0301 茶 😀")],
    "line break": [block("paragraph", said("a"), card("linebreak"), card("linebreak"), said("b"))],
    "link": [block("paragraph", said("see "), link("https://x.example/?a=1&b=2#c", said("this", 1)), said("."))],
    "link with rel": [block("paragraph", link("https://x.example/", said("x"), rel="nofollow ugc", target="_blank"))],
    "link with title": [block("paragraph", link("mailto:a@x.example", said("x"), title='say "hi"'))],
    "empty link": [block("paragraph", link("https://x.example/"))],
    "headings": [text(f"h{level}", "extended-heading") | {"tag": f"h{level}"} for level in range(1, 7)],
    "heading of earlier editors": [block("heading", {**said("a"), "type": "text"}, tag="h2")],
    "quote": [text("a", "extended-quote"), text("b", "quote"), text("c", "aside")],
    "list": [items("bullet", "a", "b"), items("number", "one", "two", start=3)],
    "nested list": [items("bullet", "a", items("number", "b", items("bullet", "c")), "d")],
    "check list": [items("check", "a", "b")],
    "empty list item": [block("list", block("listitem", value=1), listType="bullet", start=1, tag="ul")],
    "rule": [text("a"), card("horizontalrule"), text("b")],
    "code": [card("codeblock", code="if a < b:\n\n\tpass  # &amp;\n", language="python", caption="")],
    "code with caption": [card("codeblock", code="x", language="", caption="<b>c</b>")],
    "image": [_image(), _image(cardWidth="wide", caption='<span style="white-space: pre-wrap;">A &amp; b</span>')],
    "image with link": [_image(href="https://x.example/", title="T", alt='"q"', width=None, height=None)],
    "image as it never is": [_image(cardWidth="half", more=True)],
    "gallery": [
        card("gallery", images=[{"row": 0, "src": IMAGE, "width": 1, "height": 2, "fileName": "a"}], caption="c")
    ],
    "html": [_html("<table>\n<tr><td>1</td></tr>\n</table>")],
    "html with empty lines": [_html("<div>\n\n<p>a</p>\n\n</div>\n"), _html("\n\n x ")],
    "html that is a paragraph": [_html("<p>a</p>"), _html("<p>a</p>\n<p>b</p>"), _html("")],
    "html not closed": [_html("<div><p>a"), text("a"), _html("</div>")],
    "html with script and form": [
        _html('<script>if (a < b) { x() }</script>\n<form action="/x"><input name=q></form>')
    ],
    "html with our marks": [_html("a\n<!--kg-card-end: html-->\nb"), _html('<!--kg-card: {"type":"x"}-->')],
    "html with visibility": [_html("<p>a</p>", visibility=_EVERYONE), _html("<hr>", visibility={"web": {}})],
    "markdown": [card("markdown", markdown="# a\n\n* b\n\n<div>\n")],
    "embed": [card("embed", url="https://v.example/1", embedType="video", html="<iframe></iframe>", caption="")],
    "bookmark": [card("bookmark", url="https://x.example/", metadata={"title": "T", "icon": None}, caption="")],
    "callout": [card("callout", calloutText="<p>a</p>", calloutEmoji="💡", backgroundColor="blue")],
    "toggle": [card("toggle", heading="<b>q</b>", content="<p>a</p>")],
    "button": [card("button", buttonText="Go", alignment="center", buttonUrl="https://x.example/")],
    "product": [
        card("product", productImageSrc=IMAGE, productTitle="T", productDescription="<p>d</p>", productStarRating=5)
    ],
    "files and media": [
        card("file", src="https://x.example/a.pdf", fileTitle="A", fileName="a.pdf", fileSize=12, fileCaption=""),
        card("audio", src="https://x.example/a.mp3", title="A", duration=1.5, mimeType="audio/mpeg", thumbnailSrc=""),
        card(
            "video",
            src="https://x.example/a.mp4",
            caption="",
            fileName="a.mp4",
            mimeType="video/mp4",
            width=1,
            height=2,
        ),
    ],
    "email and paywall": [text("free"), card("paywall"), card("email", html="<p>Hi {first_name}</p>"), text("paid")],
    "header and signup": [
        card("header", size="small", style="dark", buttonEnabled=False, header="H", subheader="S", version=2),
        card("signup", layout="wide", header="H", subheader="", disclaimer="", buttonText="Go", labels=["a"]),
    ],
    "same blocks twice": [text("a"), {**text("a"), "direction": None}, text("a"), card("horizontalrule"), text("a")],
}
