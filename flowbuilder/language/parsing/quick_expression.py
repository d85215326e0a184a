"""Reads the usual expressions without a parser generator, and declines everything else.

What it reads it reads as the full parsers do, to the last offset (a test compares them); whatever is unusual, wrong or
large is left to them. That makes a definition of a thousand steps load fifteen times faster.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flowbuilder.language.names import LITERALS, NEVER_ROOTS
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
)
from flowbuilder.language.parsing.is_expressions import TESTS, test_call
from flowbuilder.language.parsing.items import item
from flowbuilder.language.parsing.quick_tokens import END, RESERVED, Declined, Token, scan

_POWERS: Final = {
    "or": 1, "||": 1, "and": 2, "&&": 2, "==": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4, "in": 4, "not": 4, "is": 4,
    "+": 5, "-": 5, "*": 6, "/": 6, "%": 6,
}  # fmt: skip
_SAME: Final = {"||": "or", "&&": "and"}
_MAKES: Final[dict[int, Callable[..., Expr]]] = {1: Logic, 2: Logic, 4: Compare, 5: Arithmetic, 6: Arithmetic}
_DEEPEST: Final = 16

Read = tuple[Any, int, int]
"""A node, and where it begins and ends with the brackets around it."""


def read_expression(source: str) -> tuple[Expr, list[Call]] | None:
    """The tree of a bare expression and the calls in it, or None."""
    try:
        tokens, end = scan(source, 0, ())
        if source[end:].strip(" \t\n"):
            return None
        calls: list[Call] = []
        return Quick(tokens, calls, template=False).whole(), calls
    except Declined:
        return None


class Quick:
    """Reads one expression from its tokens. In templates, jinja's rules hold; elsewhere those of the grammar."""

    def __init__(self, tokens: list[Token], calls: list[Call], *, template: bool) -> None:
        self.tokens = [*tokens, END]
        self.calls = calls
        self.template = template
        self.at = 0
        self.depth = 0

    def whole(self) -> Expr:
        """The expression that all tokens together are."""
        node: Expr = self.read()[0]
        if self.tokens[self.at] is not END:
            raise Declined
        return node

    def read(self) -> Read:
        """One expression."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Declined
        test = self._binary(1)
        if not self.template and self._sign("?"):
            then = self.read()
            if not self._sign(":"):
                raise Declined
            otherwise = self.read()
            node = Condition(test[1], otherwise[2], test[0], then[0], otherwise[0])
            test = (node, test[1], otherwise[2])
        self.depth -= 1
        return test

    def _sign(self, sign: str) -> bool:
        if self.tokens[self.at][1] == sign:
            self.at += 1
            return True
        return False

    def _span(self, left: Read, right: Read) -> tuple[int, int]:
        # jinja's nodes know nothing of the brackets around them
        return (left[0].start, right[0].end) if self.template else (left[1], right[2])

    def _binary(self, power: int) -> Read:
        """An operand and the operators after it that bind at least as tightly as `power`."""
        _, text, start, _ = self.tokens[self.at]
        if text == "not" and power <= 3:
            self.at += 1
            value = self._binary(3)
            left: Read = (Not(start, value[0].end if self.template else value[2], value[0]), start, value[2])
        elif text == "!" and not self.template:
            left = self._inverse(start)
        else:
            left = self._piped()
        compared = False
        while True:
            op: Any = self.tokens[self.at][1]
            binds = _POWERS.get(op, 0)
            if binds < power or binds == 0:
                return left
            self.at += 1
            if binds == 4:
                if compared:
                    raise Declined
                compared = True
                if op == "is":
                    left = self._is(left)
                    continue
                if op == "not":
                    if not self._sign("in"):
                        raise Declined
                    op = "not in"
            elif self.template and op in ("&&", "||"):
                raise Declined
            right = self._binary(binds + 1)
            make = _MAKES[binds]
            left = (make(*self._span(left, right), _SAME.get(op, op), left[0], right[0]), left[1], right[2])

    def _inverse(self, start: int) -> Read:
        self.at += 1
        _, text, inner, _ = self.tokens[self.at]
        value = self._inverse(inner) if text == "!" else self._piped()
        return Not(start, value[2], value[0]), start, value[2]

    def _is(self, value: Read) -> Read:
        negated = self._sign("not")
        kind, name, _, end = self.tokens[self.at]
        self.at += 1
        if kind != "name" or name not in TESTS:
            raise Declined
        start = value[0].start if self.template else value[1]
        node = test_call(name, value[0], start, end)
        return (Not(start, end, node) if negated else node), value[1], end

    def _piped(self) -> Read:
        value = self._unary()
        while True:
            if self._sign("|"):
                kind, name, _, end = self.tokens[self.at]
                if kind != "name" or name in RESERVED:
                    raise Declined
                self.at += 1
                plain, named, end = self._arguments(end) if self._sign("(") else ((), (), end)
                if self.tokens[self.at][1] in (".", "["):
                    raise Declined
                start = value[0].start if self.template else value[1]
                call = Call(start, end, name, (value[0], *plain), named, True)
                self.calls.append(call)
                value = (call, value[1], end)
            elif self.template and self._sign("is"):
                value = self._is(value)
                kind, text, _, _ = self.tokens[self.at]
                if kind in ("name", "number", "text") and text not in ("and", "or"):
                    raise Declined
                if kind == "sign" and text in ("(", "[", ".", "|"):
                    raise Declined
            else:
                return value

    def _unary(self) -> Read:
        start = self.tokens[self.at][2]
        if not self._sign("-"):
            return self._postfix()
        value = self._unary()
        return Negative(start, value[0].end if self.template else value[2], value[0]), start, value[2]

    def _postfix(self) -> Read:
        value, start, end = self._atom()
        while True:
            if self._sign("."):
                kind, key, _, end = self.tokens[self.at]
                if kind != "name" or key[0] == "_":
                    raise Declined
                self.at += 1
                value = Member(value.start if self.template else start, end, value, key)
            elif self._sign("["):
                key = self.read()[0]
                end = self.tokens[self.at][3]
                if not self._sign("]") or not _is_key(key):
                    raise Declined
                value = item(value, key, value.start if self.template else start, end)
            elif self.tokens[self.at][1] == "(":
                raise Declined
            else:
                return value, start, end

    def _atom(self) -> Read:
        kind, text, start, end = self.tokens[self.at]
        self.at += 1
        if kind == "name":
            return self._named(text, start, end)
        if kind == "text":
            return Constant(start, end, text[1:-1]), start, end
        if kind == "number":
            return Constant(start, end, float(text) if "." in text else int(text)), start, end
        if kind == "sign" and text == "(":
            inner = self.read()
            end = self.tokens[self.at][3]
            if not self._sign(")"):
                raise Declined
            return inner[0], start, end
        if kind == "sign" and text == "[":
            items: list[Expr] = []
            while not self._sign("]"):
                if items and not self._sign(","):
                    raise Declined
                items.append(self.read()[0])
            end = self.tokens[self.at - 1][3]
            return ListLiteral(start, end, tuple(items)), start, end
        raise Declined

    def _named(self, name: str, start: int, end: int) -> Read:
        if name in RESERVED:
            raise Declined
        if self._sign("("):
            plain, named, end = self._arguments(end)
            call = Call(start, end, name, plain, named)
            self.calls.append(call)
            return call, start, end
        if name in LITERALS:
            return Constant(start, end, LITERALS[name]), start, end
        if name[0] == "_" or name in NEVER_ROOTS:
            raise Declined
        return Name(start, end, name), start, end

    def _arguments(self, end: int) -> tuple[tuple[Expr, ...], tuple[tuple[str, Expr], ...], int]:
        plain: list[Expr] = []
        named: list[tuple[str, Expr]] = []
        while not self._sign(")"):
            if (plain or named) and not self._sign(","):
                raise Declined
            kind, name, _, _ = self.tokens[self.at]
            if kind == "name" and self.tokens[self.at + 1][1] == "=":
                self.at += 2
                named.append((name, self.read()[0]))
            elif named:
                raise Declined
            else:
                plain.append(self.read()[0])
        return tuple(plain), tuple(named), self.tokens[self.at - 1][3]


def _is_key(key: Expr) -> bool:
    return isinstance(key, Constant) and (
        type(key.value) is int or (isinstance(key.value, str) and not key.value.startswith("_"))
    )
