"""Reads the usual templates without jinja2, and declines everything else: see `quick_expression`."""

from __future__ import annotations

import re
from typing import Final

from flowbuilder.language.names import LITERALS, NEVER_ROOTS
from flowbuilder.language.nodes import Call, Expr, For, If, Output, Set, Statement, Text
from flowbuilder.language.parsing.quick_expression import Quick
from flowbuilder.language.parsing.quick_tokens import Declined, Token, read_path, scan

_OPENING: Final = re.compile(r"\{[{%#]")
_PATH: Final = re.compile(r"\{\{[ \t\n]*([^\W\d_]\w*(?:\.[^\W\d_]\w*)+)[ \t\n]*\}\}")
_DEEPEST: Final = 6


def read_template(source: str) -> tuple[tuple[Statement, ...], bool, list[Call]] | None:
    """The statements of a template, whether it is exactly one expression, and the calls in it; or None."""
    if "\r" in source or len(source) > 4_000:
        return None
    try:
        reader = _Reader(source)
        statements, tag = reader.statements(0)
    except Declined:
        return None
    if tag is not None:
        return None
    single = len(statements) == 1 and isinstance(statements[0], Output) and source[:2] == "{{" and source[-2:] == "}}"
    return statements, single, reader.calls


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.position = 0
        self.calls: list[Call] = []

    def statements(self, depth: int) -> tuple[tuple[Statement, ...], list[Token] | None]:
        """The statements up to a tag that ends them or the end of the text; that tag."""
        if depth > _DEEPEST:
            raise Declined
        found: list[Statement] = []
        source = self.source
        while True:
            opening = _OPENING.search(source, self.position)
            start = opening.start() if opening else len(source)
            if start > self.position:
                found.append(Text(self.position, start, source[self.position : start]))
            if opening is None:
                self.position = start
                return tuple(found), None
            path = _PATH.match(source, start)
            if path is not None:
                self.position = path.end()
                value = read_path(path[1], path.start(1))
                found.append(Output(value.start, value.end, value))
                continue
            sign = opening[0]
            # a minus or plus here is about white space
            if sign == "{#" or source[start + 2 : start + 3] in ("-", "+"):
                raise Declined
            tokens, self.position = scan(source, start + 2, ("}}",) if sign == "{{" else ("%}",))
            if sign == "{{":
                value = self._whole(tokens)
                found.append(Output(value.start, value.end, value))
                continue
            word = tokens[0][1] if tokens else ""
            if word == "if":
                found.append(self._if(tokens, depth))
            elif word == "for":
                found.append(self._for(tokens, depth))
            elif word == "set":
                found.append(self._set(tokens))
            elif word in ("elif", "else", "endif", "endfor"):
                return tuple(found), tokens
            else:
                raise Declined

    def _if(self, tokens: list[Token], depth: int) -> If:
        _, _, start, end = tokens[0]
        branches = []
        tag: list[Token] | None = tokens
        while tag is not None and tag[0][1] in ("if", "elif"):
            test = self._whole(tag[1:])
            body, tag = self.statements(depth + 1)
            branches.append((test, body))
        otherwise: tuple[Statement, ...] = ()
        if tag is not None and _is(tag, "else"):
            otherwise, tag = self.statements(depth + 1)
        if tag is None or not _is(tag, "endif"):
            raise Declined
        return If(start, end, tuple(branches), otherwise)

    def _for(self, tokens: list[Token], depth: int) -> For:
        _, _, start, end = tokens[0]
        names = []
        at = 1
        while True:
            names.append(_target(tokens, at))
            at += 2
            if tokens[at - 1][1] == "in":
                break
            if tokens[at - 1][1] != ",":
                raise Declined
        iterable = self._whole(tokens[at:])
        body, tag = self.statements(depth + 1)
        otherwise: tuple[Statement, ...] = ()
        if tag is not None and _is(tag, "else"):
            otherwise, tag = self.statements(depth + 1)
        if tag is None or not _is(tag, "endfor"):
            raise Declined
        return For(start, end, tuple(names), iterable, body, otherwise)

    def _set(self, tokens: list[Token]) -> Set:
        name = _target(tokens, 1)
        if tokens[2][1] != "=":
            raise Declined
        value = self._whole(tokens[3:])
        return Set(tokens[0][2], value.end, name, value)

    def _whole(self, tokens: list[Token]) -> Expr:
        return Quick(tokens, self.calls, template=True).whole()


def _target(tokens: list[Token], at: int) -> str:
    if len(tokens) < at + 3:
        raise Declined
    kind, name, _, _ = tokens[at]
    if kind != "name" or name[0] == "_" or name == "loop" or name in NEVER_ROOTS or name in LITERALS:
        raise Declined
    return name


def _is(tag: list[Token], word: str) -> bool:
    return len(tag) == 1 and tag[0][1] == word
