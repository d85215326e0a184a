"""A reference interpreter of the syntax tree: the generated code must give the same results."""

from __future__ import annotations

from typing import Any

from flowbuilder.errors import LanguageError
from flowbuilder.language.codegen.runtime import fits
from flowbuilder.language.evaluation import operators as op
from flowbuilder.language.evaluation import printing
from flowbuilder.language.evaluation.functions import FUNCTIONS
from flowbuilder.language.evaluation.operators import MISSING
from flowbuilder.language.limits import Meter
from flowbuilder.language.nodes import (
    Arithmetic,
    Call,
    Compare,
    Condition,
    Constant,
    Expr,
    For,
    If,
    Item,
    Join,
    ListLiteral,
    Logic,
    Member,
    Name,
    Negative,
    Not,
    ObjectLiteral,
    Output,
    Set,
    Slice,
    Statement,
    Text,
)

BINARY: dict[str, Any] = {
    "+": op.add,
    "-": op.subtract,
    "*": op.multiply,
    "/": op.divide,
    "//": op.floor_divide,
    "%": op.modulo,
    "==": op.equal,
    "!=": op.unequal,
    "<": op.less,
    "<=": op.less_equal,
    ">": op.greater,
    ">=": op.greater_equal,
    "in": op.contains,
    "not in": op.excludes,
}


class ReferenceInterpreter:
    """A tree-walking interpreter; missing values are found by lookups, never by exceptions of Python."""

    def __init__(self, context: dict[str, Any]) -> None:
        self.scopes: list[dict[str, Any]] = [context]
        self.meter = Meter()

    def value(self, node: Expr) -> Any:
        found = self.soft(node)
        if found is MISSING:
            raise op.undefined("missing")
        return found

    def soft(self, node: Expr) -> Any:
        match node:
            case Name(name=name):
                return next((scope[name] for scope in reversed(self.scopes) if name in scope), MISSING)
            case Member(value=value, key=key):
                return op.soft_item(self.soft(value), key)
            case Item(value=value, key=key):
                return op.soft_item(self.soft(value), self.value(key))
            case Condition(test=test, then=then, otherwise=otherwise):
                return self.soft(then if self.value(test) else otherwise)
        return self.other(node)

    def other(self, node: Expr) -> Any:
        match node:
            case Constant(value=value):
                return value
            case Slice(value=value, low=low, high=high):
                edges = [None if edge is None else self.value(edge) for edge in (low, high)]
                return op.cut(self.meter, self.value(value), *edges)
            case ListLiteral(items=items):
                return [self.value(item) for item in items]
            case ObjectLiteral(entries=entries):
                return {key: self.value(value) for key, value in entries}
            case Not(value=value):
                return not self.value(value)
            case Negative(value=value):
                return op.negate(self.meter, self.value(value))
            case Arithmetic(op=sign, left=left, right=right) | Compare(op=sign, left=left, right=right):
                return BINARY[sign](self.meter, self.value(left), self.value(right))
            case Logic(op=sign, left=left, right=right):
                first = self.value(left)
                return self.value(right) if bool(first) == (sign == "and") else first
            case Join(parts=parts):
                return printing.join(self.meter, *[self.value(part) for part in parts])
            case Call():
                return self.call(node)
        raise AssertionError(node)

    def call(self, node: Call) -> Any:
        function = FUNCTIONS[node.name]
        given = list(function.bind(node))
        if function.name == "is_defined":
            return self.soft(given[0][1]) is not MISSING
        if function.name in ("default", "coalesce"):
            for _, argument in given if function.name == "coalesce" else given[:1]:
                found = self.soft(argument)
                if found is not MISSING and found is not None:
                    return found
            if function.name == "coalesce":
                return None
            return self.value(given[1][1]) if len(given) > 1 else ""
        named = {}
        for parameter, argument in given:
            value = self.value(argument)
            if not fits(value, parameter):
                raise op.wrong("an argument does not fit")
            named[parameter.name] = value
        names = function.run.__code__.co_varnames
        return function.run(
            self.meter, **{name if name in names else name + "_": value for name, value in named.items()}
        )

    def render(self, statements: tuple[Statement, ...]) -> str:
        return "".join(self.printed(statements))

    def printed(self, statements: tuple[Statement, ...]) -> list[str]:
        out: list[str] = []
        for statement in statements:
            match statement:
                case Text(text=text):
                    out.append(text)
                case Output(value=value):
                    out.append(printing.text(self.meter, self.value(value)))
                case Set(name=name, value=value):
                    self.scopes[-1][name] = self.value(value)
                case If(branches=branches, otherwise=otherwise):
                    chosen = next((body for test, body in branches if self.value(test)), otherwise)
                    out += self.printed(chosen)
                case For():
                    out += self.looped(statement)
        return out

    def looped(self, node: For) -> list[str]:
        rows = self.value(node.iterable)
        op.iterate(self.meter, rows, 1)
        out: list[str] = []
        for index, row in enumerate(rows):
            values = [row] if len(node.names) == 1 else row
            if not isinstance(values, list) or len(values) != len(node.names):
                raise op.wrong("a loop with several names needs lists")
            count = len(rows)
            loop = {
                "index": index + 1,
                "index0": index,
                "first": index == 0,
                "last": index == count - 1,
                "length": count,
                "revindex": count - index,
                "revindex0": count - index - 1,
            }
            self.scopes.append({**dict(zip(node.names, values, strict=True)), "loop": loop})
            out += self.printed(node.body)
            self.scopes.pop()
        if not rows:
            self.scopes.append({})
            out += self.printed(node.otherwise)
            self.scopes.pop()
        return out


def outcome_of(run: Any) -> tuple[str, Any]:
    """The result of a call, or the code of its error."""
    try:
        return "value", run()
    except LanguageError as error:
        return "error", error.code
