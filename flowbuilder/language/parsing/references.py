"""The names that a text reads from its context, and whether it handles the case that they are missing."""

from __future__ import annotations

from operator import attrgetter

from msgspec import Struct

from flowbuilder.language.evaluation.functions import FUNCTIONS
from flowbuilder.language.nodes import (
    Call,
    Compare,
    Condition,
    Constant,
    Expr,
    For,
    If,
    Item,
    Logic,
    Member,
    Name,
    Not,
    Output,
    Set,
    Statement,
    children,
)

NamePath = tuple[str | int, ...]
"""A name and the keys of the members after it: `("steps", "draft", "output")`."""
_start = attrgetter("start")
TAKES_MISSING = frozenset(("default", "coalesce", "is_defined"))


class Reference(Struct, frozen=True):
    """A chain of members that begins at a name of the context: `("steps", "draft", "output")`.

    `guarded`: the text handles a missing value, by `default`, `coalesce` or `is_defined`, or because a test around the
    reference has found that it exists. `tested`: the text tells only one bit of the value, by a condition or a
    comparison.
    """

    path: NamePath
    start: int
    end: int
    guarded: bool = False
    tested: bool = False


def references(statements: tuple[Statement, ...]) -> tuple[Reference, ...]:
    """Every reference of a text, in the order of the text."""
    finder = _Finder()
    finder.statements(statements, frozenset(), frozenset())
    return tuple(sorted(finder.found, key=_start)) if len(finder.found) > 1 else tuple(finder.found)


def path_of(node: Expr) -> NamePath | None:
    """The path of a chain of members; None for anything else."""
    keys: list[str | int] = []
    while isinstance(node, Member):
        keys.append(node.key)
        node = node.value
    return (node.name, *reversed(keys)) if isinstance(node, Name) else None


def paths_found_by(test: Expr, *, holds: bool = True) -> frozenset[NamePath]:
    """The paths that exist for certain where a test is true (with `holds=False`: where it is false)."""
    match test:
        case Not(value=value):
            return paths_found_by(value, holds=not holds)
        case Logic(op=op, left=left, right=right):
            first, second = paths_found_by(left, holds=holds), paths_found_by(right, holds=holds)
            return first | second if (op == "and") == holds else first & second
        case Call(name=name, arguments=(value, *_)) if name in FUNCTIONS:
            called = FUNCTIONS[name].name
            if (called == "is_defined" and holds) or (called == "is_null" and not holds):
                return _paths(value)
            if called == "is_empty" and not holds:
                return _paths(value)
            if called == "default" and holds and _is_falsy(test):
                return _paths(value)
        case Compare(op=op, left=left, right=right) if op in ("==", "!="):
            if isinstance(left, Constant):
                left, right = right, left
            if not isinstance(right, Constant):
                return frozenset()
            same = (op == "==") == holds
            path = path_of(left) or ()
            if right.value is None and not same:
                return _paths(left)
            if right.value is not None and same:
                if right.value == "completed" and len(path) == 3 and path[0] == "steps" and path[2] == "status":
                    return _paths(left) | {(*path[:2], "output")}
                return _paths(left)
        case Member() | Name() if holds:
            return _paths(test)
    return frozenset()


def _is_falsy(call: Expr) -> bool:
    if not isinstance(call, Call):
        return False
    given = [*call.arguments[1:], *(value for _, value in call.named)]
    return not given or (isinstance(given[0], Constant) and not given[0].value)


def _paths(node: Expr) -> frozenset[NamePath]:
    if isinstance(node, Call) and node.name in FUNCTIONS and FUNCTIONS[node.name].name == "default" and _is_falsy(node):
        node = node.arguments[0]
    path = path_of(node)
    if path is None:
        return frozenset()
    # a member of a step's output exists only where the output does
    return frozenset((path, path[:3])) if path[0] == "steps" and len(path) > 3 else frozenset((path,))


