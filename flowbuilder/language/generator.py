"""An expression of the syntax tree becomes the text of a Python expression that charges before it works.

The text holds no author's words: constants stand in a table, names are numbered, and keys are put into the compiled code
afterwards. After each operation that can fail stands `#n` and a line end: the number of its node, which is how an error
finds its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from flowbuilder.language.functions import FUNCTIONS, Function
from flowbuilder.language.functions.registry import Parameter
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

ARITHMETIC: Final = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "//": "floor_divide", "%": "modulo"}
ORDERS: Final = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"}
CLASSES: Final = {"text": "str", "key": "str", "integer": "int", "boolean": "bool", "list": "list", "object": "dict"}
DEEP: Final = 20
"""Below this depth everything is a plain call: Python reads no more than 200 brackets inside each other."""
SHORT: Final = 100
"""A list of fewer items is searched without a charge, where nothing is repeated."""


class Generator:
    """Makes Python text. `code` and `table` gather what the text refers to."""

    def __init__(self) -> None:
        self.table: dict[str, Any] = {}
        self.nodes: list[Expr] = []
        self.keys: dict[str, str] = {}
        self.variables: dict[str, tuple[str, bool]] = {}
        self.repeats = False
        self.charged = False
        self.may_charge = False
        self._temporaries = 0
        self._constants: dict[tuple[type, Any], str] = {}

    def expression(self, node: Expr, depth: int = 0) -> str:
        """The Python text that gives the value of `node`, or raises."""
        rule: Callable[[Any, int], str] = getattr(self, f"_{type(node).__name__.lower()}")
        return rule(node, depth + 1)

    def soft(self, node: Expr, depth: int = 0) -> str:
        """The same for a value that may be missing: gives the mark for it where another text would raise."""
        match node:
            case Name(name=name) if name in self.variables and name != "loop":
                return self.variables[name][0]
            case Name(name="loop") if "loop" in self.variables:
                return self.expression(node, depth)
            case Name(name=name):
                return f"c.get({self.key(name)}, MISSING)"
            case Member(value=Name(name="loop"), key=str()) if "loop" in self.variables:
                return self.expression(node, depth)
            case Member(value=value, key=key):
                return f"soft_item({self.soft(value, depth + 1)}, {self.key(key)})"
            case Item(value=value, key=key):
                return f"soft_item({self.soft(value, depth + 1)}, {self.expression(key, depth + 1)})"
            case Condition(test=test, then=then, otherwise=otherwise):
                chosen = self.soft(then, depth + 1), self.expression(test, depth + 1), self.soft(otherwise, depth + 1)
                return "({} if {} else {})".format(*chosen)
        return self.expression(node, depth)

    def test(self, node: Expr) -> str:
        """The text of a condition: what Python finds true is what this language does."""
        return self.expression(node)

    def at(self, node: Expr) -> str:
        """The mark of the operation before it."""
        self.nodes.append(node)
        return f"#{len(self.nodes) - 1}\n"

    def meter(self) -> str:
        """The meter, in an operation that is always charged."""
        self.charged = True
        return "m"

    def spare_meter(self) -> str:
        """The meter, in the rare case of an operation that is mostly free."""
        self.may_charge = True
        return "(m or (m := Meter()))"

    def temporary(self) -> str:
        """A new name for a value that is used twice."""
        self._temporaries += 1
        return f"t{self._temporaries}"

    def key(self, key: str | int) -> str:
        """A key: a whole number as it is, a text as the stand-in that `program` replaces."""
        return repr(key) if isinstance(key, int) else repr(self.keys.setdefault(key, f"k{len(self.keys)}"))

    def constant(self, value: object) -> str:
        """A name for a value in the table."""
        mark = (type(value), value)
        if mark not in self._constants:
            self._constants[mark] = f"K{len(self._constants)}"
            self.table[self._constants[mark]] = value
        return self._constants[mark]

    # one method for each node

    def _constant(self, node: Constant, _depth: int) -> str:
        value = node.value
        return repr(value) if not isinstance(value, str) else self.constant(value)

    def _name(self, node: Name, _depth: int) -> str:
        known = self.variables.get(node.name)
        if known is None:
            return f"c[{self.key(node.name)}]{self.at(node)}"
        variable, certain = known
        if node.name == "loop":
            return loop_object(variable)
        return variable if certain else f"there({variable}){self.at(node)}"

    def _member(self, node: Member, depth: int) -> str:
        if isinstance(node.value, Name) and node.value.name == "loop" and "loop" in self.variables:
            return self._loop(node)
        value = self.expression(node.value, depth)
        if isinstance(node.value, Constant | ListLiteral | ObjectLiteral):
            # Python would compute this while it compiles
            key = self.key(node.key) if isinstance(node.key, int) else self.constant(node.key)
            return f"item(None, {value}, {key}){self.at(node)}"
        return f"{value}[{self.key(node.key)}]{self.at(node)}"

    def _loop(self, node: Member) -> str:
        number = self.variables["loop"][0]
        facts = loop_facts(number)
        return (
            facts[node.key]
            if node.key in facts
            else f"item(None, {loop_object(number)}, {self.key(node.key)}){self.at(node)}"
        )

    def _item(self, node: Item, depth: int) -> str:
        return f"item(None, {self.expression(node.value, depth)}, {self.expression(node.key, depth)}){self.at(node)}"

    def _slice(self, node: Slice, depth: int) -> str:
        edges = (self.expression(edge, depth) if edge is not None else "None" for edge in (node.low, node.high))
        return f"cut({self.meter()}, {self.expression(node.value, depth)}, {', '.join(edges)}){self.at(node)}"

    def _listliteral(self, node: ListLiteral, depth: int) -> str:
        if not node.items:
            return "[]"
        items = ", ".join(self.expression(item, depth) for item in node.items)
        if not self.repeats:
            return f"[{items}]"
        return f"make_list({self.meter()}, {items}){self.at(node)}"

    def _objectliteral(self, node: ObjectLiteral, depth: int) -> str:
        entries = ", ".join(f"{self.constant(key)}: {self.expression(value, depth)}" for key, value in node.entries)
        if not self.repeats or not entries:
            return f"{{{entries}}}"
        return f"make_object({self.meter()}, {{{entries}}}){self.at(node)}"

    def _not(self, node: Not, depth: int) -> str:
        return f"(not {self.expression(node.value, depth)})"

    def _negative(self, node: Negative, depth: int) -> str:
        if isinstance(node.value, Constant) and type(node.value.value) in (int, float):
            return f"({-node.value.value!r})"  # type: ignore[operator]
        return f"negate(None, {self.expression(node.value, depth)}){self.at(node)}"

    def _arithmetic(self, node: Arithmetic, depth: int) -> str:
        meter = self.meter() if node.op == "+" else "None"
        left, right = self.expression(node.left, depth), self.expression(node.right, depth)
        return f"{ARITHMETIC[node.op]}({meter}, {left}, {right}){self.at(node)}"

    def _compare(self, node: Compare, depth: int) -> str:
        if node.op in ORDERS:
            return self._order(node, depth)
        if node.op in ("==", "!="):
            return self._equal(node, depth)
        return self._contains(node, depth)

    def _order(self, node: Compare, depth: int) -> str:
        left, right = self.expression(node.left, depth), self.expression(node.right, depth)
        plain = f"{ORDERS[node.op]}({self.spare_meter()}, {{}}, {{}}){self.at(node)}"
        if depth > DEEP:
            return plain.format(left, right)
        tests, names = [], []
        for operand, text in ((node.left, left), (node.right, right)):
            if isinstance(operand, Constant) and type(operand.value) in (int, float):
                names.append(text)
                continue
            name = self.temporary()
            names.append(name)
            tests.append((name, text))
        # the left side is evaluated first, whatever its kind
        checks = " and ".join(f"(type({name} := {text}) is float or type({name}) is int)" for name, text in tests)
        if len(tests) == 2:
            (one, first), (two, second) = tests
            checks = f"type({one} := {first}) is type({two} := {second}) is float or type({one}) is type({two}) is int"
        if not checks:
            return plain.format(left, right)
        return f"({names[0]} {node.op} {names[1]} if {checks} else {plain.format(*names)})"

    def _equal(self, node: Compare, depth: int) -> str:
        left, right = node.left, node.right
        if isinstance(left, Constant):
            left, right = right, left
        negated = node.op == "!="
        if not isinstance(right, Constant) or isinstance(left, Constant):
            name = "unequal" if negated else "equal"
            sides = f"{self.expression(node.left, depth)}, {self.expression(node.right, depth)}"
            return f"{name}({self.spare_meter()}, {sides}){self.at(node)}"
        value, text = right.value, self.expression(left, depth)
        if value is None or value is True or value is False:
            return f"({text} {'is not' if negated else 'is'} {value!r})"
        literal = self.key(value) if isinstance(value, str) else repr(value)
        if value not in (0, 1):
            return f"({text} {node.op} {literal})"
        # Python finds that true is 1
        name = self.temporary()
        kept = f"(type({name} := {text}) is not bool and {name} == {literal})"
        return f"(not {kept})" if negated else kept

    def _contains(self, node: Compare, depth: int) -> str:
        name = "contains" if node.op == "in" else "excludes"
        left, right = self.expression(node.left, depth), self.expression(node.right, depth)
        if isinstance(node.right, ListLiteral) and _texts(node.right):
            table = self.constant(tuple(item.value for item in node.right.items if isinstance(item, Constant)))
            return f"({left} {node.op} {table})"
        plain = f"{name}({self.spare_meter()}, {{}}, {{}}){self.at(node)}"
        if self.repeats or depth > DEEP:
            return plain.format(left, right)
        item, where = self.temporary(), self.temporary()
        # both sides are evaluated before either is judged, as in the call
        both = f"(type({item} := {left}) is str) & (type({where} := {right}) is list) and len({where}) < {SHORT}"
        return f"({item} {node.op} {where} if {both} else {plain.format(item, where)})"

    def _logic(self, node: Logic, depth: int) -> str:
        return f"({self.expression(node.left, depth)} {node.op} {self.expression(node.right, depth)})"

    def _condition(self, node: Condition, depth: int) -> str:
        parts = (self.expression(part, depth) for part in (node.then, node.test, node.otherwise))
        return "({} if {} else {})".format(*parts)

    def _join(self, node: Join, depth: int) -> str:
        return f"join({self.meter()}, {', '.join(self.expression(part, depth) for part in node.parts)}){self.at(node)}"

    def _call(self, node: Call, depth: int) -> str:
        function = FUNCTIONS[node.name]
        if function.name == "is_defined":
            return f"({self.soft(node.arguments[0], depth)} is not MISSING)"
        if function.name in ("default", "coalesce"):
            return self._first_there(function, node, depth)
        self.table[f"f_{function.name}"] = function.run
        arguments = [self.meter()]
        for index, (parameter, argument) in enumerate(function.bind(node)):
            text = self._argument(function, parameter, argument, depth)
            arguments.append(text if index < len(node.arguments) else f"{parameter.name}={text}")
        return f"f_{function.name}({', '.join(arguments)}){self.at(node)}"

    def _argument(self, function: Function, parameter: Parameter, argument: Expr, depth: int) -> str:
        text = self.expression(argument, depth)
        if parameter.kind == "any" or (isinstance(argument, Constant) and fits(argument.value, parameter)):
            return text
        name = f"p_{function.name}_{parameter.name}"
        self.table[name] = (function.name, parameter)
        if depth > DEEP or parameter.kind not in CLASSES:
            return f"fit({text}, {name}){self.at(argument)}"
        value = self.temporary()
        return f"({value} if type({value} := {text}) is {CLASSES[parameter.kind]} else fit({value}, {name}){self.at(argument)})"

    def _first_there(self, function: Function, node: Call, depth: int) -> str:
        given = [argument for _, argument in function.bind(node)]
        if function.name == "default":
            last = self.expression(given[1], depth) if len(given) > 1 else '""'
            given = given[:1]
        else:
            last = "None"
        names = [(self.temporary(), self.soft(argument, depth)) for argument in given]
        tries = [f"{name} if ({name} := {text}) is not None and {name} is not MISSING else" for name, text in names]
        return f"({' '.join(tries)} {last})"


def loop_facts(number: str) -> Mapping[str | int, str]:
    """What `loop.x` is, in terms of the loop's own variables: `i2` counts from 0, `n2` is how many there are."""
    index, count = f"i{number}", f"n{number}"
    return {
        "index": f"({index} + 1)",
        "index0": index,
        "first": f"({index} == 0)",
        "last": f"({index} == {count} - 1)",
        "length": count,
        "revindex": f"({count} - {index})",
        "revindex0": f"({count} - {index} - 1)",
    }


def loop_object(number: str) -> str:
    """`loop` as a value."""
    return "{" + ", ".join(f"{name!r}: {text}" for name, text in loop_facts(number).items()) + "}"


def fits(value: object, parameter: Parameter) -> bool:
    """Whether a value is of the kind that a parameter takes."""
    if value is None:
        return not parameter.required
    kind = parameter.kind
    return (
        kind == "any"
        or (kind == "number" and type(value) in (int, float))
        or (kind in CLASSES and type(value).__name__ == CLASSES[kind])
    )


def _texts(node: ListLiteral) -> bool:
    return 0 < len(node.items) <= 64 and all(
        isinstance(item, Constant) and type(item.value) is str for item in node.items
    )
