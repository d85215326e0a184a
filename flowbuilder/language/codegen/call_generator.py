"""Calls of the functions of the language: their arguments are checked in place, a few are done in place as well."""

from __future__ import annotations

from typing import Final

from flowbuilder.language.codegen.comparison_generator import DEEP, ComparisonGenerator
from flowbuilder.language.evaluation.functions import FUNCTIONS, Function
from flowbuilder.language.evaluation.functions.registry import Parameter
from flowbuilder.language.nodes import Call, Constant, Expr

CLASSES: Final = {"text": "str", "key": "str", "integer": "int", "boolean": "bool", "list": "list", "object": "dict"}
METHODS: Final = {"upper": "upper", "lower": "lower", "trim": "strip", "capitalize": "capitalize"}
FREE_CHARS: Final = 300_000
"""So many characters may go through methods of texts before the meter is asked: less than a tenth of what it allows."""


class CallGenerator(ComparisonGenerator):
    """`f(x)`, `x | f`."""

    def _call(self, node: Call, depth: int) -> str:
        function = FUNCTIONS[node.name]
        if function.name == "is_defined":
            return f"(({self.temporary()} := {self.soft(node.arguments[0], depth)}) is not MISSING)"
        if function.name in ("default", "coalesce"):
            return self._first_there(function, node, depth)
        self.table[f"f_{function.name}"] = function.run
        if self.repeats and depth <= DEEP and not node.named:
            if function.name in METHODS and len(node.arguments) == 1:
                return self._method(function, node, depth)
            if function.name == "round" and _is_digits(node.arguments[1:]):
                return self._round(node, depth)
        return self._charged_call(function, node, depth)

    def _method(self, function: Function, node: Call, depth: int) -> str:
        """A method of texts, done at once while the texts are few and short: `h` counts them all together."""
        self.counted = True
        value = self.temporary()
        text = self.expression(node.arguments[0], depth)
        few = f"({value} := {text}).__class__ is str and (h := h + len({value})) < {FREE_CHARS}"
        place = self._place(function, function.parameters[0])
        rest = f"f_{function.name}({self.spare_meter()}, fit({value}, {place}){self.at(node)}){self.at(node)}"
        return f"({value}.{METHODS[function.name]}() if {few} else {rest})"

    def _round(self, node: Call, depth: int) -> str:
        value = self.temporary()
        text, digits = self.expression(node.arguments[0], depth), self.expression(node.arguments[1], depth)
        place = self._place(FUNCTIONS["round"], FUNCTIONS["round"].parameters[0])
        rest = f"f_round(None, fit({value}, {place}){self.at(node)}, {digits}){self.at(node)}"
        return f"(round({value}, {digits}) if ({value} := {text}).__class__ is float else {rest})"

    def _place(self, function: Function, parameter: Parameter) -> str:
        """The name by which `fit` knows a parameter."""
        name = f"p_{function.name}_{parameter.name}"
        self.table[name] = (function.name, parameter)
        return name

    def _charged_call(self, function: Function, node: Call, depth: int) -> str:
        arguments = [self.meter()]
        for index, (parameter, argument) in enumerate(function.bind(node)):
            text = self._argument(function, parameter, argument, depth)
            arguments.append(text if index < len(node.arguments) else f"{parameter.name}={text}")
        return f"f_{function.name}({', '.join(arguments)}){self.at(node)}"

    def _argument(self, function: Function, parameter: Parameter, argument: Expr, depth: int) -> str:
        text = self.expression(argument, depth)
        if parameter.kind == "any" or (isinstance(argument, Constant) and fits(argument.value, parameter)):
            return text
        name = self._place(function, parameter)
        if depth > DEEP:
            return f"fit({text}, {name}){self.at(argument)}"
        value = self.temporary()
        kinds = "{}.__class__ is float or {}.__class__ is int"
        if parameter.kind in CLASSES:
            kinds = "{}.__class__ is " + CLASSES[parameter.kind]
        return (
            f"({value} if {kinds.format(f'({value} := {text})', value)} else fit({value}, {name}){self.at(argument)})"
        )

    def _first_there(self, function: Function, node: Call, depth: int) -> str:
        given = [argument for _, argument in function.bind(node)]
        if function.name == "default":
            last = self._perhaps(given[1], depth) if len(given) > 1 else '""'
            given = given[:1]
        else:
            last = "None"
        self.shared = {}  # only the first of them is certainly evaluated
        names = [(self.temporary(), self.soft(argument, depth)) for argument in given]
        tries = [f"{name} if ({name} := {text}) is not None and {name} is not MISSING else" for name, text in names]
        return f"({' '.join(tries)} {last})"


def fits(value: object, parameter: Parameter) -> bool:
    """Whether a value is of the kind that a parameter takes."""
    kind = parameter.kind
    if kind == "any":
        return True
    if value is None:
        return not parameter.required
    return (kind == "number" and type(value) in (int, float)) or (
        kind in CLASSES and type(value).__name__ == CLASSES[kind]
    )


def _is_digits(arguments: tuple[Expr, ...]) -> bool:
    values = [argument.value for argument in arguments if isinstance(argument, Constant)]
    return len(values) == len(arguments) == 1 and type(values[0]) is int and 0 <= values[0] <= 15
