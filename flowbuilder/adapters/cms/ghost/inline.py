"""The inside of a block of a Ghost document: texts with their formats, links and line breaks."""

from __future__ import annotations

from typing import Any

from flowbuilder.adapters.cms.ghost.markup import NotSimpleError, Token, attribute, shown
from flowbuilder.values import JsonObject

_FORMATS = {"strong": 1, "em": 2, "s": 4, "u": 8, "code": 16, "sub": 32, "sup": 64, "mark": 128}
"""The tags of Lexical's text formats, outermost first, with their bits."""
_FORMAT_OF = _FORMATS | {"b": 1, "i": 2, "del": 4}
_LINK = ("url", "rel", "target", "title")
_DEPTH = 40

Node = dict[str, Any]


def element(kind: str, children: list[Node], **more: Any) -> Node:
    """A node that has children, as Ghost's editor writes it."""
    return {
        "children": children, "direction": "ltr", "format": "", "indent": 0, "type": kind, "version": 1, **more
    }  # fmt: skip


def encode_inline(children: list[JsonObject]) -> str:
    """The HTML of the children. `NotSimpleError` for a node that has no tag; what a tag does not say is left out."""
    return "".join(map(_encoded, children))


def _encoded(node: JsonObject) -> str:
    match node.get("type"):
        case "text" | "extended-text":
            text, form = shown(str(node.get("text", ""))), node.get("format", 0)
            if not isinstance(form, int) or not text:
                raise NotSimpleError
            tags = [name for name, bit in _FORMATS.items() if form & bit]
            return "".join(f"<{tag}>" for tag in tags) + text + "".join(f"</{tag}>" for tag in reversed(tags))
        case "linebreak":
            return "<br>"
        case "link":
            names = {"url": "href"}
            given = [
                attribute(names.get(name, name), value) for name in _LINK if isinstance(value := node.get(name), str)
            ]
            return f"<a{''.join(given)}>{encode_inline(node['children'])}</a>"
    raise NotSimpleError


class InlineReader:
    """Reads nodes from tokens, up to the end tag of the element that they are in."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.place = 0

    def peek(self) -> Token:
        """The next token; `NotSimpleError` at the end."""
        if self.place >= len(self.tokens):
            raise NotSimpleError
        return self.tokens[self.place]

    def take(self, kind: str, name: str) -> Token:
        """The next token, which must be this tag."""
        found = self.peek()
        if (found.kind, found.name) != (kind, name):
            raise NotSimpleError
        self.place += 1
        return found

    def skip_blanks(self) -> None:
        """Skip a text between blocks."""
        while self.place < len(self.tokens) and self.tokens[self.place].kind == "text":
            if self.tokens[self.place].name.strip():
                raise NotSimpleError
            self.place += 1

    def children(self, end: str, *, form: int = 0, depth: int = 0, stop: tuple[str, ...] = ()) -> list[Node]:
        """The nodes before the end tag `end`, which is taken, or before a start tag in `stop`, which is not."""
        found: list[Node] = []
        while True:
            token = self.peek()
            if token.kind == "open" and token.name in stop:
                return found
            self.place += 1
            if token.kind == "close":
                if token.name != end:
                    raise NotSimpleError
                return found
            if token.kind == "text":
                _add_text(found, token.name, form)
            elif token.name == "br" and not token.attributes:
                found.append({"type": "linebreak", "version": 1})
            else:
                found += self._tagged(token, form, depth)

    def _tagged(self, token: Token, form: int, depth: int) -> list[Node]:
        if depth > _DEPTH:
            raise NotSimpleError
        bit = _FORMAT_OF.get(token.name)
        if bit is not None and not token.attributes:
            return self.children(token.name, form=form | bit, depth=depth + 1)
        if token.name == "a" and "href" in token.attributes and not set(token.attributes) - {"href", *_LINK[1:]}:
            names = {name: token.attributes.get(name) for name in _LINK[1:]}
            inner = self.children("a", form=form, depth=depth + 1)
            return [element("link", inner, **names, url=token.attributes["href"])]
        raise NotSimpleError


def _add_text(found: list[Node], text: str, form: int) -> None:
    if text:
        found.append(
            {
                "detail": 0, "format": form, "mode": "normal", "style": "", "text": text, "type": "extended-text",
                "version": 1,
            }
        )  # fmt: skip
