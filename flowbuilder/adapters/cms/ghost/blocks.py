"""One block of a Ghost document as text and back: HTML where that says all of it, else its JSON in a comment."""

from __future__ import annotations

import json
from typing import Any

from flowbuilder.adapters.cms.ghost.inline import InlineReader, Node, element, encode_inline
from flowbuilder.adapters.cms.ghost.markup import NotSimpleError, attribute, shown, tokens, top_level, unescaped
from flowbuilder.adapters.cms.ghost.normal_form import SOURCES, normal, too_deep
from flowbuilder.adapters.cms.ghost.splitting import BEGIN, CARD, CODE, CODE_END, END, split_blocks
from flowbuilder.values import JsonObject

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


def compact(value: Any) -> str:
    """JSON as JavaScript writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def encode_block(node: JsonObject) -> str:
    """The text of a block: the first form from which the block can be made again."""
    wanted = [normal(node)]
    for form in (_html, _source):
        try:
            text = form(node)
            if list(split_blocks(text)) == [text] and [normal(one) for one in decode_block(text)] == wanted:
                return text
        except (NotSimpleError, KeyError, TypeError, AttributeError):
            continue
    return CARD + compact(node).replace("<", "\\u003c").replace(">", "\\u003e") + "-->"


def decode_block(text: str) -> list[Node]:
    """The blocks of a text without an empty line (or of one card): HTML that Ghost's editor has no node for becomes an
    HTML card, a text outside of elements a paragraph."""
    if text.startswith(CARD) and text.endswith("-->"):
        try:
            node = json.loads(text[len(CARD) : -3])
        except (ValueError, RecursionError):
            node = None
        if isinstance(node, dict) and isinstance(node.get("type"), str) and not too_deep(node):
            return [node]
    for kind in SOURCES:
        begin, end = BEGIN.format(kind), END.format(kind)
        if text.startswith(begin) and text.endswith(end) and len(text) >= len(begin) + len(end):
            return [{"type": kind, "version": 1, kind: text[len(begin) : -len(end)]}]
    if not text.startswith("<"):
        return [_simple(f"<p>{text}</p>")]
    parts = top_level(text)
    return [_simple(part) for part in (parts or [text])]


def _html(node: JsonObject) -> str:
    match node.get("type"):
        case "paragraph":
            return f"<p>{encode_inline(node['children'])}</p>"
        case "heading" | "extended-heading" if node.get("tag") in _HEADINGS:
            return f"<{node['tag']}>{encode_inline(node['children'])}</{node['tag']}>"
        case "quote" | "extended-quote":
            return f"<blockquote>{encode_inline(node['children'])}</blockquote>"
        case "aside":
            return f"<aside>{encode_inline(node['children'])}</aside>"
        case "list":
            return _list(node)
        case "horizontalrule":
            return "<hr>"
        case "codeblock":
            language = node.get("language")
            name = attribute("class", f"language-{language}") if language else ""
            return f"{CODE}{name}>{shown(node['code'], lines=True)}{CODE_END}"
        case "image":
            return _image(node)
        case "html" if "\n\n" not in node["html"] and node["html"].startswith("<") and top_level(node["html"]):
            return str(node["html"])
    raise NotSimpleError


def _source(node: JsonObject) -> str:
    kind = node.get("type")
    if kind not in SOURCES or END.format(kind) in f"\n{node[kind]}":
        raise NotSimpleError
    return BEGIN.format(kind) + str(node[kind]) + END.format(kind)


def _list(node: JsonObject) -> str:
    items = [
        f"<li>{_list(item['children'][0])}</li>" if _nests(item) else f"<li>{encode_inline(item['children'])}</li>"
        for item in node["children"]
    ]
    tag = node["tag"]
    start = attribute("start", str(node["start"])) if node.get("start", 1) != 1 else ""
    return "\n".join([f"<{tag}{start}>", *items, f"</{tag}>"])


def _nests(item: JsonObject) -> bool:
    return bool(len(item["children"]) == 1 and item["children"][0].get("type") == "list")


def _image(node: JsonObject) -> str:
    held = normal(node)
    tag = f"<img{attribute('src', held['src'])}{attribute('alt', held['alt'])}"
    tag += "".join(attribute(name, str(held[name])) for name in ("title", "width", "height") if held[name]) + ">"
    if held["href"]:
        tag = f"<a{attribute('href', held['href'])}>{tag}</a>"
    width = held["cardWidth"]
    name = "" if width == "regular" else attribute("class", f"kg-width-{width}")
    caption = f"<figcaption>{held['caption']}</figcaption>" if held["caption"] else ""
    return f"<figure{name}>{tag}{caption}</figure>"


def _simple(source: str) -> Node:
    try:
        return _element(source)
    except NotSimpleError:
        return {"type": "html", "version": 1, "html": source}


def _element(source: str) -> Node:
    """The node of one element of HTML; `NotSimpleError`."""
    if source.startswith(CODE):
        return _code(source)
    if source.startswith("<figure"):
        return _figure(source)
    reader = InlineReader(list(tokens(source)))
    node = _block(reader)
    reader.skip_blanks()
    if reader.place < len(reader.tokens):
        raise NotSimpleError
    return node


def _block(reader: InlineReader) -> Node:
    first = reader.peek()
    plain = first.kind == "open" and not first.attributes
    if first.name in ("ul", "ol"):
        return _read_list(reader, 0)
    reader.place += 1
    match first.name:
        case "p" if plain:
            return element("paragraph", reader.children("p"))
        case name if plain and name in _HEADINGS:
            return element("extended-heading", reader.children(name), tag=name)
        case "blockquote" if plain:
            return element("extended-quote", reader.children("blockquote"))
        case "aside" if plain:
            return element("aside", reader.children("aside"))
        case "hr" if plain:
            return {"type": "horizontalrule", "version": 1}
    raise NotSimpleError


def _read_list(reader: InlineReader, depth: int) -> Node:
    first = reader.peek()
    start = first.attributes.get("start", "1")
    if (
        first.kind != "open"
        or set(first.attributes) - {"start"}
        or not start.isdecimal()
        or len(start) > 9
        or depth > 9
    ):
        raise NotSimpleError
    reader.place += 1
    items: list[Node] = []
    number = int(start)
    while True:
        reader.skip_blanks()
        if reader.peek().kind == "close":
            reader.take("close", first.name)
            kinds = {"ul": "bullet", "ol": "number"}
            return element("list", items, listType=kinds[first.name], start=int(start), tag=first.name)
        if reader.take("open", "li").attributes:
            raise NotSimpleError
        inner = reader.children("li", stop=("ul", "ol"))
        nested = reader.tokens[reader.place - 1].kind != "close"
        if inner and not (nested and all(not str(one.get("text", "x")).strip() for one in inner)):
            items.append(element("listitem", inner, indent=depth, value=number))
            number += 1
        elif not nested:
            items.append(element("listitem", [], indent=depth, value=number))
            number += 1
        if nested:
            items.append(element("listitem", [_read_list(reader, depth + 1)], indent=depth, value=number))
            reader.skip_blanks()
            reader.take("close", "li")


def _code(source: str) -> Node:
    """A code block; an HTML card where it is more than that."""
    head, closed, rest = source[len(CODE) :].partition(">")
    inner = rest[: -len(CODE_END)]
    name = head.removeprefix(' class="language-').removesuffix('"') if head else ""
    if (
        not closed
        or not rest.endswith(CODE_END)
        or "<" in inner
        or (head and head != attribute("class", f"language-{unescaped(name)}"))
    ):
        return {"type": "html", "version": 1, "html": source}
    return {"type": "codeblock", "version": 1, "code": unescaped(inner), "language": unescaped(name), "caption": ""}


def _figure(source: str) -> Node:
    inner, _, caption = source.removesuffix("</figure>").partition("<figcaption>")
    if not source.endswith("</figure>") or (caption and not caption.endswith("</figcaption>")):
        raise NotSimpleError
    caption = caption.removesuffix("</figcaption>")
    reader = InlineReader([one for one in tokens(inner) if one.kind != "text" or one.name.strip()])
    outer = reader.take("open", "figure").attributes
    href = ""
    linked = reader.peek().name == "a"
    if linked:
        link = reader.take("open", "a").attributes
        if set(link) != {"href"}:
            raise NotSimpleError
        href = link["href"]
    image = reader.take("open", "img").attributes
    if linked:
        reader.take("close", "a")
    width = outer.get("class", "kg-width-regular")
    sizes = {name: image.get(name) for name in ("width", "height")}
    if (
        reader.place < len(reader.tokens) or set(outer) - {"class"} or not width.startswith("kg-width-")
        or "src" not in image or set(image) - {"src", "alt", "title", "width", "height"}
        or not all(size is None or (size.isdecimal() and len(size) < 7) for size in sizes.values())
        or "\n" in caption or "<figcaption" in caption or "</figcaption" in caption
    ):  # fmt: skip
        raise NotSimpleError
    numbers = {name: int(size) if size is not None else None for name, size in sizes.items()}
    return {
        "type": "image", "version": 1, "src": image["src"], **numbers, "title": image.get("title", ""),
        "alt": image.get("alt", ""), "caption": caption, "cardWidth": width.removeprefix("kg-width-"), "href": href,
    }  # fmt: skip
