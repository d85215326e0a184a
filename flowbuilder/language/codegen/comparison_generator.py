"""Comparisons become native ones where both sides are known to be fit for it, and charged calls otherwise."""

from __future__ import annotations

from typing import Final

from flowbuilder.language.codegen.lookup_generator import LookupGenerator
from flowbuilder.language.nodes import Compare, Constant, Expr, ListLiteral, Member, Name
from flowbuilder.language.parsing.references import path_of

ORDERS: Final = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"}
DEEP: Final = 20
"""Below this depth everything is a plain call: Python reads no more than 200 brackets inside each other."""
SHORT: Final = 100
"""A list of fewer items is searched without a charge, where nothing is repeated."""


class ComparisonGenerator(LookupGenerator):
    """`==`, `<`, `in` and their like."""

    def _compare(self, node: Compare, depth: int) -> str:
        if node.op in ORDERS:
            return self._order(node, depth)
        if node.op in ("==", "!="):
            return self._equal(node, depth)
        return self._contains(node, depth)

    def _order(self, node: Compare, depth: int) -> str:
        left, right = self.expression(node.left, depth), self.expression(node.right, depth)
        plain = f"{ORDERS[node.op]}({self.spare_meter()}, {{}}, {{}}){self.at(node)}"
        numbers = _number(node.left), _number(node.right)
        if depth > DEEP or all(numbers):
            return plain.format(left, right)
        if any(numbers):
            literal_class, name = numbers[0] or numbers[1], self.temporary()
            text, names = (right, (left, name)) if numbers[0] else (left, (name, right))
            first, second = ("float", "int") if literal_class == "float" else ("int", "float")
            checks = f"({name} := {text}).__class__ is {first} or {name}.__class__ is {second}"
        else:
            one, two = names = self.temporary(), self.temporary()
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
            sides = f"{self.expression(node.left, depth)}, {self.expression(node.right, depth)}"
            return f"{name}({self.spare_meter()}, {sides}){self.at(node)}"
        value, text = right.value, self.expression(left, depth)
        if value is None or value is True or value is False:
            if not isinstance(left, Name | Member):
                text = f"({self.temporary()} := {text})"  # Python warns of `1 is None`
            return f"({text} {'is not' if negated else 'is'} {value!r})"
        literal = self.key(value) if isinstance(value, str) else repr(value)
        if value not in (0, 1):
            return f"({text} {node.op} {literal})"
        # Python finds that true is 1
        name = self.temporary()
        kept = f"(({name} := {text}).__class__ is not bool and {name} == {literal})"
        return f"(not {kept})" if negated else kept

    def _contains(self, node: Compare, depth: int) -> str:
        if isinstance(node.right, ListLiteral) and _texts(node.right):
            table = self.constant(tuple(item.value for item in node.right.items if isinstance(item, Constant)))
            return f"({self.expression(node.left, depth)} {node.op} {table})"
        if self.repeats or depth > DEEP:
            return self._call_of(node, self.expression(node.left, depth), self.expression(node.right, depth))
        return self._short(node, depth)

    def _short(self, node: Compare, depth: int) -> str:
        """Look into a short list at once: what Python does not find there is not there, and a text that it finds is."""
        kept = dict(self.shared)
        where, right = self.temporary(), self.expression(node.right, depth)
        after = dict(self.shared)
        item = self.temporary()
        if path_of(node.left) is None:
            # both sides are evaluated before either is judged, and the left one only once
            self.shared = kept
            left = self.expression(node.left, depth)
            right = self.expression(node.right, depth)
            plain = self._call_of(node, item, where)
            both = f"(({item} := {left}).__class__ is str) & (({where} := {right}).__class__ is list)"
            return f"({item} {node.op} {where} if {both} and len({where}) < {SHORT} else {plain})"
        left = self.expression(node.left, depth)
        self.shared = dict(after)
        again = self._call_of(node, self.expression(node.left, depth), where)
        self.shared = after
        sure = self._call_of(node, item, where)
        found = f"({item} := {left}) in {where} and ({item}.__class__ is str or {sure})"
        if node.op == "not in":
            found = f"({item} := {left}) not in {where} or ({item}.__class__ is not str and {sure})"
        return f"({found} if ({where} := {right}).__class__ is list and len({where}) < {SHORT} else {again})"

    def _call_of(self, node: Compare, item: str, where: str) -> str:
        name = "contains" if node.op == "in" else "excludes"
        return f"{name}({self.spare_meter()}, {item}, {where}){self.at(node)}"


def _number(node: Expr) -> str:
    """The class of a literal number, by name; empty for anything else."""
    value = node.value if isinstance(node, Constant) else None
    return type(value).__name__ if type(value) in (int, float) else ""


def _texts(node: ListLiteral) -> bool:
    return 0 < len(node.items) <= 64 and all(
        isinstance(item, Constant) and type(item.value) is str for item in node.items
    )
