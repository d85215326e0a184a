"""What Ghost stores of a text: a `PublishableForm`, and the addresses that Ghost writes out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from flowbuilder.adapters.cms.ghost.blocks import SOURCES, decode_block, encode_block
from flowbuilder.adapters.cms.ghost.document import split_blocks
from flowbuilder.adapters.cms.ghost.inline import Node
from flowbuilder.adapters.cms.html import is_html
from flowbuilder.adapters.cms.html import publishable as sanitised
from flowbuilder.ports.cms import CmsField, Publishable
from flowbuilder.values import JsonObject

_SCHEMES = frozenset(("", "http", "https", "mailto", "tel"))
_SIMPLE = frozenset(
    ("paragraph", "extended-heading", "extended-quote", "aside", "list", "horizontalrule", "codeblock", "image")
)
_ADDRESSES = ("url", "src", "href")
_ROOT = re.compile(r"((?:href|src)=[\"'])(/(?!/)[^\"'\s]*)")


def publishable(field: CmsField, base: str, proposal: str) -> Publishable:
    """The text as Ghost stores it. Blocks of the body that `base` has too stay as they are; new ones become blocks of
    Ghost's editor, other HTML becomes HTML cards without scripts, and a new card of any other kind is left out."""
    if field != "body":
        return Publishable(text=proposal.strip() if field == "title" else proposal)
    known = frozenset(split_blocks(base))
    blocks: list[str] = []
    findings: list[JsonObject] = []
    for part in _parts(proposal, known):
        if part in known:
            blocks.append(part)
            continue
        for node in decode_block(part):
            text = encode_block(node)
            if text in known:
                blocks.append(text)
                continue
            clean = list(_clean(node))
            blocks += clean
            if clean != [text]:
                findings.append(_finding(text, "\n\n".join(clean)))
    return Publishable(text="\n\n".join(blocks), findings=tuple(findings))


def with_addresses(base: str, text: str, site: str) -> str:
    """The body with the addresses of its new blocks as Ghost stores them: those of the site itself are whole."""
    known = frozenset(split_blocks(base))
    return "\n\n".join(
        part if part in known else "\n\n".join(encode_block(_addressed(node, site)) for node in decode_block(part))
        for part in split_blocks(text)
    )


def _parts(proposal: str, known: frozenset[str]) -> Iterator[str]:
    """The blocks of a proposal in HTML or Markdown; in Markdown, the blocks that the page has already may stand."""
    if not proposal.strip():
        return
    if is_html(proposal):
        yield from split_blocks(proposal)
        return
    parts = list(split_blocks(proposal))
    if not known.intersection(parts):
        yield from split_blocks(sanitised(proposal))
        return
    waiting: list[str] = []
    for part in (*parts, ""):
        if part and part not in known:
            waiting.append(part)
            continue
        if waiting:
            yield from split_blocks(sanitised("\n\n".join(waiting)))
            waiting = []
        if part:
            yield part


def _clean(node: Node) -> Iterator[str]:
    """The texts of a new block without what a text must not bring: scripts, addresses that run one, cards."""
    kind = str(node.get("type"))
    if kind in SOURCES and set(node) == {"type", "version", kind}:
        html = sanitised(str(node[kind]))
        nodes = [one for part in split_blocks(html.strip()) for one in decode_block(part)] if kind == "markdown" else (
            decode_block(html) if html.strip() else []
        )
        yield from (encode_block(one) for one in _harmless(nodes))
    elif kind in _SIMPLE:
        yield from (encode_block(one) for one in _harmless([node]))


def _harmless(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        caption = node.get("caption")
        if isinstance(caption, str) and caption:
            node = {**node, "caption": sanitised(f"<p>{caption}</p>").strip().removeprefix("<p>").removesuffix("</p>")}
        if node.get("type") in ("image", "link") and not all(_allowed(node.get(name)) for name in _ADDRESSES):
            yield from _harmless(node.get("children", []))
        elif "children" in node:
            yield {**node, "children": list(_harmless(node["children"]))}
        else:
            yield node


def _allowed(address: Any) -> bool:
    if not address:
        return True
    plain = re.sub(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\ufeff]", "", str(address))
    try:
        return urlsplit(plain).scheme.lower() in _SCHEMES
    except ValueError:
        return False


def _finding(before: str, after: str) -> JsonObject:
    if after:
        said = f"would be stored as {after:.300}"
    else:
        said = "is left out: a text can bring no scripts and no new cards; add the card in Ghost's editor"
    return {"rule": "sanitised", "severity": "warning", "place": "", "evidence": f"{before:.300} {said}"}


def _addressed(node: Any, site: str) -> Any:
    if isinstance(node, list):
        return [_addressed(one, site) for one in node]
    if not isinstance(node, Mapping):
        return node
    found = {name: _addressed(value, site) for name, value in node.items()}
    for name in _ADDRESSES:
        if isinstance(found.get(name), str):
            found[name] = _stored(found[name], site)
    for name in ("html", "markdown", "caption"):
        if isinstance(found.get(name), str):
            found[name] = _ROOT.sub(lambda one: one[1] + _stored(one[2], site), found[name])
    return found


def _stored(address: str, site: str) -> str:
    """An address as Ghost gives it back: on the site itself it has the site's scheme and host."""
    root = urlsplit(site)
    if address.startswith("/") and not address.startswith("//"):
        address = f"{root.scheme}://{root.netloc}{address}"
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    if parts.netloc.lower() != root.netloc.lower() or parts.scheme not in ("", "http", "https"):
        return address
    path = parts.path or "/"
    return parts._replace(scheme=root.scheme, netloc=root.netloc, path=quote(path, safe="/%:@!$&'()*+,;=~-._")).geturl()
