"""The functions that generated code calls, by the names under which it calls them."""

from __future__ import annotations

from typing import Any, Final

from flowbuilder.errors import LanguageError
from flowbuilder.language.evaluation import operators, printing
from flowbuilder.language.evaluation.functions.registry import Parameter
from flowbuilder.language.evaluation.operators import MISSING, kind, undefined, wrong
from flowbuilder.language.limits import LIMITS, Meter, too_much
from flowbuilder.values import Json

_KIND_NAMES: Final = {
    "text": "a text", "key": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
    "list": "a list", "object": "an object",
}  # fmt: skip
_CLASSES: Final = {"text": str, "key": str, "integer": int, "boolean": bool, "list": list, "object": dict}


def fits(value: object, parameter: Parameter) -> bool:
    """Whether a value has the kind that a parameter takes."""
    if parameter.kind == "any":
        return True
    if value is None:
        return parameter.nullable
    if parameter.kind == "number":
        return value.__class__ is int or value.__class__ is float
    return value.__class__ is _CLASSES[parameter.kind]


def _fit(value: Any, place: tuple[str, Parameter]) -> Any:
    """The value, if it fits the parameter of the function in `place`; raises a `type` error otherwise."""
    name, parameter = place
    if fits(value, parameter):
        return value
    raise wrong(f"{name} takes {_KIND_NAMES[parameter.kind]} as {parameter.name}; this is {kind(value)}")


def _finish(parts: list[str] | tuple[str, ...]) -> str:
    """The printed text; raises `limit.output`."""
    if sum(map(len, parts)) > LIMITS.output:
        raise too_much("output", f"the text would have more than {LIMITS.output:,} characters")
    return "".join(parts)


def _bounded(value: Json) -> Json:
    """The value, if its size as JSON is within `LIMITS.memory`; raises `limit.output` or `not_json`."""
    left, deep = LIMITS.memory, LIMITS.value_depth
    stack: list[tuple[Any, int]] = [(value, 0)]
    while stack:
        inner, depth = stack.pop()
        value_type = inner.__class__
        left -= 4
        if value_type is str:
            left -= len(inner)
        elif value_type is list or value_type is dict:
            if depth >= deep:
                raise LanguageError("not_json", f"the value is nested deeper than {deep} levels", stage="run")
            left -= 4 * len(inner)
            if left >= 0:
                stack.extend((item, depth + 1) for item in (inner.values() if value_type is dict else inner))
        if left < 0:
            raise too_much("output", f"the value would have more than {LIMITS.memory:,} characters")
    return value


def _make_list(meter: Meter, *items: Json) -> Json:
    meter.hold_list(len(items))
    return list(items)


def _make_object(meter: Meter, made: dict[str, Json]) -> Json:
    meter.hold(24 * len(made) + 32)
    return made


def _assigned(value: Any) -> Any:
    """The value of a variable that the template sets; raises `undefined` where no `set` has run."""
    if value is MISSING:
        raise undefined("this name is not set here", "set it in every branch before this place")
    return value


RUNTIME_NAMES: Final[dict[str, Any]] = {
    "__builtins__": {}, "Exception": Exception, "Meter": Meter, "MISSING": MISSING, "bool": bool, "bounded": _bounded,
    "dict": dict, "enumerate": enumerate, "finish": _finish, "fit": _fit, "float": float, "int": int, "len": len,
    "list": list, "repr": repr, "round": round, "make_list": _make_list, "make_object": _make_object,
    "str": str, "assigned": _assigned, "type": type,
    "text": printing.text, "join": printing.join,
    **{
        name: getattr(operators, name)
        for name in (
            "add", "subtract", "multiply", "divide", "floor_divide", "modulo", "negate", "less", "less_equal",
            "greater", "greater_equal", "equal", "unequal", "contains", "excludes", "item", "soft_item", "cut",
            "iterate", "iterate_pairs",
        )
    },
}  # fmt: skip
"""The global names of generated code; it has no builtins but these."""
