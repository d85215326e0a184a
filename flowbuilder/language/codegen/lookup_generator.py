"""What all generated code is made of: constants in a table, numbered names, marked operations, lookups of data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flowbuilder.language.nodes import (
    Condition,
    Constant,
    Expr,
    Item,
    ListLiteral,
    Member,
    Name,
    ObjectLiteral,
    children,
)
from flowbuilder.language.parsing.references import Path, path_of


class LookupGenerator:
    """Makes Python text. `table`, `keys` and `nodes` gather what the text refers to."""

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

    def _perhaps(self, node: Expr, depth: int) -> str:
        """The text of a part that may not be evaluated: what it looks up is not there for what comes after it."""
        kept = dict(self.shared)
        text = self.expression(node, depth)
        self.shared = kept
        return text

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


def often_read(node: Expr) -> frozenset[Path]:
    """The paths that an expression reads more than once, without those that are only read as part of a longer one."""
    counts: dict[Path, int] = {}
    for part in _outermost(node):
        path = path_of(part)
        for length in range(1, len(path or ()) + 1):
            prefix = (path or ())[:length]
            counts[prefix] = counts.get(prefix, 0) + 1
    inside: dict[Path, int] = {}
    for path, count in counts.items():
        inside[path[:-1]] = max(count, inside.get(path[:-1], 0))
    return frozenset(path for path, count in counts.items() if count > 1 and inside.get(path, 0) < count)


def _outermost(node: Expr) -> Iterator[Expr]:
    """The chains of members in an expression, each as a whole."""
    if path_of(node) is not None:
        yield node
    else:
        for inner in children(node):
            yield from _outermost(inner)
