"""Markdown (GitHub's, with footnotes) as WordPress's blocks or as HTML. Raw HTML in it stays, to be cleaned after."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import escape
from typing import Any, Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

from flowbuilder.adapters.cms.wordpress.block_markup import attributes_text

_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_MARKDOWN.add_render_rule("text", lambda _self, tokens, index, *_: escape(tokens[index].content, quote=False))
_TASK = re.compile(r"\[([ xX])\][ \t]+")
_NOTE = re.compile(r"^\[\^([^\]\s]{1,64})\]:[ \t]*(.*(?:\n(?:[ \t]+\S.*|[ \t]*(?=\n[ \t]+\S)))*)\n?", re.MULTILINE)
_CALL = re.compile(r"\[\^([^\]\s]{1,64})\]")
_TAG = re.compile(r"<(/?)([a-zA-Z][\w-]*)\b[^<>]*?(/?)>")
_VOID = frozenset(
    ("area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "p", "li")
)
_SHORTCODE = re.compile(r"\[[a-z][\w-]*(?:\s[^\[\]]*)?/?\]\Z")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)
_STRONG = frozenset(
    {"fence", "heading_open", "table_open", "bullet_list_open", "strong_open", "link_open", "image", "s_open"}
)
_ANY = _STRONG | {"ordered_list_open", "blockquote_open", "hr", "em_open", "code_inline"}
_ALIGN = re.compile(r"text-align:(left|center|right)")


def form_of(text: str) -> Literal["markdown", "html", "plain"]:
    """Whether a text is Markdown, which has marks of Markdown outside of HTML; HTML; or plain paragraphs. Beside HTML
    only marks count that no one writes by accident."""
    marks = html = strong = 0
    for token in _flat(_MARKDOWN.parse(text)):
        marks += token.type in _ANY and token.info != "auto"
        strong += token.type in _STRONG and token.info != "auto"
        html += token.type in ("html_block", "html_inline")
    if html:
        return "markdown" if strong else "html"
    return "markdown" if marks or _CALL.search(text) else "plain"


def has_open_fence(text: str) -> bool:
    """Whether a fence of code begins in a text and does not end there."""
    return len(_FENCE.findall(text)) % 2 == 1


def is_code(text: str, mark: str) -> bool:
    """Whether a mark is found in the fences of a Markdown text only."""
    if not _FENCE.search(text):
        return False
    return not any(mark in token.content for token in _flat(_MARKDOWN.parse(text)) if token.type != "fence")


def to_html(text: str) -> str:
    """Markdown as HTML."""
    body, notes = _without_notes(text)
    tokens = _prepared(body, notes)
    return f"{_rendered(tokens)}\n{_notes_html(notes)}".rstrip("\n")


def to_blocks(text: str) -> str:
    """Markdown as the markup of WordPress's blocks. What no block holds is a block of custom HTML."""
    body, notes = _without_notes(text)
    blocks = list(_blocks(_prepared(body, notes)))
    if notes:
        blocks.append(_block("html", _notes_html(notes).rstrip("\n")))
    return "\n\n".join(blocks)


def _flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from token.children or ()


# --- footnotes and task lists -------------------------------------------------------------------------------------


def _without_notes(text: str) -> tuple[str, dict[str, str]]:
    """The text without the definitions of its footnotes, and those that it calls, in the order of the calls."""
    if "[^" not in text:
        return text, {}
    masked = [token.map for token in _MARKDOWN.parse(text) if token.type in ("fence", "code_block") and token.map]
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    code = [(starts[first], starts[last]) for first, last in masked]

    def is_code_at(place: int) -> bool:
        return any(start <= place < end for start, end in code)

    defined = {
        found[1]: re.sub(r"\n[ \t]+", "\n", found[2]).strip()
        for found in _NOTE.finditer(text)
        if not is_code_at(found.start())
    }
    body = _NOTE.sub(lambda found: found[0] if is_code_at(found.start()) else "", text)
    called = dict.fromkeys(found[1] for found in _CALL.finditer(body) if found[1] in defined)
    return body, {name: defined[name] for name in called}


def _prepared(text: str, notes: dict[str, str]) -> list[Token]:
    tokens = _MARKDOWN.parse(text)
    numbers = {name: number for number, name in enumerate(notes, 1)}
    seen: dict[str, int] = {}
    for index, token in enumerate(tokens):
        children = token.children
        if not children:
            continue
        first = children[0]
        if (
            index > 1
            and tokens[index - 2].type == "list_item_open"
            and first.type == "text"
            and (task := _TASK.match(first.content))
        ):
            first.content = first.content[task.end() :]
            checked = "" if task[1] == " " else " checked"
            children.insert(0, _raw(f'<input type="checkbox" disabled{checked}> '))
        if numbers:
            token.children = [one for child in children for one in _with_calls(child, numbers, seen)]
    return tokens


def _with_calls(child: Token, numbers: dict[str, int], seen: dict[str, int]) -> Iterator[Token]:
    if child.type != "text" or "[^" not in child.content:
        yield child
        return
    for place, part in enumerate(_CALL.split(child.content)):
        number = numbers.get(part) if place % 2 else None
        if number is None:
            yield Token("text", "", 0, content=f"[^{part}]" if place % 2 else part)
            continue
        seen[part] = again = seen.get(part, 0) + 1
        name = f"fnref{number}" if again == 1 else f"fnref{number}-{again}"
        yield _raw(f'<sup><a href="#fn{number}" id="{name}">[{number}]</a></sup>')


def _notes_html(notes: dict[str, str]) -> str:
    items = []
    for number, text in enumerate(notes.values(), 1):
        inner = _MARKDOWN.renderInline(text)
        items.append(f'<li id="fn{number}">{inner} <a href="#fnref{number}">↩</a></li>\n')
    return f'<hr>\n<ol class="footnotes">\n{"".join(items)}</ol>\n' if items else ""


def _raw(html: str) -> Token:
    return Token("html_inline", "", 0, content=html)


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
    return str(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})).rstrip("\n")


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
