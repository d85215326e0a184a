"""The syntax tree that both parsers make. Nodes are not changed once made; offsets are in the author's text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from msgspec import Struct

Operator = Literal["+", "-", "*", "/", "//", "%"]
Comparison = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in"]


class Node(Struct, eq=False):
    """A part of a text, from `start` up to but not including `end`."""

    start: int
    end: int


class Constant(Node):
    """`"text"`, `1`, `true`, `null`."""

    value: str | int | float | bool | None


class Name(Node):
    """`inputs`: a name in scope, or a variable of `set` or `for`."""

    name: str


class Member(Node):
    """`value.key`, `value["key"]`, `value[0]`: a lookup in data."""

    value: Expr
    key: str | int


class Item(Node):
    """`value[key]` with a computed key."""

    value: Expr
    key: Expr


class Slice(Node):
    """`value[low:high]`."""

    value: Expr
    low: Expr | None
    high: Expr | None


class ListLiteral(Node):
    """`[a, b]`."""

    items: tuple[Expr, ...]


class ObjectLiteral(Node):
    """`{a: 1, "b": 2}`; of two entries with the same key the last one wins."""

    entries: tuple[tuple[str, Expr], ...]


class Not(Node):
    """`!value`, `not value`."""

    value: Expr


class Negative(Node):
    """`-value`."""

    value: Expr


class Arithmetic(Node):
    """`left + right` and the other arithmetic operators."""

    op: Operator
    left: Expr
    right: Expr


class Compare(Node):
    """`left < right`, `left in right` and the other comparisons."""

    op: Comparison
    left: Expr
    right: Expr


class Logic(Node):
    """`left && right`, `left || right`: the value of the deciding side; short-circuit."""

    op: Literal["and", "or"]
    left: Expr
    right: Expr


class Condition(Node):
    """`test ? then : otherwise`, in a template `then if test else otherwise`."""

    test: Expr
    then: Expr
    otherwise: Expr


class Join(Node):
    """`a ~ b ~ c`: the printed values, joined."""

    parts: tuple[Expr, ...]


class Call(Node):
    """`name(a, b)`; `piped`: written as `a | name(b)`."""

    name: str
    arguments: tuple[Expr, ...]
    named: tuple[tuple[str, Expr], ...] = ()
    piped: bool = False


class Text(Node):
    """Literal text of a template."""

    text: str


class Output(Node):
    """`{{ value }}`."""

    value: Expr


class Set(Node):
    """`{% set name = value %}`."""

    name: str
    value: Expr


class If(Node):
    """`{% if %}`, each `{% elif %}`, and `{% else %}`."""

    branches: tuple[tuple[Expr, tuple[Statement, ...]], ...]
    otherwise: tuple[Statement, ...]


class For(Node):
    """`{% for name in list %}`, with its `{% else %}` for an empty list."""

    names: tuple[str, ...]
    iterable: Expr
    body: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


Expr: TypeAlias = (
    Constant | Name | Member | Item | Slice | ListLiteral | ObjectLiteral | Not | Negative | Arithmetic | Compare
    | Logic | Condition | Join | Call
)  # fmt: skip
Statement: TypeAlias = Text | Output | Set | If | For


def children(node: Expr) -> Iterator[Expr]:
    """The direct subexpressions of an expression, in evaluation order."""
    match node:
        case Member(value=value) | Not(value=value) | Negative(value=value):
            yield value
        case Item(value=value, key=key):
            yield value
            yield key
        case Slice(value=value, low=low, high=high):
            yield value
            yield from (edge for edge in (low, high) if edge is not None)
        case ListLiteral(items=items):
            yield from items
        case ObjectLiteral(entries=entries):
            yield from (value for _, value in entries)
        case Arithmetic(left=left, right=right) | Compare(left=left, right=right) | Logic(left=left, right=right):
            yield left
            yield right
        case Condition(test=test, then=then, otherwise=otherwise):
            yield from (test, then, otherwise)
        case Join(parts=parts):
            yield from parts
        case Call(arguments=arguments, named=named):
            yield from arguments
            yield from (value for _, value in named)


def expressions(statements: tuple[Statement, ...]) -> Iterator[Expr]:
    """The outermost expressions of statements, inner statements included."""
    for statement in statements:
        match statement:
            case Output(value=value) | Set(value=value):
                yield value
            case If(branches=branches, otherwise=otherwise):
                for test, body in branches:
                    yield test
                    yield from expressions(body)
                yield from expressions(otherwise)
            case For(iterable=iterable, body=body, otherwise=otherwise):
                yield iterable
                yield from expressions(body)
                yield from expressions(otherwise)


def walk(node: Expr) -> Iterator[Expr]:
    """An expression and all its subexpressions."""
    yield node
    for inner in children(node):
        yield from walk(inner)
