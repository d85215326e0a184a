"""A text, compiled: read at once, turned into a Python function when it is first evaluated, kept by its text."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import CodeType
from typing import Any, Final

from flowbuilder.errors import LanguageError
from flowbuilder.language.evaluation import operators, printing
from flowbuilder.language.evaluation.functions.registry import Parameter
from flowbuilder.language.evaluation.operators import MISSING, kind, undefined, wrong
from flowbuilder.language.limits import LIMITS, Meter, too_much
from flowbuilder.language.nodes import Call, Expr, ListLiteral, ObjectLiteral, Statement, walk
from flowbuilder.language.parsing.references import Reference, references
from flowbuilder.values import Json

Evaluate = Callable[[Mapping[str, Json]], Any]

LANGUAGE_VERSION: Final = 1
"""Goes up when a text may come to mean something else; compiled texts and pinned plans name it."""

_WORDS: Final = {
    "text": "a text", "key": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
    "list": "a list", "object": "an object",
}  # fmt: skip


@dataclass(eq=False, kw_only=True)
class Program:
    """One text: its tree, what it refers to, and the function that evaluates it."""

    source: str
    statements: tuple[Statement, ...] = field(repr=False)
    expression: Expr | None = field(repr=False)
    """The tree of a bare expression, or of a template that is exactly one `{{ expression }}`."""

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """Every name that the text reads from its context."""
        return references(self.statements)

    @cached_property
    def evaluate(self) -> Evaluate:
        """The function from a context to the value; generated when it is first asked for."""
        return _function(self)


def _function(program: Program) -> Evaluate:
    # here: a document that is only checked is never evaluated
    from flowbuilder.language.codegen.generator import Generator
    from flowbuilder.language.codegen.lookup_generator import often_read
    from flowbuilder.language.codegen.runtime_errors import explain
    from flowbuilder.language.codegen.template_generator import TemplateGenerator

    generator: Generator
    if program.expression is not None:
        generator = Generator(often_read(program.expression))
        text = generator.expression(program.expression)
        if _multiplies(program.expression):
            text = f"bounded({text})"
        lines = [f"  return ({text})"]
    else:
        generator = TemplateGenerator()
        generator.template(program.statements)
        lines = generator.lines
    meter = ["  m = Meter()"] if generator.charged else ["  m = None"] if generator.may_charge else []
    counter = ["  h = 0"] if generator.counted else []
    body = "\n".join([*meter, *counter, *lines])
    code = f"def evaluate(c):\n try:\n{body}\n except Exception as error:\n  raise explain(error) from None\n"
    scope: dict[str, Any] = {**_SCOPE, **generator.table}
    nodes, source = tuple(generator.nodes), program.source
    scope["explain"] = lambda error: explain(error, code, nodes, source)
    try:
        exec(compile(code, "<flowbuilder>", "exec"), scope)  # noqa: S102 - the text is ours: see generator
    except (RecursionError, MemoryError, SyntaxError):
        raise LanguageError("FB204", "the text is nested too deeply", stage="compile") from None
    function = scope["evaluate"]
    names = {stand_in: sys.intern(key) for key, stand_in in generator.keys.items()}
    function.__code__ = _with_keys(function.__code__, names)
    evaluate: Evaluate = function
    return evaluate


def _with_keys(code: CodeType, names: Mapping[str, str]) -> CodeType:
    """The code with the author's keys in place of their stand-ins."""
    return code.replace(
        co_consts=tuple(names.get(item, item) if isinstance(item, str) else item for item in code.co_consts)
    )


def _multiplies(node: Expr) -> bool:
    """Whether a value may be larger than what it is made of: it names things several times."""
    return any(
        isinstance(part, ListLiteral | ObjectLiteral) or (isinstance(part, Call) and part.named) for part in walk(node)
    )


def _finish(parts: list[str] | tuple[str, ...]) -> str:
    if sum(map(len, parts)) > LIMITS.output:
        raise too_much("output", f"the text would have more than {LIMITS.output:,} characters")
    return "".join(parts)


def _bounded(value: Json) -> Json:
    """The value, if it is no larger than an evaluation may make when it is written out."""
    left, deep = LIMITS.memory, LIMITS.value_depth
    stack: list[tuple[Any, int]] = [(value, 0)]
    while stack:
        inner, depth = stack.pop()
        shape = inner.__class__
        left -= 4
        if shape is str:
            left -= len(inner)
        elif shape is list or shape is dict:
            if depth >= deep:
                raise LanguageError("not_json", f"the value is nested deeper than {deep} levels", stage="run")
            left -= 4 * len(inner)
            if left >= 0:
                stack.extend((item, depth + 1) for item in (inner.values() if shape is dict else inner))
        if left < 0:
            raise too_much("output", f"the value would have more than {LIMITS.memory:,} characters")
    return value


def _make_list(meter: Meter, *items: Json) -> Json:
    meter.hold_list(len(items))
    return list(items)


def _make_object(meter: Meter, made: dict[str, Json]) -> Json:
    meter.hold(24 * len(made) + 32)
    return made


def _there(value: Any) -> Any:
    if value is MISSING:
        raise undefined("nothing has set this name yet", "set it on every way to this place")
    return value


def _fit(value: Any, place: tuple[str, Parameter]) -> Any:
    name, parameter = place
    shape = value.__class__
    if parameter.kind == "number" and (shape is int or shape is float):
        return value
    if parameter.kind in ("text", "key") and shape is str:
        return value
    if shape is {"integer": int, "boolean": bool, "list": list, "object": dict}.get(parameter.kind):
        return value
    if value is None and not parameter.required:
        return value
    raise wrong(f"{name} takes {_WORDS[parameter.kind]} as {parameter.name}; this is {kind(value)}")


_SCOPE: Final[dict[str, Any]] = {
    "__builtins__": {}, "Exception": Exception, "Meter": Meter, "MISSING": MISSING, "bool": bool, "bounded": _bounded,
    "dict": dict, "enumerate": enumerate, "finish": _finish, "fit": _fit, "float": float, "int": int, "len": len,
    "list": list, "repr": repr, "round": round, "make_list": _make_list, "make_object": _make_object,
    "str": str, "there": _there, "type": type,
    "text": printing.text, "join": printing.join,
    **{
        name: getattr(operators, name)
        for name in (
            "add", "subtract", "multiply", "divide", "floor_divide", "modulo", "negate", "less", "less_equal",
            "greater", "greater_equal", "equal", "unequal", "contains", "excludes", "item", "soft_item", "cut",
            "iterate",
            "iterate_pairs",
        )
    },
}  # fmt: skip
