"""What the functions of the language give, from the shapes of what they are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from flowbuilder.diagnostics import did_you_mean
from flowbuilder.language.evaluation.functions import FUNCTIONS, Function
from flowbuilder.language.evaluation.functions.registry import Parameter
from flowbuilder.language.nodes import Call, Constant, Expr
from flowbuilder.language.parsing.references import Path
from flowbuilder.language.types.shape_words import kinds_in_words
from flowbuilder.language.types.shapes import Kind, Shape
from flowbuilder.language.types.taint import joined

if TYPE_CHECKING:
    from flowbuilder.diagnostics import Severity

_TAKES: Final[dict[str, tuple[tuple[Kind, ...], str]]] = {
    "text": (("text",), "text"), "key": (("text",), "the name of a member"), "integer": (("number",), "a whole number"),
    "number": (("number",), "a number"), "boolean": (("boolean",), "true or false"), "list": (("list",), "a list"),
    "object": (("object",), "an object"),
}  # fmt: skip
_ALSO: Final[dict[str, tuple[Kind, ...]]] = {
    "length": ("text", "list", "object"), "first": ("text", "list"), "last": ("text", "list"),
    "slice": ("text", "list"),
    "reverse": ("text", "list"), "contains": ("text", "list", "object"), "urlencode": ("text", "number", "boolean"),
    "date": ("text", "number"), "add_days": ("text", "number"), "days_between": ("text", "number"),
    "int": ("text", "number", "boolean"), "float": ("text", "number"),
}  # fmt: skip
"""What the first argument may be, where the parameter takes anything."""
_PLAIN: Final = {
    "text": Shape.of("text"), "integer": Shape.of("number"), "number": Shape.of("number"),
    "boolean": Shape.of("boolean"),
    "list of text": Shape.list_of(Shape.of("text")), "list of integer": Shape.list_of(Shape.of("number")),
}  # fmt: skip
Known = frozenset[Path]


class FunctionShapes:
    """One method for each rule that a function's `gives` may name."""

    if TYPE_CHECKING:

        def infer(self, node: Expr, known: Known, *, soft: bool = False) -> Shape:
            """As `Inference` does."""

        def words(self, node: Expr) -> str:
            """As `Inference` does."""

        def complain(
            self, code: str, message: str, node: Expr, *, hint: str = "", severity: Severity = "error",
            start: int | None = None,
        ) -> None:  # fmt: skip
            """As `Inference` does."""

    def call(self, node: Call, known: Known) -> Shape:
        """The shape of a call; complains of arguments of the wrong kind, and of keys that the items do not have."""
        function = FUNCTIONS[node.name]
        takes_missing = function.gives in ("default", "coalesce") or function.name == "is_defined"
        given: dict[str, Shape] = {}
        parts: list[Shape] = []
        nodes: dict[str, Expr] = {}
        for index, (parameter, argument) in enumerate(function.bind(node)):
            soft = takes_missing and (index == 0 or function.gives == "coalesce")
            shape = self.infer(argument, known, soft=soft)
            parts.append(shape)
            given[parameter.name] = shape
            nodes[parameter.name] = argument
            if not self._fits(function, parameter, argument, shape, first=index == 0):
                return _PLAIN.get(function.gives, Shape.unknown())
        if function.gives in _PLAIN:
            shape = _PLAIN[function.gives].tainted_by(joined(*(part.trust for part in parts)))
        else:
            rule: Callable[[dict[str, Shape], dict[str, Expr], list[Shape]], Shape]
            rule = getattr(self, f"_gives_{function.gives}")
            shape = rule(given, nodes, parts)
        if shape.trust is None and not shape.influence and function.gives not in ("sum", "plucked", "first"):
            shape = shape.with_influence(joined(*(part.trust for part in parts)))
        return shape.with_influence(joined(*(part.influence for part in parts)))

    def _fits(self, function: Function, parameter: Parameter, argument: Expr, shape: Shape, *, first: bool) -> bool:
        kinds, wanted = _TAKES.get(parameter.kind, ((), ""))
        if not kinds and first and function.name in _ALSO:
            kinds = _ALSO[function.name]
            wanted = kinds_in_words(Shape(kinds=frozenset(kinds)))
        if not kinds or shape.may_be(*kinds) or (shape.kinds == {"null"} and not parameter.required):
            return True
        what = self.words(argument)
        hint = ""
        if first and parameter.kind == "text":
            hint = 'join it first: value | join(", ")' if shape.is_list else "turn it into text first: value | string"
        if first and parameter.kind == "list" and shape.is_object:
            hint = "take its values: value | values"
        place = "takes" if first else f"takes as {parameter.name}"
        self.complain(
            "FB302", f"{function.name} {place} {wanted}; {what} is {kinds_in_words(shape)}", argument, hint=hint
        )
        return False

    def _gives_first(self, given: dict[str, Shape], _nodes: dict[str, Expr], parts: list[Shape]) -> Shape:
        value = parts[0]
        if value.is_unknown:
            return Shape(taint=value.taint)
        inside = replace(value, kinds=frozenset(("text",)), values=()) if value.may_be("text") else None
        if value.may_be("list"):
            inside = value.item() if inside is None else inside | value.item()
        return inside or Shape.unknown()

    def _gives_same(self, given: dict[str, Shape], nodes: dict[str, Expr], parts: list[Shape]) -> Shape:
        value = parts[0]
        if "key" in nodes:
            self._at_key(value, nodes["key"])
        return replace(value, values=()).without_null()

    def _gives_flat(self, _given: dict[str, Shape], _nodes: dict[str, Expr], parts: list[Shape]) -> Shape:
        item = parts[0].item()
        return Shape.list_of(item.item()) if item.is_list else Shape.list_of(Shape(taint=parts[0].trust))

    def _gives_plucked(self, given: dict[str, Shape], nodes: dict[str, Expr], parts: list[Shape]) -> Shape:
        found = self._at_key(parts[0], nodes["key"], soft="default" in given).with_presence("always")
        return Shape.list_of(found | given["default"] if "default" in given else found)

    def _gives_sum(self, given: dict[str, Shape], nodes: dict[str, Expr], parts: list[Shape]) -> Shape:
        item = self._summed(parts[0], nodes, ("number",), "add up", "only numbers can be added up")
        # the total of clean numbers is clean, whatever stands beside them
        return Shape.of("number").with_influence(item.trust)

    def _gives_extreme(self, given: dict[str, Shape], nodes: dict[str, Expr], parts: list[Shape]) -> Shape:
        self._summed(parts[0], nodes, ("number", "text"), "compare", "only numbers, or only texts, have an order")
        return parts[0].item()

    def _gives_rounded(self, _given: dict[str, Shape], _nodes: dict[str, Expr], _parts: list[Shape]) -> Shape:
        return Shape.of("number")

    def _gives_values(self, _given: dict[str, Shape], _nodes: dict[str, Expr], parts: list[Shape]) -> Shape:
        return Shape.list_of(_any_member(parts[0]))

    def _gives_items(self, _given: dict[str, Shape], _nodes: dict[str, Expr], parts: list[Shape]) -> Shape:
        key = Shape.of("text").tainted_by(parts[0].taint)
        return Shape.list_of(Shape.list_of(key | _any_member(parts[0])))

    def _gives_merged(self, _given: dict[str, Shape], _nodes: dict[str, Expr], parts: list[Shape]) -> Shape:
        one, other = parts[0], parts[-1]
        if not (one.is_object and other.is_object):
            return Shape(taint=joined(one.trust, other.trust))
        return Shape.object_of({**one.fields, **other.fields}, one.rest or other.rest)

    def _gives_default(self, given: dict[str, Shape], _nodes: dict[str, Expr], parts: list[Shape]) -> Shape:
        other = given.get("other", Shape.of("text"))
        value = parts[0]
        if value.kinds == {"null"}:
            return other
        return (value.without_null().with_presence("always")) | other

    def _gives_coalesce(self, _given: dict[str, Shape], _nodes: dict[str, Expr], parts: list[Shape]) -> Shape:
        shape: Shape | None = None
        for part in parts:
            found = part.without_null() if part is not parts[-1] else part
            shape = found.with_presence("always") if shape is None else shape | found.with_presence("always")
        return shape or Shape.of("null")

    def _summed(self, value: Shape, nodes: dict[str, Expr], kinds: tuple[Kind, ...], verb: str, hint: str) -> Shape:
        item = self._at_key(value, nodes["key"]) if "key" in nodes else value.item()
        if not item.may_be(*kinds):
            self.complain("FB302", f"cannot {verb} {item}", nodes.get("key", nodes["value"]), hint=hint)
        return item

    def _at_key(self, value: Shape, key: Expr, *, soft: bool = False) -> Shape:
        """The shape of the member of each item that a key names; `soft`: it may be missing."""
        shape = value.item()
        if not (isinstance(key, Constant) and isinstance(key.value, str)):
            return Shape(taint=value.trust)
        for part in key.value.split("."):
            if shape.is_unknown:
                return Shape(taint=shape.taint)
            if part.isdigit() and shape.may_be("list"):
                shape = shape.item()
                continue
            found = shape.member(part)
            if found is None and soft:
                return Shape.unknown()
            if found is None:
                names = list(shape.fields)
                message = (
                    f"an item has no {part}" if shape.may_be("object") else f"an item is {shape} and has no {part}"
                )
                self.complain("FB301", message, key, hint=did_you_mean(part, names, what="it has"))
                return Shape.unknown()
            shape = found
        return shape


def _any_member(shape: Shape) -> Shape:
    found = shape.rest
    for inner in shape.fields.values():
        found = inner if found is None else found | inner
    return (found or Shape.unknown()).tainted_by(shape.taint if shape.is_unknown else None)
