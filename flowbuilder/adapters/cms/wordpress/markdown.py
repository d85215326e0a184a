"""Markdown as WordPress's blocks or as HTML. Raw HTML in it stays, to be cleaned after."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

from markdown_it.token import Token

from flowbuilder.adapters.cms.wordpress.block_markup import attributes_text
from flowbuilder.adapters.cms.wordpress.markdown_tokens import MARKDOWN, notes_html, prepared, without_notes

_SHORTCODE = re.compile(r"\[[a-z][\w-]*(?:\s[^\[\]]*)?/?\]\Z")
_TAG = re.compile(r"<(/?)([a-zA-Z][\w-]*)\b[^<>]*?(/?)>")
_VOID = frozenset(
    ("area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "p", "li")
)
_ALIGN = re.compile(r"text-align:(left|center|right)")


def to_html(text: str) -> str:
    """Markdown as HTML."""
    body, notes = without_notes(text)
    tokens = prepared(body, notes)
    return f"{_rendered(tokens)}\n{notes_html(notes)}".rstrip("\n")


def to_blocks(text: str) -> str:
    """Markdown as the markup of WordPress's blocks. What no block holds is a block of custom HTML."""
    body, notes = without_notes(text)
    blocks = list(_blocks(prepared(body, notes)))
    if notes:
        blocks.append(_block("html", notes_html(notes).rstrip("\n")))
    return "\n\n".join(blocks)


# --- blocks -------------------------------------------------------------------------------------------------------


def _blocks(tokens: list[Token]) -> Iterator[str]:
    groups = list(_groups(tokens))
    at = 0
    while at < len(groups):
        group, end = groups[at], at + 1
        if group[0].type == "html_block":  # what is between an opening and a closing tag belongs to them
            end = _end_of_html(groups, at)
            group = [token for one in groups[at:end] for token in one]
        make = _MAKERS.get(group[0].type, _custom)
        yield make(group)
        at = end


def _end_of_html(groups: list[list[Token]], start: int) -> int:
    """The index after the block of raw HTML that closes the elements which the one at `start` opens."""
    depth = 0
    for index in range(start, len(groups)):
        token = groups[index][0]
        if token.type == "html_block":
            tags = _TAG.findall(token.content)
            depth += sum(-1 if close else 1 for close, name, void in tags if name.lower() not in _VOID and not void)
            if depth <= 0:
                return index + 1
    return start + 1


def _groups(tokens: list[Token]) -> Iterator[list[Token]]:
    """The tokens of each block of the Markdown, at the top level of a list of tokens."""
    group: list[Token] = []
    depth = 0
    for token in tokens:
        group.append(token)
        depth += token.nesting
        if depth == 0:
            yield group
            group = []


def _inner(group: list[Token]) -> str:
    return _rendered(group[1:-1])


def _rendered(tokens: list[Token]) -> str:
    return str(MARKDOWN.renderer.render(tokens, MARKDOWN.options, {})).rstrip("\n")


def _block(name: str, html: str, **attributes: Any) -> str:
    said = f" {attributes_text(attributes)}" if attributes else ""
    return f"<!-- wp:{name}{said} -->\n{html}\n<!-- /wp:{name} -->"


def _paragraph(group: list[Token]) -> str:
    children = group[1].children or []
    if _SHORTCODE.match(group[1].content):
        return _block("shortcode", group[1].content)
    images = [child for child in children if child.type == "image"]
    if len(images) == 1 and all(child.type == "image" or not child.content.strip() for child in children):
        return _image(images[0])
    return _block("paragraph", f"<p>{_inner(group)}</p>")


def _image(image: Token) -> str:
    source, title = escape(str(image.attrGet("src") or "")), str(image.attrGet("title") or "")
    caption = f'<figcaption class="wp-element-caption">{escape(title, quote=False)}</figcaption>' if title else ""
    alt = escape(image.content)
    return _block("image", f'<figure class="wp-block-image"><img src="{source}" alt="{alt}"/>{caption}</figure>')


def _heading(group: list[Token]) -> str:
    level = int(group[0].tag[1])
    html = f'<h{level} class="wp-block-heading">{_inner(group)}</h{level}>'
    return _block("heading", html) if level == 2 else _block("heading", html, level=level)


def _code(group: list[Token]) -> str:
    token = group[0]
    language = re.sub(r"[^\w+#.-]", "", token.info.split()[0]) if token.info.strip() else ""
    content = escape(token.content.rstrip("\n"), quote=False).replace("[", "&#91;")
    names = f" language-{language}" if language else ""
    html = f'<pre class="wp-block-code{names}"><code>{content}</code></pre>'
    return _block("code", html, className=names.strip()) if names else _block("code", html)


def _quote(group: list[Token]) -> str:
    inner = "\n\n".join(_blocks(group[1:-1]))
    return _block("quote", f'<blockquote class="wp-block-quote">{inner}</blockquote>')


def _list(group: list[Token]) -> str:
    made = _list_block(group)
    return made if made is not None else _custom(group)


def _list_block(group: list[Token]) -> str | None:
    """A list whose items have one paragraph and lists below it; None for any other: no block holds it."""
    opening = group[0]
    items = []
    for item in _groups(group[1:-1]):
        parts = list(_groups(item[1:-1]))
        text, nested = "", ""
        for place, part in enumerate(parts):
            if place == 0 and part[0].type == "paragraph_open":
                text = _inner(part)
            elif part[0].type in ("bullet_list_open", "ordered_list_open") and (inner := _list_block(part)):
                nested += inner
            else:
                return None
        items.append(f"<!-- wp:list-item -->\n<li>{text}{nested}</li>\n<!-- /wp:list-item -->")
    ordered = opening.type == "ordered_list_open"
    attributes: dict[str, Any] = {"ordered": True} if ordered else {}
    start = opening.attrGet("start")
    if start is not None:
        attributes["start"] = int(start)
    tag = f'ol start="{start}"' if start is not None else "ol" if ordered else "ul"
    return _block("list", f"<{tag}>{chr(10).join(items)}</{tag[:2]}>", **attributes)


def _table(group: list[Token]) -> str:
    html = []
    for token in group:
        style = _ALIGN.search(str(token.attrGet("style") or ""))
        if token.type == "inline":
            html.append(_rendered([token]))
        elif token.nesting < 0:
            html.append(f"</{token.tag}>")
        elif style is not None:
            html.append(f'<{token.tag} class="has-text-align-{style[1]}" data-align="{style[1]}">')
        else:
            html.append(f"<{token.tag}>")
    return _block("table", f'<figure class="wp-block-table">{"".join(html)}</figure>', hasFixedLayout=False)


def _separator(_: list[Token]) -> str:
    return _block("separator", '<hr class="wp-block-separator has-alpha-channel-opacity"/>')


def _custom(group: list[Token]) -> str:
    return _block("html", _rendered(group))


_MAKERS: dict[str, Callable[[list[Token]], str]] = {
    "paragraph_open": _paragraph,
    "heading_open": _heading,
    "fence": _code,
    "code_block": _code,
    "blockquote_open": _quote,
    "bullet_list_open": _list,
    "ordered_list_open": _list,
    "table_open": _table,
    "hr": _separator,
}
