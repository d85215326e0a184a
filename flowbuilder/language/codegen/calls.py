"""Code for function calls: each argument is checked in place, and a few functions are inlined."""

from __future__ import annotations

from typing import Final

from flowbuilder.language.codegen.code_context import CodeContext
from flowbuilder.language.codegen.comparisons import MAX_INLINE_DEPTH
from flowbuilder.language.codegen.lookups import GenerateExpr, LookupGenerator
from flowbuilder.language.codegen.runtime import fits
from flowbuilder.language.evaluation.functions import FUNCTIONS, Function
from flowbuilder.language.evaluation.functions.registry import Parameter
from flowbuilder.language.nodes import Call, Constant, Expr

_CLASSES: Final = {"text": "str", "key": "str", "integer": "int", "boolean": "bool", "list": "list", "object": "dict"}
_METHODS: Final = {"upper": "upper", "lower": "lower", "trim": "strip", "capitalize": "capitalize"}
_FREE_CHARS: Final = 300_000
"""The number of characters that inlined methods may handle before the meter is charged: below a tenth of its limit."""


class CallGenerator:
    """Generates `f(x)` and `x | f`."""

    def __init__(self, code: CodeContext, expression: GenerateExpr, lookups: LookupGenerator) -> None:
        self._code = code
        self._expression = expression
        self._lookups = lookups

    def call(self, node: Call, depth: int) -> str:
        """The code of a call."""
        function = FUNCTIONS[node.name]
        if function.name == "is_defined":
            return f"(({self._code.temporary()} := {self._lookups.soft(node.arguments[0], depth)}) is not MISSING)"
        if function.name in ("default", "coalesce"):
            return self._first_present(function, node, depth)
        self._code.constants[f"f_{function.name}"] = function.run
        if self._code.has_loops and depth <= MAX_INLINE_DEPTH and not node.named:
            if function.name in _METHODS and len(node.arguments) == 1:
                return self._method(function, node, depth)
            if function.name == "round" and _is_digits(node.arguments[1:]):
                return self._round(node, depth)
        return self._charged_call(function, node, depth)

    def _method(self, function: Function, node: Call, depth: int) -> str:
        """A method of `str`, inlined while the texts are short: `h` counts the characters of all of them."""
        self._code.counts_chars = True
        value = self._code.temporary()
        text = self._expression(node.arguments[0], depth)
        few = f"({value} := {text}).__class__ is str and (h := h + len({value})) < {_FREE_CHARS}"
        checked = f"fit({value}, {self._place(function, function.parameters[0])}){self._code.mark(node)}"
        rest = f"f_{function.name}({self._code.lazy_meter()}, {checked}){self._code.mark(node)}"
        return f"({value}.{_METHODS[function.name]}() if {few} else {rest})"

    def _round(self, node: Call, depth: int) -> str:
        value = self._code.temporary()
        text, digits = self._expression(node.arguments[0], depth), self._expression(node.arguments[1], depth)
        place = self._place(FUNCTIONS["round"], FUNCTIONS["round"].parameters[0])
        rest = f"f_round(None, fit({value}, {place}){self._code.mark(node)}, {digits}){self._code.mark(node)}"
        return f"(round({value}, {digits}) if ({value} := {text}).__class__ is float else {rest})"

    def _place(self, function: Function, parameter: Parameter) -> str:
        """The name of the constant that tells `fit` the function and the parameter."""
        name = f"p_{function.name}_{parameter.name}"
        self._code.constants[name] = (function.name, parameter)
        return name

    def _charged_call(self, function: Function, node: Call, depth: int) -> str:
        arguments = [self._code.meter()]
        for index, (parameter, argument) in enumerate(function.bind(node)):
            text = self._argument(function, parameter, argument, depth)
            arguments.append(text if index < len(node.arguments) else f"{parameter.name}={text}")
        return f"f_{function.name}({', '.join(arguments)}){self._code.mark(node)}"

    def _argument(self, function: Function, parameter: Parameter, argument: Expr, depth: int) -> str:
        text = self._expression(argument, depth)
        if parameter.kind == "any" or (isinstance(argument, Constant) and fits(argument.value, parameter)):
            return text
        name = self._place(function, parameter)
        if depth > MAX_INLINE_DEPTH:
            return f"fit({text}, {name}){self._code.mark(argument)}"
        value = self._code.temporary()
        kinds = "{}.__class__ is float or {}.__class__ is int"
        if parameter.kind in _CLASSES:
            kinds = "{}.__class__ is " + _CLASSES[parameter.kind]
        check = kinds.format(f"({value} := {text})", value)
        return f"({value} if {check} else fit({value}, {name}){self._code.mark(argument)})"

    def _first_present(self, function: Function, node: Call, depth: int) -> str:
        given = [argument for _, argument in function.bind(node)]
        if function.name == "default":
            last = self._lookups.optional(given[1], depth) if len(given) > 1 else '""'
            given = given[:1]
        else:
            last = "None"
        self._code.shared = {}  # only the first argument is certain to run
        names = [(self._code.temporary(), self._lookups.soft(argument, depth)) for argument in given]
        tries = [f"{name} if ({name} := {text}) is not None and {name} is not MISSING else" for name, text in names]
        return f"({' '.join(tries)} {last})"


def _is_digits(arguments: tuple[Expr, ...]) -> bool:
    values = [argument.value for argument in arguments if isinstance(argument, Constant)]
    return len(values) == len(arguments) == 1 and type(values[0]) is int and 0 <= values[0] <= 15
