"""The code of an expression: a Python expression that charges the meter before it works.

After each operation that can fail stands a mark, `#n` and a newline: the number of its node. An error of Python is
reported at the node of the line in which it was raised.
"""

from __future__ import annotations

from typing import Final

from flowbuilder.language.codegen.calls import CallGenerator
from flowbuilder.language.codegen.code_context import CodeContext
from flowbuilder.language.codegen.comparisons import ComparisonGenerator
from flowbuilder.language.codegen.lookups import LookupGenerator, repeated_paths
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
    walk,
)

_ARITHMETIC: Final = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "//": "floor_divide", "%": "modulo"}


def generate_expression(node: Expr) -> tuple[CodeContext, list[str]]:
    """The lines of a function body that returns the value of an expression, and what they refer to."""
    code = CodeContext(repeated_paths(node))
    text = ExpressionGenerator(code).generate(node)
    return code, [f"  return (bounded({text}))" if _may_multiply(node) else f"  return ({text})"]


class ExpressionGenerator:
    """Generates the code of each kind of node; lookups, comparisons and calls have generators of their own."""

    def __init__(self, code: CodeContext) -> None:
        self._code = code
        self._lookups = LookupGenerator(code, self.generate)
        self._comparisons = ComparisonGenerator(code, self.generate)
        self._calls = CallGenerator(code, self.generate, self._lookups)

    def generate(self, node: Expr, depth: int = 0) -> str:
        """The Python expression that gives the value of `node`, or raises."""
        depth += 1
        match node:
            case Constant(value=value):
                return self._code.constant(value) if isinstance(value, str) else repr(value)
            case Name():
                return self._lookups.name(node)
            case Member():
                return self._lookups.member(node, depth)
            case Item():
                return self._lookups.item(node, depth)
            case Slice():
                return self._slice(node, depth)
            case ListLiteral():
                return self._list(node, depth)
            case ObjectLiteral():
                return self._object(node, depth)
            case Not(value=value):
                return f"(not {self.generate(value, depth)})"
            case Negative():
                return self._negative(node, depth)
            case Arithmetic():
                return self._arithmetic(node, depth)
            case Compare():
                return self._comparisons.compare(node, depth)
            case Logic(op=op, left=left, right=right):
                return f"({self.generate(left, depth)} {op} {self._lookups.optional(right, depth)})"
            case Condition():
                return self._condition(node, depth)
            case Join(parts=parts):
                texts = ", ".join(self.generate(part, depth) for part in parts)
                return f"join({self._code.meter()}, {texts}){self._code.mark(node)}"
            case Call():
                return self._calls.call(node, depth)

    def _slice(self, node: Slice, depth: int) -> str:
        # generated in the order in which it runs: a shared lookup is assigned where it stands first
        value = self.generate(node.value, depth)
        low, high = (self.generate(edge, depth) if edge is not None else "None" for edge in (node.low, node.high))
        return f"cut({self._code.meter()}, {value}, {low}, {high}){self._code.mark(node)}"

    def _list(self, node: ListLiteral, depth: int) -> str:
        if not node.items:
            return "[]"
        items = ", ".join(self.generate(item, depth) for item in node.items)
        if not self._code.has_loops:
            return f"[{items}]"
        return f"make_list({self._code.meter()}, {items}){self._code.mark(node)}"

    def _object(self, node: ObjectLiteral, depth: int) -> str:
        entries = ", ".join(f"{self._code.constant(key)}: {self.generate(value, depth)}" for key, value in node.entries)
        if not self._code.has_loops or not entries:
            return f"{{{entries}}}"
        return f"make_object({self._code.meter()}, {{{entries}}}){self._code.mark(node)}"

    def _negative(self, node: Negative, depth: int) -> str:
        if isinstance(node.value, Constant) and type(node.value.value) in (int, float):
            return f"({-node.value.value!r})"  # type: ignore[operator]
        return f"negate(None, {self.generate(node.value, depth)}){self._code.mark(node)}"

    def _arithmetic(self, node: Arithmetic, depth: int) -> str:
        meter = self._code.meter() if node.op == "+" else "None"
        left, right = self.generate(node.left, depth), self.generate(node.right, depth)
        return f"{_ARITHMETIC[node.op]}({meter}, {left}, {right}){self._code.mark(node)}"

    def _condition(self, node: Condition, depth: int) -> str:
        test = self.generate(node.test, depth)
        then, otherwise = self._lookups.optional(node.then, depth), self._lookups.optional(node.otherwise, depth)
        return f"({then} if {test} else {otherwise})"


def _may_multiply(node: Expr) -> bool:
    """Whether the value may be larger than the data it is made of, because it may name a part several times."""
    return any(
        isinstance(part, ListLiteral | ObjectLiteral) or (isinstance(part, Call) and part.named) for part in walk(node)
    )
