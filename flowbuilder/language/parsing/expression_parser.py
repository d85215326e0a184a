"""Bare expressions: lark parses with a LALR grammar, and its tree is converted into our syntax tree."""

from __future__ import annotations

import contextlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowbuilder.errors import LanguageError
from flowbuilder.language.limits import LIMITS
from flowbuilder.language.names import LITERALS, check_key, check_member, check_name, fault
from flowbuilder.language.nodes import (
    Arithmetic,
    Call,
    Compare,
    Condition,
    Constant,
    Expr,
    ListLiteral,
    Logic,
    Member,
    Name,
    Negative,
    Not,
    ObjectLiteral,
    Slice,
)
from flowbuilder.language.parsing import foreign_syntax_hints
from flowbuilder.language.parsing.shared_constructs import make_is_test, make_item, read_number, read_text

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

_GRAMMAR = Path(__file__).with_name("grammar.lark")
_BRACKET_OR_TEXT = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|[(\[{]|[)\]}]")


def parse_expression(source: str) -> Expr:
    """The syntax tree of a bare expression; raises `LanguageError(stage="compile")`."""
    if len(source) > LIMITS.expression_chars:
        message = f"the expression has {len(source)} characters; {LIMITS.expression_chars} are allowed"
        raise fault("FB204", message, 0, len(source), "move part of it into a step of its own")
    _check_brackets(source)
    from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

    try:
        tree = _grammar().parse(source)
    except UnexpectedToken as error:
        token = error.token
        ended = token.type == "$END"
        start = len(source) if ended else token.start_pos or 0
        raise _syntax(source, start, start if ended else start + len(token), str(token)) from None
    except (UnexpectedCharacters, UnexpectedEOF, UnexpectedInput) as error:
        start = getattr(error, "pos_in_stream", None) or 0
        raise _syntax(source, start, start + 1, source[start : start + 1]) from None
    try:
        return _Converter(source).read(tree, 0)
    except RecursionError:
        raise fault("FB204", "the expression is nested too deeply", 0, len(source)) from None


@cache
def _grammar() -> Lark:
    # beside the bytecode: 4 ms instead of 50 at each start
    return load_grammar(_GRAMMAR.parent / "__pycache__" / "grammar.lark-tables")


def load_grammar(tables: Path) -> Lark:
    """The expression grammar. Lark keeps its parse tables in the file `tables`, by grammar, lark and Python;
    where the file cannot be read or written, it builds them."""
    from lark import Lark

    with contextlib.suppress(OSError):
        tables.parent.mkdir(exist_ok=True)
    return Lark(
        _GRAMMAR.read_text(encoding="utf-8"),
        parser="lalr",
        propagate_positions=True,
        maybe_placeholders=True,
        cache=str(tables),
    )


def _check_brackets(source: str) -> None:
    depth = 0
    for match in _BRACKET_OR_TEXT.finditer(source):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(match[0], 0)
        if depth > LIMITS.brackets:
            message = f"brackets are nested deeper than {LIMITS.brackets}"
            raise fault("FB204", message, match.start(), match.end(), "compute parts of it in steps of their own")


def _syntax(source: str, start: int, end: int, found: str) -> LanguageError:
    message = f"unexpected {found!r}" if start < len(source) else "unexpected end of the expression"
    if not source.strip():
        message = "the expression is empty"
    return foreign_syntax_hints.expression_error(source, start, end, message)


