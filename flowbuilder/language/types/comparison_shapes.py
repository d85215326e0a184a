"""Comparisons that can never be what their author means: of kinds that do not fit, or with a value that cannot be."""

from __future__ import annotations

from typing import Final

from flowbuilder.diagnostics import did_you_mean
from flowbuilder.language.nodes import Compare, Constant
from flowbuilder.language.types.function_shapes import FunctionShapes, Known
from flowbuilder.language.types.shape_words import kinds_in_words, value_in_words
from flowbuilder.language.types.shapes import Kind, Shape
from flowbuilder.language.types.taint import joined

_BOOLEAN: Final = Shape.of("boolean")
_ORDERED: Final[tuple[Kind, ...]] = ("number", "text")


class ComparisonShapes(FunctionShapes):
    """`==`, `<`, `in` and their like give true or false."""

    def _compare(self, node: Compare, known: Known, _soft: bool) -> Shape:
        left, right = self.infer(node.left, known), self.infer(node.right, known)
        if node.op in ("in", "not in"):
            self._check_in(node, left, right)
        elif node.op in ("==", "!="):
            self._check_equal(node, left, right)
        else:
            self._check_order(node, left, right)
        return self._decided(_BOOLEAN, left, right)

    def _check_equal(self, node: Compare, left: Shape, right: Shape) -> None:
        kinds = left.kinds & right.kinds
        nulls = left.kinds <= {"null"} or right.kinds <= {"null"}
        if nulls:
            return
        outcome = "never equal" if node.op == "==" else "always different"
        if not kinds - {"null"} and not (left.is_nullable and right.is_nullable):
            words = self.words(node.left), kinds_in_words(left), self.words(node.right), kinds_in_words(right)
            self.complain("FB302", "{} is {} and {} is {}: they are {}".format(*words, outcome), node)
            return
        if (
            left.values
            and right.values
            and not (set(left.values) & set(right.values))
            and not self._constant_both(node)
        ):
            named, literal = (node.left, right) if isinstance(node.right, Constant) else (node.right, left)
            choices = left if literal is right else right
            shown = " or ".join(value_in_words(value) for value in choices.values[:8])
            wanted = value_in_words(literal.values[0])
            near = did_you_mean(str(literal.values[0]), [str(value) for value in choices.values], what="it can be")
            self.complain("FB302", f"{self.words(named)} is never {wanted}: it is {shown}", node, hint=near)

    @staticmethod
    def _constant_both(node: Compare) -> bool:
        return isinstance(node.left, Constant) and isinstance(node.right, Constant)

    def _check_order(self, node: Compare, left: Shape, right: Shape) -> None:
        for kind in _ORDERED:
            if left.may_be(kind) and right.may_be(kind):
                return
        words = self.words(node.left), kinds_in_words(left), self.words(node.right), kinds_in_words(right)
        hint = "both must be numbers, or both texts"
        if {"text", "number"} <= left.kinds | right.kinds:
            hint = "a text that holds a number becomes one with | float"
        self.complain("FB302", "{} is {} and {} is {}: they have no order".format(*words), node, hint=hint)

    def _check_in(self, node: Compare, item: Shape, where: Shape) -> None:
        if not where.may_be("list", "text", "object"):
            message = (
                f"`in` looks into a list, a text or an object; {self.words(node.right)} is {kinds_in_words(where)}"
            )
            self.complain("FB302", message, node)
        elif where.kinds <= {"text", "null"} and not item.may_be("text"):
            message = f"a text contains texts; {self.words(node.left)} is {kinds_in_words(item)}"
            self.complain("FB302", message, node, hint="write value | string")
        elif where.kinds <= {"list", "null"} and where.items is not None and not where.items.kinds & item.kinds:
            words = self.words(node.left), kinds_in_words(item), self.words(node.right), where
            self.complain("FB302", "{} is {} and {} is {}: it is never in it".format(*words), node)

    @staticmethod
    def _decided(shape: Shape, *parts: Shape) -> Shape:
        """The shape, decided by what went into it: by their text where it is no text itself."""
        text = shape.trust
        found = [taint for part in parts for taint in (part.influence, part.trust if text is None else None)]
        return shape.with_influence(joined(*found))
