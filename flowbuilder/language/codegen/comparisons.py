"""Code for comparisons: an operator of Python where the operands allow it, a call that charges the meter otherwise."""

from __future__ import annotations

from typing import Final

from flowbuilder.language.codegen.code_context import CodeContext
from flowbuilder.language.codegen.lookups import GenerateExpr
from flowbuilder.language.nodes import Compare, Constant, Expr, ListLiteral, Member, Name
from flowbuilder.language.parsing.references import path_of

_ORDERS: Final = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"}
MAX_INLINE_DEPTH: Final = 20
"""Below this depth every operation is a plain call: Python parses at most 200 nested brackets."""
_SHORT: Final = 100
"""A list of fewer items is searched without a charge in an expression, which has no loops."""


class ComparisonGenerator:
    """Generates `==`, `!=`, `<`, `<=`, `>`, `>=`, `in` and `not in`."""

    def __init__(self, code: CodeContext, expression: GenerateExpr) -> None:
        self._code = code
        self._expression = expression

    def compare(self, node: Compare, depth: int) -> str:
        """The code of a comparison."""
        if node.op in _ORDERS:
            return self._order(node, depth)
        if node.op in ("==", "!="):
            return self._equal(node, depth)
        return self._contains(node, depth)

    def _order(self, node: Compare, depth: int) -> str:
        left, right = self._expression(node.left, depth), self._expression(node.right, depth)
        plain = f"{_ORDERS[node.op]}({self._code.lazy_meter()}, {{}}, {{}}){self._code.mark(node)}"
        numbers = _number_class(node.left), _number_class(node.right)
        if depth > MAX_INLINE_DEPTH or all(numbers):
            return plain.format(left, right)
        if any(numbers):
            literal_class, name = numbers[0] or numbers[1], self._code.temporary()
            text, names = (right, (left, name)) if numbers[0] else (left, (name, right))
            first, second = ("float", "int") if literal_class == "float" else ("int", "float")
            checks = f"({name} := {text}).__class__ is {first} or {name}.__class__ is {second}"
        else:
            one, two = names = self._code.temporary(), self._code.temporary()
            checks = f"({one} := {left}).__class__ is ({two} := {right}).__class__ is float"
            checks += f" or {one}.__class__ is {two}.__class__ is int"
        return f"({names[0]} {node.op} {names[1]} if {checks} else {plain.format(*names)})"

    def _equal(self, node: Compare, depth: int) -> str:
        left, right = node.left, node.right
        if isinstance(left, Constant):
            left, right = right, left
        negated = node.op == "!="
        if not isinstance(right, Constant) or isinstance(left, Constant):
            name = "unequal" if negated else "equal"
            sides = f"{self._expression(node.left, depth)}, {self._expression(node.right, depth)}"
            return f"{name}({self._code.lazy_meter()}, {sides}){self._code.mark(node)}"
        value, text = right.value, self._expression(left, depth)
        if value is None or value is True or value is False:
            if not isinstance(left, Name | Member):
                text = f"({self._code.temporary()} := {text})"  # Python warns of `1 is None`
            return f"({text} {'is not' if negated else 'is'} {value!r})"
        literal = self._code.key(value) if isinstance(value, str) else repr(value)
        if value not in (0, 1):
            return f"({text} {node.op} {literal})"
        # in Python, True == 1
        name = self._code.temporary()
        same = f"(({name} := {text}).__class__ is not bool and {name} == {literal})"
        return f"(not {same})" if negated else same

    def _contains(self, node: Compare, depth: int) -> str:
        if isinstance(node.right, ListLiteral) and _all_texts(node.right):
            table = self._code.constant(tuple(item.value for item in node.right.items if isinstance(item, Constant)))
            return f"({self._expression(node.left, depth)} {node.op} {table})"
        if self._code.has_loops or depth > MAX_INLINE_DEPTH:
            return self._charged(node, self._expression(node.left, depth), self._expression(node.right, depth))
        return self._search_short(node, depth)

    def _search_short(self, node: Compare, depth: int) -> str:
        """Search a short list with Python's `in`, which is exact where it finds nothing or finds a text."""
        kept = dict(self._code.shared)
        where, right = self._code.temporary(), self._expression(node.right, depth)
        after = dict(self._code.shared)
        item = self._code.temporary()
        if path_of(node.left) is None:
            # both sides are evaluated before either is judged, and the left one only once
            self._code.shared = kept
            left = self._expression(node.left, depth)
            right = self._expression(node.right, depth)
            plain = self._charged(node, item, where)
            both = f"(({item} := {left}).__class__ is str) & (({where} := {right}).__class__ is list)"
            return f"({item} {node.op} {where} if {both} and len({where}) < {_SHORT} else {plain})"
        left = self._expression(node.left, depth)
        self._code.shared = dict(after)
        again = self._charged(node, self._expression(node.left, depth), where)
        self._code.shared = after
        sure = self._charged(node, item, where)
        found = f"({item} := {left}) in {where} and ({item}.__class__ is str or {sure})"
        if node.op == "not in":
            found = f"({item} := {left}) not in {where} or ({item}.__class__ is not str and {sure})"
        return f"({found} if ({where} := {right}).__class__ is list and len({where}) < {_SHORT} else {again})"

    def _charged(self, node: Compare, item: str, where: str) -> str:
        name = "contains" if node.op == "in" else "excludes"
        return f"{name}({self._code.lazy_meter()}, {item}, {where}){self._code.mark(node)}"


def _number_class(node: Expr) -> str:
    """The class of a literal number, by name; empty for anything else."""
    value = node.value if isinstance(node, Constant) else None
    return type(value).__name__ if type(value) in (int, float) else ""


def _all_texts(node: ListLiteral) -> bool:
    return 0 < len(node.items) <= 64 and all(
        isinstance(item, Constant) and type(item.value) is str for item in node.items
    )