class _Converter:
    """Converts lark's tree. A method is named after a rule of the grammar."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.nodes = 0

    def read(self, tree: Tree[Token], depth: int) -> Expr:
        self.nodes += 1
        meta = tree.meta
        start, end = meta.start_pos, meta.end_pos
        if self.nodes > LIMITS.expression_nodes:
            raise fault("FB204", f"the expression has more than {LIMITS.expression_nodes} parts", start, end)
        if depth > LIMITS.depth:
            raise fault("FB204", f"the expression is nested deeper than {LIMITS.depth}", start, end)
        rule = getattr(self, str(tree.data))
        node: Expr = rule(tree.children, start, end, depth + 1)
        return node

    def group(self, parts: list[Any], _start: int, _end: int, depth: int) -> Expr:
        return self.read(parts[0], depth)

    def condition(self, parts: list[Any], start: int, end: int, depth: int) -> Expr:
        test, then, otherwise = (self.read(part, depth) for part in parts)
        return Condition(start, end, test, then, otherwise)

    def logic_or(self, parts: list[Any], start: int, end: int, depth: int) -> Expr:
        return Logic(start, end, "or", self.read(parts[0], depth), self.read(parts[1], depth))

    def logic_and(self, parts: list[Any], start: int, end: int, depth: int) -> Expr:
        return Logic(start, end, "and", self.read(parts[0], depth), self.read(parts[1], depth))

    def negate(self, parts: list[Any], start: int, end: int, depth: int) -> Expr:
        return Not(start, end, self.read(parts[0], depth))

    def compare(self, parts: list[Any], start: int, end: int, depth: int) -> Expr:
        left, op, right = parts
        return Compare(start, end, op.value, self.read(left, depth), self.read(right, depth))

    def compare_in(self, parts: list[Any], start: int, end: int, depth: int) -> Expr:
        return Compare(start, end, "in", self.read(parts[0], depth), self.read(parts[1], depth))

    def compare_not_in(self, parts: list[Any], start: int, end: int, depth: int) -> Expr:
        return Compare(start, end, "not in", self.read(parts[0], depth), self.read(parts[1], depth))

    def is_test(self, parts: list[Any], start: int, end: int, depth: int) -> Expr:
        return make_is_test(parts[1].value, self.read(parts[0], depth), start, end)

    def is_not_test(self, parts: list[Any], start: int, end: int, depth: int) -> Expr:
        return Not(start, end, self.is_test(parts, start, end, depth))

    def arithmetic(self, parts: list[Any], start: int, end: int, depth: int) -> Expr:
        left, op, right = parts
        return Arithmetic(start, end, op.value, self.read(left, depth), self.read(right, depth))

    def negative(self, parts: list[Any], start: int, end: int, depth: int) -> Expr:
        return Negative(start, end, self.read(parts[1], depth))

    def pipe(self, parts: list[Any], start: int, end: int, depth: int) -> Expr:
        value = self.read(parts[0], depth)
        plain, named = self._arguments(parts[2] if len(parts) > 2 else None, depth)
        return Call(start, end, parts[1].value, (value, *plain), named, True)

    def call(self, parts: list[Any], start: int, end: int, depth: int) -> Expr:
        plain, named = self._arguments(parts[1], depth)
        return Call(start, end, parts[0].value, plain, named)

    def member(self, parts: list[Any], start: int, end: int, depth: int) -> Expr:
        key = parts[1]
        check_member(key.value, key.start_pos, key.end_pos)
        return Member(start, end, self.read(parts[0], depth), key.value)

    def item(self, parts: list[Any], start: int, end: int, depth: int) -> Expr:
        return make_item(self.read(parts[0], depth), self.read(parts[1], depth), start, end)

    def slice(self, parts: list[Any], start: int, end: int, depth: int) -> Expr:
        value = self.read(parts[0], depth)
        low, _, high = parts[1:]
        return Slice(start, end, value, low and self.read(low, depth), high and self.read(high, depth))

    def name(self, parts: list[Any], start: int, end: int, _depth: int) -> Expr:
        text = parts[0].value
        if text in LITERALS:
            return Constant(start, end, LITERALS[text])
        check_name(text, start, end)
        return Name(start, end, text)

    def number(self, parts: list[Any], start: int, end: int, _depth: int) -> Expr:
        return Constant(start, end, read_number(parts[0].value, start, end))

    def text(self, parts: list[Any], start: int, end: int, _depth: int) -> Expr:
        return Constant(start, end, read_text(parts[0].value, start))

    def list_literal(self, parts: list[Any], start: int, end: int, depth: int) -> Expr:
        return ListLiteral(start, end, tuple(self.read(part, depth) for part in parts if part is not None))

    def object_literal(self, parts: list[Any], start: int, end: int, depth: int) -> Expr:
        entries = []
        for entry in parts:
            if entry is None:
                continue
            key, value = entry.children
            text = read_text(key.value, key.start_pos) if key.type == "TEXT" else key.value
            check_key(text, key.start_pos, key.end_pos)
            entries.append((text, self.read(value, depth)))
        return ObjectLiteral(start, end, tuple(entries))

    def _arguments(self, tree: Tree[Token] | None, depth: int) -> tuple[tuple[Expr, ...], tuple[tuple[str, Expr], ...]]:
        plain: list[Expr] = []
        named: list[tuple[str, Expr]] = []
        for part in tree.children if tree is not None else ():
            argument: Any = part
            if argument.data == "named":
                key, value = argument.children
                named.append((key.value, self.read(value, depth)))
            elif named:
                raise fault(
                    "FB201",
                    "an argument without a name after one with a name",
                    argument.meta.start_pos,
                    argument.meta.end_pos,
                )
            else:
                plain.append(self.read(argument, depth))
        return tuple(plain), tuple(named)
