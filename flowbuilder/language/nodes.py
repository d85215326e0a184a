"""The syntax tree, which both parsers make and the checker and the generator read. Offsets are in the author's text."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import get_annotations
from typing import Any, Literal, TypeAlias, dataclass_transform

Operator = Literal["+", "-", "*", "/", "//", "%"]
Comparison = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in"]


@dataclass_transform(frozen_default=True)
class Fields:
    """A subclass is a record of what it annotates.

    Not a dataclass, for speed: twenty of those take as long to define as everything else here takes to import, and
    frozen ones are five times slower to make.
    """

    __match_args__: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        names = (*cls.__match_args__, *get_annotations(cls))
        cls.__match_args__ = names  # type: ignore[misc]
        given = ", ".join(name + ("=" + repr(getattr(cls, name)) if hasattr(cls, name) else "") for name in names)
        scope: dict[str, Any] = {}
        body = "; ".join(f"self.{name} = {name}" for name in names)
        exec(f"def __init__(self, {given}): {body}", scope)  # noqa: S102 - names of fields in this file
        cls.__init__ = scope["__init__"]  # type: ignore[method-assign]

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())})"


class Node(Fields):
    """A part of a text, from `start` up to and without `end`."""

    start: int
    end: int


class Constant(Node):
    """`"text"`, `1`, `true`, `null`."""

    value: str | int | float | bool | None


class Name(Node):
    """`inputs`: a name in scope, or one made by `set` or `for`."""

    name: str


class Member(Node):
    """`value.key`, `value["key"]`, `value[0]`: a lookup in data and nothing else."""

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
    """`{a: 1, "b": 2}`; of two entries with the same key the last one counts."""

    entries: tuple[tuple[str, Expr], ...]


class Not(Node):
    """`!value`, `not value`."""

    value: Expr


class Negative(Node):
    """`-value`."""

    value: Expr


class Arithmetic(Node):
    """`left + right` and its like."""

    op: Operator
    left: Expr
    right: Expr


class Compare(Node):
    """`left < right`, `left in right` and their like."""

    op: Comparison
    left: Expr
    right: Expr


class Logic(Node):
    """`left && right`, `left || right`: the value of the side that decides; the right one only if it is needed."""

    op: Literal["and", "or"]
    left: Expr
    right: Expr


class Condition(Node):
    """`test ? then : otherwise`, in a template `then if test else otherwise`."""

    test: Expr
    then: Expr
    otherwise: Expr


class Join(Node):
    """`a ~ b ~ c`: how the values print, one after the other."""

    parts: tuple[Expr, ...]


class Call(Node):
    """`name(a, b)`, or `a | name(b)` where it is `piped`."""

    name: str
    arguments: tuple[Expr, ...]
    named: tuple[tuple[str, Expr], ...] = ()
    piped: bool = False


class Text(Node):
    """What a template says as it stands."""

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
    """`{% for name in list %}`, and its `{% else %}` for an empty list."""

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
    """The expressions directly inside an expression, in the order in which they stand."""
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
    """Every expression that stands directly in a statement, those of inner statements included."""
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
    """An expression and all expressions inside it."""
    yield node
    for inner in children(node):
        yield from walk(inner)
