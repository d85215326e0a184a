"""Provenance of a text: the marks on the values of one execution that its result is made from.

This is independent of the shapes that the checker infers. It follows the syntax tree with the values of the context,
and is closed by default: a mark is dropped only where the tree proves that the result is a number or a truth value, or
where the value holds no text but words of closed lists. What only selects or tests (a condition, an index) adds none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce

from flowbuilder.analysis.taint.sources import CLEAN, Marks
from flowbuilder.language import Expression, Template
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
    Slice,
    Statement,
    children,
)
from flowbuilder.values import Json
from flowbuilder.walk.marked_values import (
    NOTHING,
    Read,
    Result,
    Tree,
    in_any_order,
    items_of,
    member_of,
    plucked_from,
    values_of,
)

_NUMBERS = frozenset(("integer", "number", "boolean", "list of integer", "rounded", "sum"))
_ONE_ITEM = frozenset(("first", "extreme"))
_ONE_ARGUMENT = frozenset(("default", "coalesce"))


def result_of(
    text: Template | Expression, context: Mapping[str, Json], trees: Mapping[str, Tree], words: Collection[str]
) -> Result:
    """What a text returns in a context. `trees` has the marks on the context's names, `words` those of closed lists."""
    reader = _Reader(context, trees, words)
    program = text._program
    if program.expression is not None:
        return reader.expression(program.expression, {})
    return Result(made_from=reader.statements(program.statements, {}))


def read_marks(
    text: Template | Expression, context: Mapping[str, Json], trees: Mapping[str, Tree], words: Collection[str]
) -> Marks:
    """The marks on all that a text reads: its error message may quote any of it."""
    return _Reader(context, trees, words, quotes=True).statements(text._program.statements, {})


_Variables = dict[str, tuple[Result, bool]]
"""What each variable may hold, and whether it is certainly set."""
_LOOP = ""
"""A variable that is set inside loops; no name is empty."""
_IN_LOOP: _Variables = {"loop": (NOTHING, True), _LOOP: (NOTHING, True)}


@dataclass(frozen=True, slots=True)
class _Reader:
    context: Mapping[str, Json]
    trees: Mapping[str, Tree]
    words: Collection[str]
    quotes: bool = False
    """Whether the result is an error message, which may quote any value that is read."""

    def statements(self, body: tuple[Statement, ...], own: _Variables) -> Marks:
        """The marks on what statements print; `own` receives the variables that they set."""
        found = CLEAN
        for statement in body:
            match statement:
                case Output(value=value):
                    found |= self.expression(value, own).marks(self.words)
                case Set(name=name, value=value):
                    own[name] = self.expression(value, own), True
                case If(branches=branches, otherwise=otherwise):
                    if self.quotes:
                        found |= self._made_from((test for test, _ in branches), own).made_from
                    for inner in (*(inner for _, inner in branches), otherwise):
                        found |= self._maybe(inner, own, {})
                case For(names=names, iterable=iterable, body=inner, otherwise=otherwise):
                    listed = self.expression(iterable, own)
                    found |= listed.marks(self.words) if self.quotes else CLEAN
                    items = listed.map(items_of)
                    bound: _Variables = dict.fromkeys(names, (items, True)) | _IN_LOOP
                    # a variable of one round may be read in the next; the outermost loop repeats for the inner ones
                    for _ in range(1 if _LOOP in own else _sets_in(inner) + 1):
                        found |= self._maybe(inner, own, bound)
                    found |= self._maybe(otherwise, own, {})
        return found

    def _maybe(self, body: tuple[Statement, ...], own: _Variables, bound: _Variables) -> Marks:
        """Statements that may not be executed: afterwards a variable holds what it held, or what they set."""
        inside = {**own, **bound}
        found = self.statements(body, inside)
        for name, (result, _) in inside.items():
            if name not in bound:
                before, certain = own.get(name, (NOTHING, False))
                own[name] = before | result, certain
        return found

    def expression(self, node: Expr, own: _Variables) -> Result:
        match node:
            case Name(name=name):
                result, certain = own.get(name, (NOTHING, False))
                if not certain and name in self.context:
                    result |= Result((Read(self.context[name], self.trees.get(name, CLEAN)),))
                return result
            case Member(value=value, key=key):
                return self.expression(value, own).map(lambda read: member_of(read, key))
            case _ if self.quotes and not isinstance(node, Constant):
                return self._made_from(children(node), own)
            case Item(value=value):
                return self.expression(value, own).map(items_of)
            case Slice(value=value):
                return self.expression(value, own).map(in_any_order)
            case Constant(value=str() as value) if value:
                return Result((Read(value, CLEAN),))
            case Constant() | Not() | Compare():
                return NOTHING
            case Logic(left=left, right=right) | Condition(then=left, otherwise=right):
                return self.expression(left, own) | self.expression(right, own)
            case Call():
                return self._call(node, own)
        return self._made_from(children(node), own)

    def _call(self, node: Call, own: _Variables) -> Result:
        gives = FUNCTIONS[node.name].gives if node.name in FUNCTIONS else ""
        if gives in _NUMBERS:
            return NOTHING
        if gives in _ONE_ARGUMENT:
            return reduce(Result.__or__, (self.expression(inner, own) for inner in children(node)), NOTHING)
        if gives in _ONE_ITEM and node.arguments:
            return self.expression(node.arguments[0], own).map(items_of)
        if gives == "same" and node.arguments:
            return self.expression(node.arguments[0], own).map(in_any_order)
        if gives == "values" and node.arguments:
            return self.expression(node.arguments[0], own).map(values_of)
        if gives == "plucked" and len(node.arguments) > 1 and isinstance(key := node.arguments[1], Constant):
            plucked = self.expression(node.arguments[0], own).map(lambda read: plucked_from(read, str(key.value)))
            return plucked | self._made_from((value for _, value in node.named), own)
        return self._made_from(children(node), own)

    def _made_from(self, nodes: Iterable[Expr], own: _Variables) -> Result:
        marks = (self.expression(node, own).marks(self.words) for node in nodes)
        return Result(made_from=reduce(frozenset.union, marks, CLEAN))


def _sets_in(body: tuple[Statement, ...]) -> int:
    """The number of `set` statements in a body, inner ones included."""
    count = 0
    for statement in body:
        match statement:
            case Set():
                count += 1
            case If(branches=branches, otherwise=otherwise):
                count += _sets_in(otherwise) + sum(_sets_in(inner) for _, inner in branches)
            case For(body=inner, otherwise=otherwise):
                count += _sets_in(inner) + _sets_in(otherwise)
    return count
