"""The tokens of a text as the quick readers see them; what they do not know they decline."""

from __future__ import annotations

import re
from typing import Final

from flowbuilder.language.names import LITERALS, NEVER_ROOTS
from flowbuilder.language.nodes import Expr, Member, Name

Token = tuple[str, str, int, int]
_TOKEN: Final = re.compile(
    r"[ \t\n]*(?:([^\W\d]\w*)|([0-9]{1,15}(?:\.[0-9]{1,15})?)(?![\w.])|(\"[^\"\\\n]*\"|'[^'\\\n]*')"
    r"|(==|!=|<=|>=|&&|\|\||//|\*\*|}}|%}|[-+*/%<>!?:|.,()\[\]=]))"
)
RESERVED: Final = frozenset(("and", "or", "not", "in", "is", "if", "else"))
_MOST_TOKENS: Final = 200
_KINDS: Final = ("", "name", "number", "text", "sign")
END: Final[Token] = ("", "", -1, -1)


class Declined(Exception):
    """This text is for the full parser."""


def read_path(text: str, start: int) -> Expr:
    """The tree of a plain path such as `steps.draft.output`, which begins at `start`."""
    name, *keys = text.split(".")
    if name in NEVER_ROOTS or name in LITERALS or name in RESERVED:
        raise Declined
    end = start + len(name)
    node: Expr = Name(start, end, name)
    for key in keys:
        end += len(key) + 1
        node = Member(start, end, node, key)
    return node


def scan(source: str, position: int, closing: tuple[str, ...]) -> tuple[list[Token], int]:
    """The tokens from `position` up to one of `closing`, and the end of that; without `closing`, all there are."""
    tokens: list[Token] = []
    match = _TOKEN.match
    while True:
        found = match(source, position)
        if found is None:
            if closing:
                raise Declined
            return tokens, position
        position = found.end()
        group = found.lastindex or 0
        text = found[group]
        if text in closing:
            return tokens, position
        if len(tokens) >= _MOST_TOKENS:
            raise Declined
        tokens.append((_KINDS[group], text, position - len(text), position))
