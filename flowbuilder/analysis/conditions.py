"""Conditions in a normal form, so that equal ones compare equal: `a and b > 1` is `1 < b && a`."""

from __future__ import annotations

import json
from functools import lru_cache

from flowbuilder.errors import LanguageError
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
from flowbuilder.language.parsing.references import NamePath, paths_found_by

_NEGATED = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", "<=": ">", ">": "<=", "in": "not in", "not in": "in"}
_SWAPPED = {">": "<", ">=": "<="}


@lru_cache(maxsize=4096)
def conjuncts(condition: Expression) -> frozenset[str]:
    """The conditions that must all hold for this one to hold, each in normal form."""
    return frozenset(_conjuncts(_tree(condition), True))


@lru_cache(maxsize=4096)
def defined_paths(condition: Expression, *, holds: bool = True) -> frozenset[NamePath]:
    """The paths that are certainly defined where the condition holds (or, with `holds=False`, where it does not)."""
    return paths_found_by(_tree(condition), holds=holds)


def constant_value(condition: Expression) -> bool | None:
    """Whether a condition is always true or always false; None where it depends on something, or fails."""
    if condition.references:
        return None
    try:
        return bool(condition.evaluate({}))
    except LanguageError:
        return None


def _tree(condition: Expression) -> Expr:
    tree = condition._program.expression
    assert tree is not None  # a bare expression always has one
    return tree


def _conjuncts(node: Expr, holds: bool) -> list[str]:
    match node:
        case Not(value=value):
            return _conjuncts(value, not holds)
        case Logic(op=op, left=left, right=right) if (op == "and") == holds:
            return _conjuncts(left, holds) + _conjuncts(right, holds)
    return [_normal_form(node, holds)]


def _normal_form(node: Expr, holds: bool = True) -> str:
    """The condition, or its negation, in normal form."""
    match node:
        case Not(value=value):
            return _normal_form(value, not holds)
        case Compare(op=op, left=left, right=right):
            name: str = op if holds else _NEGATED[op]
            first, second = _canonical(left), _canonical(right)
            if name in _SWAPPED or (name in ("==", "!=") and second < first):
                name, first, second = _SWAPPED.get(name, name), second, first
            return f"{first} {name} {second}"
        case Logic(op=op, left=left, right=right):
            word = " && " if (op == "and") == holds else " || "
            return f"({word.join(sorted((_normal_form(left, holds), _normal_form(right, holds))))})"
    return _canonical(node) if holds else f"!{_canonical(node)}"


def _canonical(node: Expr) -> str:
    match node:
        case Constant(value=value):
            return json.dumps(value)
        case Name(name=name):
            return name
        case Member(value=value, key=key):
            return f"{_canonical(value)}[{json.dumps(key)}]"
        case Item(value=value, key=key):
            return f"{_canonical(value)}[{_canonical(key)}]"
        case Slice(value=value, low=low, high=high):
            return f"{_canonical(value)}[{_canonical(low) if low else ''}:{_canonical(high) if high else ''}]"
        case ListLiteral(items=items):
            return f"[{', '.join(map(_canonical, items))}]"
        case ObjectLiteral(entries=entries):
            return f"{{{', '.join(f'{json.dumps(key)}: {_canonical(value)}' for key, value in entries)}}}"
        case Negative(value=value):
            return f"-{_canonical(value)}"
        case Arithmetic(op=op, left=left, right=right):
            return f"({_canonical(left)} {op} {_canonical(right)})"
        case Condition(test=test, then=then, otherwise=otherwise):
            return f"({_normal_form(test)} ? {_canonical(then)} : {_canonical(otherwise)})"
        case Join(parts=joined):
            return f"({' ~ '.join(map(_canonical, joined))})"
        case Call(name=name, arguments=arguments, named=named):
            own = FUNCTIONS[name].name if name in FUNCTIONS else name
            given = [
                *map(_canonical, arguments),
                *(f"{key}={_canonical(value)}" for key, value in sorted(named, key=_first)),
            ]
            return f"{own}({', '.join(given)})"
        case Not() | Compare() | Logic():
            return f"({_normal_form(node)})"


def _first(pair: tuple[str, Expr]) -> str:
    return pair[0]
