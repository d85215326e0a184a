"""What a condition says, whatever way it is written: `a and b > 1` says the same as `1 < b && a`."""

from __future__ import annotations

import json
from functools import lru_cache

from flowbuilder.language.api import Expression
from flowbuilder.language.evaluation.functions import FUNCTIONS
from flowbuilder.language.nodes import (
    Arithmetic,
    Call,
    Compare,
    Condition,
    Constant,
    Expr,
    Item,
    Join,
    ListLiteral,
    Logic,
    Member,
    Name,
    Negative,
    Not,
    ObjectLiteral,
    Slice,
)
from flowbuilder.language.parsing.references import Path, paths_found_by

_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", "<=": ">", ">": "<=", "in": "not in", "not in": "in"}
_TURNED = {">": "<", ">=": "<="}


@lru_cache(maxsize=4096)
def parts(condition: Expression) -> frozenset[str]:
    """The conditions that must all hold for this one to hold, each in one spelling."""
    return frozenset(_parts(_tree(condition), True))


@lru_cache(maxsize=4096)
def there(condition: Expression, *, holds: bool = True) -> frozenset[Path]:
    """The paths that are certainly there where the condition holds (or where it does not)."""
    return paths_found_by(_tree(condition), holds=holds)


def _tree(condition: Expression) -> Expr:
    tree = condition._program.expression
    assert tree is not None  # a bare expression always has one
    return tree


def _parts(node: Expr, holds: bool) -> list[str]:
    match node:
        case Not(value=value):
            return _parts(value, not holds)
        case Logic(op=op, left=left, right=right) if (op == "and") == holds:
            return _parts(left, holds) + _parts(right, holds)
    return [_spelled(node, holds)]


def _spelled(node: Expr, holds: bool = True) -> str:
    """The condition, or its opposite, in one spelling."""
    match node:
        case Not(value=value):
            return _spelled(value, not holds)
        case Compare(op=op, left=left, right=right):
            name: str = op if holds else _OPPOSITE[op]
            first, second = _value(left), _value(right)
            if name in _TURNED or (name in ("==", "!=") and second < first):
                name, first, second = _TURNED.get(name, name), second, first
            return f"{first} {name} {second}"
        case Logic(op=op, left=left, right=right):
            word = " && " if (op == "and") == holds else " || "
            return f"({word.join(sorted((_spelled(left, holds), _spelled(right, holds))))})"
    return _value(node) if holds else f"!{_value(node)}"


def _value(node: Expr) -> str:
    match node:
        case Constant(value=value):
            return json.dumps(value)
        case Name(name=name):
            return name
        case Member(value=value, key=key):
            return f"{_value(value)}[{json.dumps(key)}]"
        case Item(value=value, key=key):
            return f"{_value(value)}[{_value(key)}]"
        case Slice(value=value, low=low, high=high):
            return f"{_value(value)}[{_value(low) if low else ''}:{_value(high) if high else ''}]"
        case ListLiteral(items=items):
            return f"[{', '.join(map(_value, items))}]"
        case ObjectLiteral(entries=entries):
            return f"{{{', '.join(f'{json.dumps(key)}: {_value(value)}' for key, value in entries)}}}"
        case Negative(value=value):
            return f"-{_value(value)}"
        case Arithmetic(op=op, left=left, right=right):
            return f"({_value(left)} {op} {_value(right)})"
        case Condition(test=test, then=then, otherwise=otherwise):
            return f"({_spelled(test)} ? {_value(then)} : {_value(otherwise)})"
        case Join(parts=joined):
            return f"({' ~ '.join(map(_value, joined))})"
        case Call(name=name, arguments=arguments, named=named):
            own = FUNCTIONS[name].name if name in FUNCTIONS else name
            given = [*map(_value, arguments), *(f"{key}={_value(value)}" for key, value in sorted(named, key=_first))]
            return f"{own}({', '.join(given)})"
        case Not() | Compare() | Logic():
            return f"({_spelled(node)})"


def _first(pair: tuple[str, Expr]) -> str:
    return pair[0]
