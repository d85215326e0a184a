"""What `value[key]` means: a member where the key is written out, a lookup with a computed key otherwise."""

from __future__ import annotations

from flowbuilder.language.names import check_key, fault
from flowbuilder.language.nodes import Constant, Expr, Item, Member, Negative


def item(value: Expr, key: Expr, start: int, end: int) -> Expr:
    """`value[key]`: a `Member` where the key is a literal text or whole number."""
    if isinstance(key, Negative) and isinstance(key.value, Constant) and type(key.value.value) is int:
        return Member(start, end, value, -key.value.value)
    if isinstance(key, Constant):
        literal = key.value
        if type(literal) is str:
            check_key(literal, key.start, key.end)
            return Member(start, end, value, literal)
        if type(literal) is int:
            return Member(start, end, value, literal)
        raise fault("FB203", "a key is a text or a whole number", key.start, key.end)
    return Item(start, end, value, key)
