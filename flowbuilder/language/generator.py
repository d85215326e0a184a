"""An expression of the syntax tree becomes the text of a Python expression that charges before it works.

The text holds no author's words: constants stand in a table, names are numbered, and keys are put into the compiled code
afterwards. After each operation that can fail stands `#n` and a line end: the number of its node, which is how an error
finds its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
    children,
)
from flowbuilder.language.references import Path, path_of

ARITHMETIC: Final = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "//": "floor_divide", "%": "modulo"}
ORDERS: Final = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"}
CLASSES: Final = {"text": "str", "key": "str", "integer": "int", "boolean": "bool", "list": "list", "object": "dict"}
DEEP: Final = 20
"""Below this depth everything is a plain call: Python reads no more than 200 brackets inside each other."""
METHODS: Final = {"upper": "upper", "lower": "lower", "trim": "strip", "capitalize": "capitalize"}
FREE_CHARS: Final = 300_000
"""So many characters may go through a method of texts before the meter is asked: less than a tenth of what it allows."""
SHORT: Final = 100
"""A list of fewer items is searched without a charge, where nothing is repeated."""


class Generator:
    """Makes Python text. `code` and `table` gather what the text refers to."""

    def __init__(self, often: frozenset[Path] = frozenset()) -> None:
        self.often = often
        self.shared: dict[Path, str] = {}
        self.table: dict[str, Any] = {}
        self.nodes: list[Expr] = []
        self.keys: dict[str, str] = {}
        self.variables: dict[str, tuple[str, bool]] = {}
        self.repeats = False
        self.charged = False
        self.counted = False
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
            return self._once((node.name,), lambda: f"c[{self.key(node.name)}]{self.at(node)}")
        variable, certain = known
        if node.name == "loop":
            return loop_object(variable)
        return variable if certain else f"there({variable}){self.at(node)}"

    def _member(self, node: Member, depth: int) -> str:
        if isinstance(node.value, Name) and node.value.name == "loop" and "loop" in self.variables:
            return self._loop(node)
        path = path_of(node) if self.often else None
        if path is not None:
            return self._once(path, lambda: self._looked_up(node, depth))
        return self._looked_up(node, depth)

    def _once(self, path: Path, make: Callable[[], str]) -> str:
        """A lookup that the text makes several times is made once."""
        if path in self.shared:
            return self.shared[path]
        text = make()
        if path not in self.often:
            return text
        self.shared[path] = name = self.temporary()
        return f"({name} := {text})"

    def _looked_up(self, node: Member, depth: int) -> str:
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
        numbers = _number(node.left), _number(node.right)
        if depth > DEEP or all(numbers):
            return plain.format(left, right)
        if any(numbers):
            literal_class, name = numbers[0] or numbers[1], self.temporary()
            text, names = (right, (left, name)) if numbers[0] else (left, (name, right))
            first, second = ("float", "int") if literal_class == "float" else ("int", "float")
            checks = f"({name} := {text}).__class__ is {first} or {name}.__class__ is {second}"
        else:
            one, two = names = self.temporary(), self.temporary()
            checks = f"({one} := {left}).__class__ is ({two} := {right}).__class__ is float"
            checks += f" or {one}.__class__ is {two}.__class__ is int"
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
            if not isinstance(left, Name | Member):
                text = f"({self.temporary()} := {text})"  # Python warns of `1 is None`
            return f"({text} {'is not' if negated else 'is'} {value!r})"
        literal = self.key(value) if isinstance(value, str) else repr(value)
        if value not in (0, 1):
            return f"({text} {node.op} {literal})"
        # Python finds that true is 1
        name = self.temporary()
        kept = f"(({name} := {text}).__class__ is not bool and {name} == {literal})"
        return f"(not {kept})" if negated else kept

    def _contains(self, node: Compare, depth: int) -> str:
        if isinstance(node.right, ListLiteral) and _texts(node.right):
            table = self.constant(tuple(item.value for item in node.right.items if isinstance(item, Constant)))
            return f"({self.expression(node.left, depth)} {node.op} {table})"
        if self.repeats or depth > DEEP:
            return self._call_of(node, self.expression(node.left, depth), self.expression(node.right, depth))
        return self._short(node, depth)

    def _short(self, node: Compare, depth: int) -> str:
        """Look into a short list at once: what Python does not find there is not there, and a text that it finds is."""
        kept = dict(self.shared)
        where, right = self.temporary(), self.expression(node.right, depth)
        after = dict(self.shared)
        item = self.temporary()
        if path_of(node.left) is None:
            # both sides are evaluated before either is judged, and the left one only once
            self.shared = kept
            left = self.expression(node.left, depth)
            right = self.expression(node.right, depth)
            plain = self._call_of(node, item, where)
            both = f"(({item} := {left}).__class__ is str) & (({where} := {right}).__class__ is list)"
            return f"({item} {node.op} {where} if {both} and len({where}) < {SHORT} else {plain})"
        left = self.expression(node.left, depth)
        self.shared = dict(after)
        again = self._call_of(node, self.expression(node.left, depth), where)
        self.shared = after
        sure = self._call_of(node, item, where)
        found = f"({item} := {left}) in {where} and ({item}.__class__ is str or {sure})"
        if node.op == "not in":
            found = f"({item} := {left}) not in {where} or ({item}.__class__ is not str and {sure})"
        return f"({found} if ({where} := {right}).__class__ is list and len({where}) < {SHORT} else {again})"

    def _call_of(self, node: Compare, item: str, where: str) -> str:
        name = "contains" if node.op == "in" else "excludes"
        return f"{name}({self.spare_meter()}, {item}, {where}){self.at(node)}"

    def _logic(self, node: Logic, depth: int) -> str:
        return f"({self.expression(node.left, depth)} {node.op} {self._perhaps(node.right, depth)})"

    def _condition(self, node: Condition, depth: int) -> str:
        test = self.expression(node.test, depth)
        return f"({self._perhaps(node.then, depth)} if {test} else {self._perhaps(node.otherwise, depth)})"

    def _perhaps(self, node: Expr, depth: int) -> str:
        """The text of a part that may not be evaluated: what it looks up is not there for what comes after it."""
        kept = dict(self.shared)
        text = self.expression(node, depth)
        self.shared = kept
        return text

    def _join(self, node: Join, depth: int) -> str:
        return f"join({self.meter()}, {', '.join(self.expression(part, depth) for part in node.parts)}){self.at(node)}"

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
        """A method of texts, done at once while the texts are few and short; all of them together are counted in `h`."""
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


def often_read(node: Expr) -> frozenset[Path]:
    """The paths that an expression reads more than once, without those that are only read as part of a longer one."""
    counts: dict[Path, int] = {}
    for part in outermost(node):
        path = path_of(part)
        for length in range(1, len(path or ()) + 1):
            prefix = (path or ())[:length]
            counts[prefix] = counts.get(prefix, 0) + 1
    inside = {path[:-1]: count for path, count in counts.items() if count > 1}
    return frozenset(path for path, count in counts.items() if count > 1 and inside.get(path, 0) < count)


def outermost(node: Expr) -> Iterator[Expr]:
    """The chains of members in an expression, each as a whole."""
    if path_of(node) is not None:
        yield node
    else:
        for inner in children(node):
            yield from outermost(inner)


def _number(node: Expr) -> str:
    """The class of a literal number, by name; empty for anything else."""
    value = node.value if isinstance(node, Constant) else None
    return type(value).__name__ if type(value) in (int, float) else ""


def _is_digits(arguments: tuple[Expr, ...]) -> bool:
    values = [argument.value for argument in arguments if isinstance(argument, Constant)]
    return len(values) == len(arguments) == 1 and type(values[0]) is int and 0 <= values[0] <= 15


def _texts(node: ListLiteral) -> bool:
    return 0 < len(node.items) <= 64 and all(
        isinstance(item, Constant) and type(item.value) is str for item in node.items
    )
