"""The shape of each part of an expression, from the shapes of the names in scope."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from flowbuilder.diagnostics import Severity, did_you_mean
from flowbuilder.language.nodes import (
    Arithmetic,
    Call,
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
from flowbuilder.language.parsing.foreign_syntax_hints import FOREIGN_NAMES
from flowbuilder.language.parsing.references import Path, covered, found_there, path_of
from flowbuilder.language.types.comparison_shapes import ComparisonShapes
from flowbuilder.language.types.findings import Finding
from flowbuilder.language.types.namespace import Namespace
from flowbuilder.language.types.shape_words import kinds_in_words
from flowbuilder.language.types.shapes import Kind, Shape
from flowbuilder.language.types.taint import joined

Known = frozenset[Path]

_TEXT, _NUMBER, _BOOLEAN = Shape.of("text"), Shape.of("number"), Shape.of("boolean")
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


_OBJECT: Final = frozenset(("object",))
_RULES: Final[dict[type, Callable[[Inference, Any, Known, bool], Shape]]] = {}


def _rule_for(kind: type) -> Callable[[Inference, Any, Known, bool], Shape]:
    rule: Callable[[Inference, Any, Known, bool], Shape]
    rule = _RULES[kind] = getattr(Inference, f"_{kind.__name__.lower()}")
    return rule


class Inference(ComparisonShapes):
    """Infers shapes and gathers findings. After one the rest of its chain is unknown, so that one cause gives one."""

    def __init__(self, namespace: Namespace, source: str) -> None:
        self.names = namespace.shapes
        self.source = source
        self.own: dict[str, Shape] = {}
        self.findings: list[Finding] = []

    def infer(self, node: Expr, known: Known, *, soft: bool = False) -> Shape:
        """The shape of `node` where the paths in `known` are there; `soft`: what is missing is taken care of."""
        kind = type(node)
        rule = _RULES.get(kind) or _rule_for(kind)
        return rule(self, node, known, soft)

    def complain(
        self,
        code: str,
        message: str,
        node: Expr,
        *,
        hint: str = "",
        severity: Severity = "error",
        start: int | None = None,
    ) -> None:
        """Gather a finding at `node`, or from `start` to its end."""
        at = node.start if start is None else start
        self.findings.append(
            Finding(code=code, message=message, severity=severity, hint=hint, start=at, end=max(node.end, at + 1))
        )

    def words(self, node: Expr) -> str:
        """A part of the text as its author wrote it, or "this" where that is long."""
        text = " ".join(self.source[node.start : node.end].split())
        return text if 0 < len(text) <= 60 else "this"

    # lookups

    def _constant(self, node: Constant, _known: Known, _soft: bool) -> Shape:
        return Shape(kinds=_CONSTANTS[type(node.value)], values=(node.value,))

    def _name(self, node: Name, known: Known, soft: bool) -> Shape:
        name = node.name
        shape = self.own[name] if name in self.own else self.names.get(name)
        if shape is None:
            if not soft and (node.name,) not in known:
                names = sorted({*self.names, *self.own})
                hint = FOREIGN_NAMES.get(node.name) or did_you_mean(node.name, names, what="visible here are")
                self.complain("FB301", f"there is no name {node.name} here", node, hint=hint)
            return Shape.unknown()
        return self._there(node, (node.name,), shape, known, soft)

    def _member(self, node: Member, known: Known, soft: bool) -> Shape:
        value = self.infer(node.value, known, soft=soft)
        if not known and value.kinds == _OBJECT and isinstance(node.key, str):
            there = value.fields.get(node.key)
            if there is not None and there.presence == "always":
                return there
        if value.is_unknown and not value.fields:
            return Shape(taint=value.taint, influence=value.influence)
        found = self._numbered(node, value) if isinstance(node.key, int) else self._named(node, node.key, value, soft)
        if found is None:
            return Shape.unknown()
        if not known and found.presence == "always" and not value.is_nullable:
            return found
        path = path_of(node) or ()
        if value.is_nullable and not soft and not covered(path, known):
            hint = f"take it with {self.words(node)} | default(...), or test it before"
            self.complain("FB304", f"{self.words(node.value)} may be null here", node, hint=hint, severity="warning")
        return self._there(node, path, found, known, soft)

    def _named(self, node: Member, key: str, value: Shape, soft: bool) -> Shape | None:
        found = value.member(key)
        if found is not None:
            return found
        what, start = self.words(node.value), self._key_start(node)
        if key in ("length", "size") and value.may_be("text", "list", "object"):
            self.complain("FB301", f"{what} has no {key}", node, hint=f"write {what} | length", start=start)
            return None
        if value.kinds <= {"null"}:
            if not soft:
                self.complain("FB302", f"{what} is null and has no {key}", node, start=start)
            return None
        if value.may_be("object"):
            message = f"{what} has no {key}"
            names = list(value.fields)
            hint = did_you_mean(key, names, what="it has") if names else "it has no members"
            self.complain("FB301", message, node, hint=hint, start=start)
        elif value.may_be("list"):
            hint = f'for the first item write {what}[0].{key}, for all of them {what} | map("{key}")'
            self.complain("FB302", f"{what} is {value} and has no {key}", node, hint=hint, start=start)
        else:
            self.complain("FB302", f"{what} is {kinds_in_words(value)} and has no members", node, start=start)
        return None

    def _numbered(self, node: Member, value: Shape) -> Shape | None:
        if value.may_be("list"):
            return value.item()
        if value.may_be("text"):
            return replace(_TEXT, taint=value.taint)
        what = self.words(node.value)
        hint = f"it has: {', '.join(list(value.fields)[:12])}" if value.fields else ""
        self.complain("FB302", f"{what} is {kinds_in_words(value)}, which has no item {node.key}", node, hint=hint)
        return None

    def _key_start(self, node: Member) -> int:
        at = self.source.find(str(node.key), node.value.end, node.end)
        return at if at >= 0 else node.start

    def _there(self, node: Expr, path: Path, shape: Shape, known: Known, soft: bool) -> Shape:
        """The shape of something that was found, with a complaint if it may be missing and nothing takes care of it."""
        taken = covered(path, known)
        if taken:
            return shape.without_null() if shape.presence == "always" else shape.without_null().with_presence("always")
        if shape.presence == "always":
            return shape
        if not soft:
            what = self.words(node)
            own = path[:1] == ("steps",) and len(path) <= 3
            verb = "is never there" if shape.presence == "never" else "may be missing here"
            severity: Severity = "error" if own or shape.presence == "never" else "warning"
            hint = f"take it with {what} | default(...), or test it with is_defined({what})"
            message = f"{what} {verb}: {shape.reason}"
            self.complain("FB303" if own else "FB304", message, node, hint=hint, severity=severity)
        return shape.with_presence("always")

    def _item(self, node: Item, known: Known, soft: bool) -> Shape:
        value, key = self.infer(node.value, known, soft=soft), self.infer(node.key, known)
        influence = joined(value.influence, key.influence, key.trust)
        if value.is_unknown or key.is_unknown:
            return Shape(taint=value.trust, influence=influence)
        if value.may_be("list", "text") and key.may_be("number"):
            return (value.item() if value.may_be("list") else replace(_TEXT, taint=value.taint)).with_influence(
                influence
            )
        if value.may_be("object") and key.may_be("text"):
            return Shape(taint=value.trust, influence=influence)
        message = f"{self.words(node.value)} is {kinds_in_words(value)}, and its key here is {kinds_in_words(key)}"
        self.complain("FB302", message, node)
        return Shape.unknown()

    def _slice(self, node: Slice, known: Known, _soft: bool) -> Shape:
        value = self.infer(node.value, known)
        influence = value.influence
        for edge in (node.low, node.high):
            if edge is not None:
                found = self.infer(edge, known)
                influence = joined(influence, found.influence, found.trust)
                if not found.may_be("number", "null"):
                    self.complain(
                        "FB302", f"the edge of a slice is a whole number; this is {kinds_in_words(found)}", edge
                    )
        if not value.may_be("list", "text"):
            self.complain("FB302", f"only lists and texts can be sliced; this is {kinds_in_words(value)}", node)
            return Shape.unknown()
        return replace(value, values=()).with_influence(influence)

    # literals

    def _listliteral(self, node: ListLiteral, known: Known, _soft: bool) -> Shape:
        items: Shape | None = None
        influence = None
        for part in node.items:
            found = self.infer(part, known)
            influence = joined(influence, found.influence)
            items = found if items is None else items | found
        return Shape(kinds=frozenset(("list",)), items=items, influence=influence)

    def _objectliteral(self, node: ObjectLiteral, known: Known, _soft: bool) -> Shape:
        fields = {key: self.infer(value, known) for key, value in node.entries}
        influence = joined(*(shape.influence for shape in fields.values()))
        return Shape(kinds=frozenset(("object",)), fields=fields, influence=influence)

    # operators

    def _not(self, node: Not, known: Known, _soft: bool) -> Shape:
        return self._decided(_BOOLEAN, self.infer(node.value, known))

    def _negative(self, node: Negative, known: Known, _soft: bool) -> Shape:
        value = self.infer(node.value, known)
        if not value.may_be("number"):
            self.complain(
                "FB302", f"only a number can be negated; {self.words(node.value)} is {kinds_in_words(value)}", node
            )
        values = (
            tuple(-item for item in value.values if isinstance(item, int | float)) if len(value.values) == 1 else ()
        )
        return self._decided(replace(_NUMBER, values=values), value)

    def _arithmetic(self, node: Arithmetic, known: Known, _soft: bool) -> Shape:
        left, right = self.infer(node.left, known), self.infer(node.right, known)
        if left.may_be("number") and right.may_be("number") and (node.op != "+" or left.is_unknown == right.is_unknown):
            return self._decided(Shape.unknown() if left.is_unknown and node.op == "+" else _NUMBER, left, right)
        if node.op == "+":
            for kind in _ADDED:
                if left.may_be(kind) and right.may_be(kind):
                    taint = joined(left.trust, right.trust)
                    shape = Shape(kinds=frozenset((kind,)), taint=taint if kind == "text" else None)
                    if kind == "list":
                        shape = replace(left, values=()) | replace(right, values=())
                    return self._decided(shape, left, right)
        words = [
            self.words(node.left),
            kinds_in_words(left),
            _VERBS[node.op],
            self.words(node.right),
            kinds_in_words(right),
        ]
        hint = "turn a number into text with | string" if node.op == "+" and "text" in left.kinds | right.kinds else ""
        self.complain("FB302", "{} is {}, and cannot be {} {}, which is {}".format(*words), node, hint=hint)
        return Shape.unknown()

    def _join(self, node: Join, known: Known, _soft: bool) -> Shape:
        parts = [self.infer(part, known) for part in node.parts]
        return self._decided(replace(_TEXT, taint=joined(*(part.trust for part in parts))), *parts)

    def _logic(self, node: Logic, known: Known, _soft: bool) -> Shape:
        left = self.infer(node.left, known)
        decides = isinstance(node.left, Constant) and bool(node.left.value) != (node.op == "and")
        if decides:
            return left
        right = self.infer(node.right, known | found_there(node.left, holds=node.op == "and"))
        return self._decided(left | right, left, right)

    def _condition(self, node: Condition, known: Known, soft: bool) -> Shape:
        test = self.infer(node.test, known)
        then = self.infer(node.then, known | found_there(node.test), soft=soft)
        otherwise = self.infer(node.otherwise, known | found_there(node.test, holds=False), soft=soft)
        return self._decided((then | otherwise).with_influence(joined(test.trust, test.influence)))

    def _call(self, node: Call, known: Known, _soft: bool) -> Shape:
        return self.call(node, known)
