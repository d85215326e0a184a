"""An expression of the syntax tree becomes the text of a Python expression that charges before it works.

The text holds no author's words: constants stand in a table, names are numbered, and keys are put into the compiled
code afterwards. After each operation that can fail stands `#n` and a line end: the number of its node, which is how an
error finds its place.
"""

from __future__ import annotations

from typing import Final

from flowbuilder.language.codegen.call_generator import CallGenerator
from flowbuilder.language.nodes import (
    Arithmetic,
    Condition,
    Constant,
    Join,
    ListLiteral,
    Logic,
    Negative,
    Not,
    ObjectLiteral,
    Slice,
)

ARITHMETIC: Final = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "//": "floor_divide", "%": "modulo"}


class Generator(CallGenerator):
    """One method for each kind of node: `_logic` makes the text of a `Logic`."""

    def _constant(self, node: Constant, _depth: int) -> str:
        value = node.value
        return repr(value) if not isinstance(value, str) else self.constant(value)

    def _slice(self, node: Slice, depth: int) -> str:
        edges = (self.expression(edge, depth) if edge is not None else "None" for edge in (node.low, node.high))
        return f"cut({self.meter()}, {self.expression(node.value, depth)}, {', '.join(edges)}){self.at(node)}"

    def _listliteral(self, node: ListLiteral, depth: int) -> str:
        if not node.items:
            return "[]"
        items = ", ".join(self.expression(item, depth) for item in node.items)
        if not self.repeats:
            return f"[{items}]"
        return f"make_list({self.meter()}, {items}){self.at(node)}"

    def _objectliteral(self, node: ObjectLiteral, depth: int) -> str:
        entries = ", ".join(f"{self.constant(key)}: {self.expression(value, depth)}" for key, value in node.entries)
        if not self.repeats or not entries:
            return f"{{{entries}}}"
        return f"make_object({self.meter()}, {{{entries}}}){self.at(node)}"

    def _not(self, node: Not, depth: int) -> str:
        return f"(not {self.expression(node.value, depth)})"

    def _negative(self, node: Negative, depth: int) -> str:
        if isinstance(node.value, Constant) and type(node.value.value) in (int, float):
            return f"({-node.value.value!r})"  # type: ignore[operator]
        return f"negate(None, {self.expression(node.value, depth)}){self.at(node)}"

    def _arithmetic(self, node: Arithmetic, depth: int) -> str:
        meter = self.meter() if node.op == "+" else "None"
        left, right = self.expression(node.left, depth), self.expression(node.right, depth)
        return f"{ARITHMETIC[node.op]}({meter}, {left}, {right}){self.at(node)}"

    def _logic(self, node: Logic, depth: int) -> str:
        return f"({self.expression(node.left, depth)} {node.op} {self._perhaps(node.right, depth)})"

    def _condition(self, node: Condition, depth: int) -> str:
        test = self.expression(node.test, depth)
        return f"({self._perhaps(node.then, depth)} if {test} else {self._perhaps(node.otherwise, depth)})"

    def _join(self, node: Join, depth: int) -> str:
        return f"join({self.meter()}, {', '.join(self.expression(part, depth) for part in node.parts)}){self.at(node)}"
