"""What Ghost stores of a text: a `PublishableForm`, and the addresses that Ghost writes out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from flowbuilder.adapters.cms.ghost.blocks import decode_block, encode_block
from flowbuilder.adapters.cms.ghost.inline import Node
from flowbuilder.adapters.cms.ghost.normal_form import SOURCES
from flowbuilder.adapters.cms.ghost.splitting import split_blocks
from flowbuilder.adapters.cms.html import is_html
from flowbuilder.adapters.cms.html import publishable as sanitised
from flowbuilder.ports.cms import CmsField, Publishable
from flowbuilder.values import JsonObject

_SCHEMES = frozenset(("", "http", "https", "mailto", "tel"))
_SIMPLE = frozenset(
    ("paragraph", "extended-heading", "extended-quote", "aside", "list", "horizontalrule", "codeblock", "image")
)
_CARDS = "<!--kg-card"
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ROUNDS = 4
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
            clean = _clean(node)
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
    """The blocks of a proposal: HTML, Markdown, or Markdown between blocks of HTML or blocks that the page has."""
    parts, mixed = list(split_blocks(proposal)), is_html(proposal)
    if not mixed and not known.intersection(parts):
        yield from split_blocks(sanitised(proposal)) if parts else ()
        return
    waiting: list[str] = []
    for part in (*parts, ""):
        if part and part not in known and not (mixed and part.startswith("<")):
            waiting.append(part)
            continue
        if waiting:
            yield from split_blocks(sanitised("\n\n".join(waiting)))
            waiting = []
        if part:
            yield part


def _clean(node: Node) -> list[str]:
    """The texts of a new block without what a text must not bring: scripts, addresses that run one, cards. None where
    cleaning comes to no end."""
    nodes = [node]
    for _ in range(_ROUNDS):
        clean = [one for dirty in nodes for one in _cleaned(dirty)]
        if clean == nodes:
            return [encode_block(one) for one in clean]
        nodes = clean
    return []


def _cleaned(node: Node) -> Iterator[Node]:
    kind = node.get("type")
    if kind in SOURCES and set(node) == {"type", "version", kind}:
        html = _COMMENT.sub("", sanitised(str(node[kind]))).strip()
        parts = [html] if kind == "html" else split_blocks(html)
        for part in parts:
            if part and not part.startswith(_CARDS):
                yield from decode_block(part)
    elif kind in _SIMPLE and not encode_block(node).startswith(_CARDS):
        yield from _harmless([node])


def _harmless(nodes: Iterable[Node]) -> Iterator[Node]:
    """The nodes without addresses that run a script. Of a link its text stays, of an image nothing."""
    for node in nodes:
        if node.get("type") in ("image", "link") and not all(_allowed(node.get(name)) for name in _ADDRESSES):
            yield from _harmless(node.get("children", []))
            continue
        more: Node = {}
        if isinstance(node.get("caption"), str) and node["caption"]:
            shown = sanitised(f"<p>{node['caption']}</p>").strip()
            more["caption"] = shown.removeprefix("<p>").removesuffix("</p>")
        if "children" in node:
            more["children"] = list(_harmless(node["children"]))
        yield {**node, **more}


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
