"""A Ghost document (Lexical JSON) as a text of blocks, and back without loss."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from typing import Any

from flowbuilder.adapters.cms.ghost.blocks import compact, decode_block, encode_block
from flowbuilder.adapters.cms.ghost.inline import Node, element
from flowbuilder.adapters.cms.ghost.normal_form import normal, too_deep
from flowbuilder.adapters.cms.ghost.splitting import CARD, split_blocks
from flowbuilder.errors import StepError
from flowbuilder.values import JsonObject

_EMPTY = element("root", [element("paragraph", [])])


def text_of(lexical: str) -> str:
    """The body of a page: its blocks with an empty line between them. `StepError` for JSON that is no document."""
    children = _root(lexical)["children"]
    if [normal(one) for one in children] == [normal(one) for one in _EMPTY["children"]]:
        return ""
    blocks = [encode_block(one) for one in children]
    text = "\n\n".join(blocks)
    if [normal(one) for one in decode(text)] == [normal(one) for one in children]:
        return text
    return "\n\n".join(CARD + compact(one).replace("<", "\\u003c").replace(">", "\\u003e") + "-->" for one in children)


def lexical_of(text: str, held: str) -> str:
    """The document of a body. A block that `held` has too is taken from there as it is."""
    root = _root(held) if held else _EMPTY
    known: defaultdict[str, deque[Any]] = defaultdict(deque)
    for node in root["children"]:
        known[encode_block(node)].append(node)
    nodes = []
    for node in decode(text):
        same = known.get(encode_block(node))
        nodes.append(same.popleft() if same else node)
    if not nodes:
        nodes = root["children"] if held and not text_of(held) else _EMPTY["children"]
    return compact({"root": {**root, "children": nodes}})


def canonical(text: str) -> str:
    """The body that a page has after this one is written to it."""
    return "\n\n".join(encode_block(node) for node in decode(text))


def decode(text: str) -> list[Node]:
    """The blocks of a body."""
    return [node for part in split_blocks(text) for node in decode_block(part)]


def _root(lexical: str) -> JsonObject:
    try:
        root = json.loads(lexical)["root"]
        children = root["children"]
        if isinstance(children, list) and all(isinstance(one, dict) for one in children) and not too_deep(root):
            return dict(root)
    except (ValueError, RecursionError, LookupError, TypeError):
        pass
    raise StepError("Ghost answered with a document that has no blocks", code="bad_answer")
