"""Whether a text hands on what it reads as it is: an approval of certain bytes holds for nothing else."""

from __future__ import annotations

from flowbuilder.language import Expression, Template
from flowbuilder.language.evaluation.functions import FUNCTIONS
from flowbuilder.language.nodes import Call, Condition, Constant, Expr, Item, Logic, Member, Name

_KEEPS = frozenset(("default", "coalesce", "same", "first", "plucked"))
"""What functions give that only choose among what they get: see `gives` in the registry."""


def is_verbatim(text: Template | Expression) -> bool:
    """Whether the value is one of those that the text reads, a part of one, or a constant: chosen, never changed."""
    tree = text._program.expression
    return tree is not None and _kept(tree)


def _kept(node: Expr) -> bool:
    match node:
        case Constant() | Name():
            return True
        case Member(value=value) | Item(value=value):
            return _kept(value)
        case Logic(left=left, right=right):
            return _kept(left) and _kept(right)
        case Condition(then=then, otherwise=otherwise):
            return _kept(then) and _kept(otherwise)
        case Call(name=name, arguments=arguments):
            keeps = name in FUNCTIONS and FUNCTIONS[name].gives in _KEEPS
            return keeps and bool(arguments) and all(_kept(argument) for argument in arguments)
    return False
