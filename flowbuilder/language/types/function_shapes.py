"""The shape of a function's result, from the shapes of its arguments, and checks of the arguments."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from flowbuilder.diagnostics import did_you_mean
from flowbuilder.language.evaluation.functions import FUNCTIONS, Function
from flowbuilder.language.evaluation.functions.registry import Parameter
from flowbuilder.language.nodes import Call, Constant, Expr
from flowbuilder.language.types.descriptions import describe, describe_kinds
from flowbuilder.language.types.findings import FindingCollector
from flowbuilder.language.types.lookup_shapes import numbered
from flowbuilder.language.types.shapes import NOTHING, Kind, Shape
from flowbuilder.language.types.taint import Taint, joined, spelled

_TAKES: Final[dict[str, tuple[tuple[Kind, ...], str]]] = {
    "text": (("text",), "text"), "key": (("text",), "the name of a member"), "integer": (("number",), "a whole number"),
    "number": (("number",), "a number"), "boolean": (("boolean",), "true or false"), "list": (("list",), "a list"),
    "object": (("object",), "an object"),
}  # fmt: skip
_FIRST_ARGUMENT: Final[dict[str, tuple[Kind, ...]]] = {
    "length": ("text", "list", "object"), "first": ("text", "list"), "last": ("text", "list"),
    "slice": ("text", "list"),
    "reverse": ("text", "list"), "contains": ("text", "list", "object"), "urlencode": ("text", "number", "boolean"),
    "date": ("text", "number"), "add_days": ("text", "number"), "days_between": ("text", "number"),
    "int": ("text", "number", "boolean"), "float": ("text", "number"),
}  # fmt: skip
"""The kinds of the first argument of functions whose parameter is declared as `any`."""
_FIXED_RESULTS: Final = {
    "text": Shape.of("text"), "integer": Shape.of("number"), "number": Shape.of("number"),
    "boolean": Shape.of("boolean"),
    "list of text": Shape.list_of(Shape.of("text")), "list of integer": Shape.list_of(Shape.of("number")),
}  # fmt: skip


class _Arguments(Struct):
    """The arguments of one call: their nodes and shapes by the name of the parameter, and all shapes in order."""

    shapes: list[Shape] = field(default_factory=list)
    by_name: dict[str, Shape] = field(default_factory=dict)
    nodes: dict[str, Expr] = field(default_factory=dict)

    def trust(self) -> Taint | None:
        """The taint of all arguments."""
        return joined(*(part.trust for part in self.shapes))

    def sources(self) -> Taint | None:
        """The untrusted sources of all arguments, those of numbers included."""
        return joined(*(part.sources() for part in self.shapes))


def infer_call(node: Call, infer: Callable[[Expr, bool], Shape], findings: FindingCollector) -> Shape:
    """The shape of a call. Adds FB302 for an argument of the wrong kind, FB301 for a key that the items do not have.

    `infer(node, soft)` gives the shape of an argument; `soft`: the function accepts a missing value.
    """
    function = FUNCTIONS[node.name]
    takes_missing = function.gives in ("default", "coalesce") or function.name == "is_defined"
    arguments = _Arguments()
    for index, (parameter, argument) in enumerate(function.bind(node)):
        shape = infer(argument, takes_missing and (index == 0 or function.gives == "coalesce"))
        arguments.shapes.append(shape)
        arguments.by_name[parameter.name] = shape
        arguments.nodes[parameter.name] = argument
        if not _check_argument(function, parameter, argument, shape, findings, is_first=index == 0):
            return _FIXED_RESULTS.get(function.gives, Shape.unknown()).tainted_by(arguments.trust())
    shape = _result(function.gives, arguments, findings)
    trust = arguments.trust()
    if function.name == "slice" and shape.may_be("text"):
        edges = joined(*(part.figures for part in arguments.shapes[1:]))
        shape = replace(shape, taint=joined(shape.taint, spelled(edges)))
    if shape.trust is None and not shape.influence and function.gives not in ("sum", "plucked", "first"):
        shape = shape.with_influence(trust)
    return shape.with_influence(joined(*(part.influence for part in arguments.shapes)))


def _check_argument(
    function: Function, parameter: Parameter, argument: Expr, shape: Shape, findings: FindingCollector, *,
    is_first: bool,
) -> bool:  # fmt: skip
    kinds, wanted = _TAKES.get(parameter.kind, ((), ""))
    if not kinds and is_first and function.name in _FIRST_ARGUMENT:
        kinds = _FIRST_ARGUMENT[function.name]
        wanted = describe_kinds(Shape(kinds=frozenset(kinds)))
    if not kinds or shape.may_be(*kinds) or (shape.kinds == {"null"} and parameter.nullable):
        return True
    hint = ""
    if is_first and parameter.kind == "text":
        hint = 'join it first: value | join(", ")' if shape.is_list else "turn it into text first: value | string"
    if is_first and parameter.kind == "list" and shape.is_object:
        hint = "take its values: value | values"
    takes = "takes" if is_first else f"takes as {parameter.name}"
    message = f"{function.name} {takes} {wanted}; {findings.quote(argument)} is {describe_kinds(shape)}"
    findings.add("FB302", message, argument, hint=hint)
    return False


def _result(gives: str, arguments: _Arguments, findings: FindingCollector) -> Shape:
    """The result of the function whose declaration says `gives`."""
    if gives in _FIXED_RESULTS:
        # closed by default: each text of the result may hold text of each argument
        shape = _FIXED_RESULTS[gives].tainted_by(arguments.trust())
        return shape if shape.may_be("text") or shape.is_list else shape.with_figures(arguments.sources())
    value, nodes = arguments.shapes[0] if arguments.shapes else Shape.unknown(), arguments.nodes
    match gives:
        case "same":
            if "key" in nodes:
                _member_of_items(value, nodes["key"], findings)
            return replace(value, values=()).without_null()
        case "first":
            return _first(value)
        case "flat":
            item = value.joinable_item()
            return (
                Shape.list_of(item.joinable_item())
                if item.is_list and not item.is_open
                else Shape.list_of(Shape(taint=value.trust))
            )
        case "plucked":
            default = arguments.by_name.get("default")
            found = _member_of_items(value, nodes["key"], findings, soft=default is not None).with_presence("always")
            return Shape.list_of(found | default if default is not None else found)
        case "sum":
            problem = "cannot add up", "only numbers can be added up"
            item = _check_items(value, nodes, ("number",), *problem, findings)
            # only the numbers that are added up influence the sum, not the other members of the items
            return Shape.of("number").with_influence(item.trust).with_figures(item.sources())
        case "extreme":
            problem = "cannot compare", "only numbers, or only texts, have an order"
            _check_items(value, nodes, ("number", "text"), *problem, findings)
            return value.item()
        case "rounded":
            return Shape.of("number").with_figures(arguments.sources())
        case "values":
            return Shape.list_of(_any_member(value))
        case "items":
            # a loop over pairs reads a name and a member: a pair is a list of both
            return Shape.list_of(Shape.list_of(Shape.of("text").tainted_by(value.taint) | _any_member(value)))
        case "merged":
            return _merged(value, arguments.shapes[-1])
        case "default":
            other = arguments.by_name.get("other", Shape.of("text"))
            return other if value.kinds == {"null"} else value.without_null().with_presence("always") | other
        case "coalesce":
            return _coalesced(arguments.shapes)
    raise ValueError(f"unknown kind of result: {gives}")


def _first(value: Shape) -> Shape:
    if value.is_unknown:
        return Shape(taint=value.trust, figures=value.sources())
    return numbered(value)


def _merged(one: Shape, other: Shape) -> Shape:
    """The members of `one`, replaced by those of `other`."""
    if not (one.is_object and other.is_object):
        return Shape(taint=joined(one.trust, other.trust), figures=joined(one.sources(), other.sources()))
    fields = {}
    for name in (*one.fields, *(name for name in other.fields if name not in one.fields)):
        after = other.fields.get(name)
        if after is not None and after.presence == "always":
            fields[name] = after
            continue
        parts = [part for part in (one.fields.get(name) or one.hidden(), after or other.hidden()) if part is not None]
        joint = reduce(or_, parts)
        known = one.fields.get(name)
        fields[name] = joint.with_presence("always") if known and known.presence == "always" else joint
    rests = [part.hidden() or NOTHING for part in (one, other)]
    rest = rests[0] | rests[1] if one.rest is not None or other.rest is not None else None
    taint = joined(one.taint, other.taint)
    return Shape(kinds=one.kinds, fields=fields, rest=rest, taint=taint, is_open=one.is_open or other.is_open)


def _coalesced(parts: list[Shape]) -> Shape:
    shape: Shape | None = None
    for part in parts:
        found = part.without_null() if part is not parts[-1] else part
        shape = found.with_presence("always") if shape is None else shape | found.with_presence("always")
    return shape or Shape.of("null")


def _check_items(
    value: Shape, nodes: dict[str, Expr], kinds: tuple[Kind, ...], problem: str, hint: str, findings: FindingCollector
) -> Shape:
    """The shape of the items, or of their member `key`; adds FB302 where it has none of the kinds."""
    item = _member_of_items(value, nodes["key"], findings) if "key" in nodes else value.item()
    if not item.may_be(*kinds):
        findings.add("FB302", f"{problem} {describe(item)}", nodes.get("key", nodes["value"]), hint=hint)
    return item


def _member_of_items(value: Shape, key: Expr, findings: FindingCollector, *, soft: bool = False) -> Shape:
    """The shape of the member of each item that a key names; `soft`: it may be missing."""
    shape = value.item()
    if not (isinstance(key, Constant) and isinstance(key.value, str)):
        return Shape(taint=value.trust, figures=value.sources())
    for part in key.value.split("."):
        if shape.is_unknown and part not in shape.fields:
            return Shape(taint=shape.trust, figures=shape.sources())
        if part.isdecimal() and shape.may_be("list"):
            shape = numbered(shape) if not shape.may_be("object") else Shape(taint=shape.trust)
            continue
        found = shape.member(part)
        if found is None:
            if not soft:
                kind = "" if shape.may_be("object") else f" is {describe(shape)} and"
                hint = did_you_mean(part, list(shape.fields), what="it has")
                findings.add("FB301", f"an item{kind} has no {part}", key, hint=hint)
                return Shape.unknown()
            return Shape(taint=shape.trust)
        shape = found
    return shape


def _any_member(shape: Shape) -> Shape:
    found = reduce(or_, shape.fields.values(), shape.hidden() or NOTHING)
    return found if found.kinds else Shape.unknown()
