"""The shape of each part of an expression, from the shapes of the names in scope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

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
from flowbuilder.language.parsing.references import paths_found_by
from flowbuilder.language.types.comparison_shapes import check_comparison
from flowbuilder.language.types.descriptions import describe_kinds
from flowbuilder.language.types.findings import FindingCollector
from flowbuilder.language.types.function_shapes import infer_call
from flowbuilder.language.types.lookup_shapes import KnownPaths, LookupShapes
from flowbuilder.language.types.shapes import NOTHING, Kind, Shape
from flowbuilder.language.types.taint import joined

_TEXT, _NUMBER, _BOOLEAN = Shape.of("text"), Shape.of("number"), Shape.of("boolean")
_LIST: Final[frozenset[Kind]] = frozenset(("list",))
_OBJECT: Final[frozenset[Kind]] = frozenset(("object",))
_ADDED: Final[tuple[Kind, ...]] = ("text", "list", "number")
_VERBS: Final = {
    "+": "added to",
    "-": "subtracted from",
    "*": "multiplied by",
    "/": "divided by",
    "//": "divided by",
    "%": "taken modulo",
}
_CONSTANTS: Final[dict[type, frozenset[Kind]]] = {
    str: _TEXT.kinds, int: _NUMBER.kinds, float: _NUMBER.kinds, bool: _BOOLEAN.kinds, type(None): frozenset(("null",)),
}  # fmt: skip


class Inference:
    """Infers shapes and adds findings. After a finding the rest of its chain is unknown: one cause, one finding."""

    def __init__(self, names: Mapping[str, Shape], findings: FindingCollector) -> None:
        self._findings = findings
        self.lookups = LookupShapes(names, findings, self.infer)

    def infer(self, node: Expr, known: KnownPaths, soft: bool = False) -> Shape:
        """The shape of `node` where the paths in `known` exist; `soft`: a missing value is accepted."""
        match node:
            case Member():
                return self.lookups.member(node, known, soft)
            case Name():
                return self.lookups.name(node, known, soft)
            case Constant(value=value):
                return Shape(kinds=_CONSTANTS[type(value)], values=(value,))
            case Call():
                return infer_call(node, lambda argument, soft: self.infer(argument, known, soft), self._findings)
            case Compare():
                left, right = self.infer(node.left, known), self.infer(node.right, known)
                check_comparison(node, left, right, self._findings)
                figures = joined(left.sources(), right.sources())
                return _influenced(_BOOLEAN.with_figures(figures), left, right)
            case Logic():
                return self._logic(node, known)
            case Condition():
                return self._condition(node, known, soft)
            case Arithmetic():
                return self._arithmetic(node, known)
            case Join():
                parts = [self.infer(part, known) for part in node.parts]
                return _influenced(replace(_TEXT, taint=joined(*(part.trust for part in parts))), *parts)
            case Not(value=value):
                shape = self.infer(value, known)
                return _influenced(_BOOLEAN.with_figures(shape.sources()), shape)
            case Negative():
                return self._negative(node, known)
            case Item():
                return self.lookups.item(node, known, soft)
            case Slice():
                return self.lookups.slice(node, known)
            case ListLiteral():
                return self._list(node, known)
            case ObjectLiteral(entries=entries):
                fields = {key: self.infer(value, known) for key, value in entries}
                influence = joined(*(shape.influence for shape in fields.values()))
                return Shape(kinds=_OBJECT, fields=fields, influence=influence)

    def _list(self, node: ListLiteral, known: KnownPaths) -> Shape:
        items = NOTHING
        influence = None
        for part in node.items:
            found = self.infer(part, known)
            influence = joined(influence, found.influence)
            items = items | found
        return Shape(kinds=_LIST, items=items, influence=influence)

    def _negative(self, node: Negative, known: KnownPaths) -> Shape:
        value = self.infer(node.value, known)
        if not value.may_be("number"):
            found = f"{self._findings.quote(node.value)} is {describe_kinds(value)}"
            self._findings.add("FB302", f"only a number can be negated; {found}", node)
        values = (
            tuple(-item for item in value.values if isinstance(item, int | float)) if len(value.values) == 1 else ()
        )
        return _influenced(replace(_NUMBER, values=values, figures=value.sources()), value)

    def _arithmetic(self, node: Arithmetic, known: KnownPaths) -> Shape:
        left, right = self.infer(node.left, known), self.infer(node.right, known)
        kinds = [kind for kind in _ADDED if left.may_be(kind) and right.may_be(kind)]
        if node.op == "+" and kinds:
            return _influenced(_sum(kinds, left, right), left, right)
        if "number" in kinds:
            return _influenced(_NUMBER.with_figures(joined(left.sources(), right.sources())), left, right)
        one = f"{self._findings.quote(node.left)} is {describe_kinds(left)}"
        other = f"{self._findings.quote(node.right)}, which is {describe_kinds(right)}"
        hint = "turn a number into text with | string" if node.op == "+" and "text" in left.kinds | right.kinds else ""
        self._findings.add("FB302", f"{one}, and cannot be {_VERBS[node.op]} {other}", node, hint=hint)
        return Shape.unknown().tainted_by(joined(left.trust, right.trust))

    def _logic(self, node: Logic, known: KnownPaths) -> Shape:
        left = self.infer(node.left, known)
        if isinstance(node.left, Constant) and bool(node.left.value) != (node.op == "and"):
            return left  # the constant decides: the right side never runs
        right = self.infer(node.right, known | paths_found_by(node.left, holds=node.op == "and"))
        return _influenced(left | right, left, right)

    def _condition(self, node: Condition, known: KnownPaths, soft: bool) -> Shape:
        test = self.infer(node.test, known)
        then = self.infer(node.then, known | paths_found_by(node.test), soft)
        otherwise = self.infer(node.otherwise, known | paths_found_by(node.test, holds=False), soft)
        return _influenced((then | otherwise).with_influence(joined(test.trust, test.influence)))


def _sum(kinds: list[Kind], left: Shape, right: Shape) -> Shape:
    """The shape of `left + right`, where both are of one of these kinds."""
    taint, figures = joined(left.trust, right.trust), joined(left.sources(), right.sources())
    if left.is_unknown and right.is_unknown:
        return Shape(taint=taint, figures=figures)
    shape = NOTHING
    if "text" in kinds:
        shape = replace(_TEXT, taint=taint)
    if "number" in kinds:
        shape = shape | _NUMBER.with_figures(figures)
    if "list" in kinds:
        shape = shape | Shape.list_of(left.joinable_item() | right.joinable_item())
    return shape


def _influenced(shape: Shape, *operands: Shape) -> Shape:
    """The shape of a result with the influence of its operands, and their text unless the result contains it."""
    is_clean = shape.trust is None
    found = [taint for part in operands for taint in (part.influence, part.trust if is_clean else None)]
    return shape.with_influence(joined(*found))
