"""Which part of a URL fixes its host: judged on the syntax tree of the text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from flowbuilder.language import Expression, Namespace, Template
from flowbuilder.language.nodes import (
    Arithmetic,
    Call,
    Condition,
    Constant,
    Expr,
    For,
    If,
    Join,
    Logic,
    Name,
    Output,
    Set,
    Statement,
    Text,
    expressions,
    walk,
)
from flowbuilder.language.types.findings import FindingCollector
from flowbuilder.language.types.inference import Inference

_FIXED_HOST: Final = r"(?i)(?:[a-z][a-z0-9+.-]*:)?//[^/?#\\]+[/?#]|/(?![/\\])|\0[^/?#\\]*(?:[?#]|/(?!/))"
_TRUSTED: Final = "\0"
"""Stands for a value that no outsider wrote."""
_MOST_STARTS: Final = 64


class _Start(Struct, frozen=True):
    """What a text may begin with, up to its end or to its first untrusted part."""

    text: str = ""
    is_cut: bool = False


def host_is_fixed(text: Template | Expression, names: Namespace) -> bool:
    """Whether the host of a URL comes before all untrusted text in it: `https://example.com/{{ slug }}`."""
    program = text._program
    reader = _Reader(names)
    starts = (
        reader.of_expression(program.expression)
        if program.expression is not None
        else reader.of_statements(program.statements)
    )
    return all(re.match(_FIXED_HOST, start.text.lstrip()) for start in starts if start.is_cut)


class _Reader:
    def __init__(self, names: Mapping[str, object]) -> None:
        self._names = names
        self._inference = Inference(dict(names), FindingCollector(""))  # type: ignore[arg-type]
        self._variables: dict[str, list[_Start]] = {}

    def of_statements(self, statements: tuple[Statement, ...]) -> list[_Start]:
        starts = [_Start()]
        for statement in statements:
            match statement:
                case Text(text=text):
                    starts = _followed(starts, [_Start(text)])
                case Output(value=value):
                    starts = _followed(starts, self.of_expression(value))
                case Set(name=name, value=value):
                    self._variables[name] = self.of_expression(value)
                case If(branches=branches, otherwise=otherwise):
                    before = dict(self._variables)
                    ends = [end for _, body in branches for end in self._branch(body, before)]
                    starts = _followed(starts, [*ends, *self._branch(otherwise, before)])
                    self._variables = {**before, **{name: [_CUT] for name in _set_in((statement,))}}
                case For():
                    is_trusted = all(map(self._is_trusted, expressions((statement,))))
                    starts = _followed(starts, [_Start(_TRUSTED)] if is_trusted else [_CUT])
        return starts

    def _branch(self, body: tuple[Statement, ...], before: dict[str, list[_Start]]) -> list[_Start]:
        self._variables = dict(before)
        return self.of_statements(body)

    def of_expression(self, node: Expr) -> list[_Start]:
        match node:
            case Constant(value=value):
                return [_Start("" if value is None else str(value))]
            case Name(name=name) if name in self._variables:
                return self._variables[name]
            case Join(parts=parts):
                return self._all(parts)
            case Arithmetic(op="+", left=left, right=right):
                return self._all((left, right))
            case Condition(then=then, otherwise=otherwise):
                return self.of_expression(then) + self.of_expression(otherwise)
            case Logic(left=left, right=right):
                return self.of_expression(left) + self.of_expression(right)
            case Call(name="default" | "d" | "coalesce", arguments=arguments):
                return [start for argument in arguments for start in self.of_expression(argument)]
        return [_Start(_TRUSTED) if self._is_trusted(node) else _CUT]

    def _all(self, parts: Iterable[Expr]) -> list[_Start]:
        starts = [_Start()]
        for part in parts:
            starts = _followed(starts, self.of_expression(part))
        return starts

    def _is_trusted(self, node: Expr) -> bool:
        read = {inner.name for inner in walk(node) if isinstance(inner, Name)}
        if not read <= set(self._names):  # a variable of the text, or an unknown name
            return False
        return self._inference.infer(node, frozenset()).trust is None


_CUT: Final = _Start(is_cut=True)


def _followed(starts: list[_Start], others: list[_Start]) -> list[_Start]:
    """Each start; where it is not cut, followed by each of the others."""
    found = dict.fromkeys(
        start if start.is_cut else replace(other, text=start.text + other.text) for start in starts for other in others
    )
    return list(found) if len(found) <= _MOST_STARTS else [_CUT]


def _set_in(statements: tuple[Statement, ...]) -> set[str]:
    """The variables that statements set, at any depth outside of loops."""
    found: set[str] = set()
    for statement in statements:
        if isinstance(statement, Set):
            found.add(statement.name)
        elif isinstance(statement, If):
            for _, body in (*statement.branches, (None, statement.otherwise)):
                found |= _set_in(body)
    return found