def covered(path: NamePath, known: frozenset[NamePath]) -> bool:
    """Whether a path exists for certain, given the paths that do."""
    return bool(known) and any(path[: len(other)] == other or other[: len(path)] == path for other in known)


class _Finder:
    """Visits a text with the variables that it sets (`own`) and the paths that tests have found (`known`)."""

    def __init__(self) -> None:
        self.found: list[Reference] = []
        self._tested = False

    def statements(self, body: tuple[Statement, ...], own: frozenset[str], known: frozenset[NamePath]) -> None:
        for statement in body:
            match statement:
                case Output(value=value):
                    self.expression(value, own, known)
                case Set(name=name, value=value):
                    self.expression(value, own, known)
                    own |= {name}
                case If(branches=branches, otherwise=otherwise):
                    made = own
                    passed = known
                    for test, inner in branches:
                        self._test(test, own, passed)
                        self.statements(inner, own, passed | paths_found_by(test))
                        passed |= paths_found_by(test, holds=False)
                        made |= _variables_set_in(inner)
                    self.statements(otherwise, own, passed)
                    own = made | _variables_set_in(otherwise)
                case For(names=names, iterable=iterable, body=inner, otherwise=otherwise):
                    self.expression(iterable, own, known)
                    self.statements(inner, own | {*names, "loop"}, known)
                    self.statements(otherwise, own, known)

    def expression(self, node: Expr, own: frozenset[str], known: frozenset[NamePath], *, soft: bool = False) -> None:
        match node:
            case Name() | Member():
                self._chain(node, own, known, soft)
            case Constant():
                pass
            case Item(value=value, key=key):
                self.expression(value, own, known, soft=soft)
                self.expression(key, own, known)
            case Logic(op=op, left=left, right=right):
                self.expression(left, own, known)
                self.expression(right, own, known | paths_found_by(left, holds=op == "and"))
            case Condition(test=test, then=then, otherwise=otherwise):
                self._test(test, own, known)
                self.expression(then, own, known | paths_found_by(test), soft=soft)
                self.expression(otherwise, own, known | paths_found_by(test, holds=False), soft=soft)
            case Compare() | Not() if not self._tested:
                self._test(node, own, known)
            case Call(name=name) if not self._tested and name in FUNCTIONS and FUNCTIONS[name].gives == "boolean":
                self._test(node, own, known)
            case Call(name=name, arguments=arguments, named=named):
                taken = FUNCTIONS[name].name if name in FUNCTIONS else ""
                for index, argument in enumerate(arguments):
                    takes = taken == "coalesce" or (taken in TAKES_MISSING and index == 0)
                    self.expression(argument, own, known, soft=takes)
                for _, argument in named:
                    self.expression(argument, own, known)
            case _:
                for inner in children(node):
                    self.expression(inner, own, known)

    def _test(self, node: Expr, own: frozenset[str], known: frozenset[NamePath]) -> None:
        """Visit an expression of whose value the text tells only whether it is true."""
        before, self._tested = self._tested, True
        self.expression(node, own, known)
        self._tested = before

    def _chain(self, node: Name | Member, own: frozenset[str], known: frozenset[NamePath], soft: bool) -> None:
        path = path_of(node)
        if path is None:
            inner: Expr = node
            while isinstance(inner, Member):
                inner = inner.value
            self.expression(inner, own, known, soft=soft)
        elif path[0] not in own:
            self.found.append(Reference(path, node.start, node.end, soft or covered(path, known), self._tested))


def _variables_set_in(body: tuple[Statement, ...]) -> frozenset[str]:
    """The variables that statements set, or may set, for the statements after them."""
    names: set[str] = set()
    for statement in body:
        if isinstance(statement, Set):
            names.add(statement.name)
        elif isinstance(statement, If):
            for _, inner in statement.branches:
                names |= _variables_set_in(inner)
            names |= _variables_set_in(statement.otherwise)
    return frozenset(names)
