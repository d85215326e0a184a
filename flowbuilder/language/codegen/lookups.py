"""Code for names, members and items: lookups in the context, in the template's variables, and in `loop`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from flowbuilder.language.codegen.code_context import CodeContext
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
from flowbuilder.language.parsing.references import NamePath, path_of

GenerateExpr = Callable[[Expr, int], str]
"""Generates the code of an inner expression at a depth."""


class LookupGenerator:
    """Generates lookups. A lookup that fails raises `KeyError`, `IndexError` or `TypeError` at its mark."""

    def __init__(self, code: CodeContext, expression: GenerateExpr) -> None:
        self._code = code
        self._expression = expression

    def name(self, node: Name) -> str:
        """A variable of the template, or a name of the context."""
        known = self._code.variables.get(node.name)
        if known is None:
            return self._once((node.name,), lambda: f"c[{self._code.key(node.name)}]{self._code.mark(node)}")
        variable, assigned = known
        if node.name == "loop":
            return loop_object(variable)
        return variable if assigned else f"assigned({variable}){self._code.mark(node)}"

    def member(self, node: Member, depth: int) -> str:
        """`value.key`."""
        if isinstance(node.value, Name) and node.value.name == "loop" and "loop" in self._code.variables:
            return self._loop_member(node)
        path = path_of(node) if self._code.shared_paths else None
        if path is not None:
            return self._once(path, lambda: self._subscript(node, depth))
        return self._subscript(node, depth)

    def item(self, node: Item, depth: int) -> str:
        """`value[key]` with a computed key."""
        value, key = self._expression(node.value, depth), self._expression(node.key, depth)
        return f"item(None, {value}, {key}){self._code.mark(node)}"

    def soft(self, node: Expr, depth: int = 0) -> str:
        """The code of a value that may be missing: gives `MISSING` where the plain code raises."""
        variables = self._code.variables
        match node:
            case Name(name=name) if name in variables and name != "loop":
                return variables[name][0]
            case Name(name="loop") if "loop" in variables:
                return self._expression(node, depth)
            case Name(name=name):
                return f"c.get({self._code.key(name)}, MISSING)"
            case Member(value=Name(name="loop"), key=str()) if "loop" in variables:
                return self._expression(node, depth)
            case Member(value=value, key=key):
                return f"soft_item({self.soft(value, depth + 1)}, {self._code.key(key)})"
            case Item(value=value, key=key):
                return f"soft_item({self.soft(value, depth + 1)}, {self._expression(key, depth + 1)})"
            case Condition(test=test, then=then, otherwise=otherwise):
                chosen = self.soft(then, depth + 1), self._expression(test, depth + 1), self.soft(otherwise, depth + 1)
                return "({} if {} else {})".format(*chosen)
        return self._expression(node, depth)

    def optional(self, node: Expr, depth: int) -> str:
        """The code of a part that may not run: later parts do not share the lookups that it makes."""
        kept = dict(self._code.shared)
        text = self._expression(node, depth)
        self._code.shared = kept
        return text

    def _once(self, path: NamePath, make: Callable[[], str]) -> str:
        """The code of a lookup; a shared path is looked up the first time and read from a temporary name afterwards."""
        if path in self._code.shared:
            return self._code.shared[path]
        text = make()
        if path not in self._code.shared_paths:
            return text
        self._code.shared[path] = name = self._code.temporary()
        return f"({name} := {text})"

    def _subscript(self, node: Member, depth: int) -> str:
        value = self._expression(node.value, depth)
        if isinstance(node.value, Constant | ListLiteral | ObjectLiteral):
            # as a subscript, Python would evaluate this while it compiles
            return f"item(None, {value}, {self._code.key(node.key)}){self._code.mark(node)}"
        return f"{value}[{self._code.key(node.key)}]{self._code.mark(node)}"

    def _loop_member(self, node: Member) -> str:
        number = self._code.variables["loop"][0]
        members = loop_members(number)
        if node.key in members:
            return members[node.key]
        return f"item(None, {loop_object(number)}, {self._code.key(node.key)}){self._code.mark(node)}"


def loop_members(number: str) -> Mapping[str | int, str]:
    """The code of `loop.x` in the loop of this number: `i2` counts from 0, `n2` is the number of items."""
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
    """The code of `loop` as a value."""
    return "{" + ", ".join(f"{name!r}: {text}" for name, text in loop_members(number).items()) + "}"


def repeated_paths(node: Expr) -> frozenset[NamePath]:
    """The paths that an expression reads more than once, without those that are only read as part of a longer one."""
    counts: dict[NamePath, int] = {}
    for part in _outermost(node):
        path = path_of(part)
        for length in range(1, len(path or ()) + 1):
            prefix = (path or ())[:length]
            counts[prefix] = counts.get(prefix, 0) + 1
    inside: dict[NamePath, int] = {}
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
