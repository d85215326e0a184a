"""Programs by their text: what has been compiled once is not compiled again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flowbuilder.language.codegen.program import Program
from flowbuilder.language.nodes import Output, expressions
from flowbuilder.language.parsing.calls import calls_in, check_calls
from flowbuilder.language.parsing.quick_expression import read_expression
from flowbuilder.language.parsing.quick_template import read_template

CACHED_CHARS: Final = 1_000_000
"""How much text is kept compiled; a program takes about a hundred times the memory of its text."""


class Cache:
    """Programs by their text. When there is too much of it, the older half is forgotten."""

    def __init__(self, compile_text: Callable[[str], Program]) -> None:
        self._compile = compile_text
        self._programs: dict[str, Program] = {}
        self._chars = 0

    def get(self, source: str) -> Program:
        """The program of a text; raises `LanguageError(stage="compile")`."""
        program = self._programs.get(source)
        if program is None:
            program = self._compile(source)
            self._chars += len(source)
            if self._chars > CACHED_CHARS:
                self._forget()
            self._programs[source] = program
        return program

    def clear(self) -> None:
        """Forget everything, to measure how long compiling takes."""
        self._programs, self._chars = {}, 0

    def _forget(self) -> None:
        kept = list(self._programs.items())[len(self._programs) // 2 :]
        self._programs = dict(kept)
        self._chars = sum(len(source) for source, _ in kept)


def _template(source: str) -> Program:
    read = read_template(source)
    if read is not None:
        statements, single, calls = read
    else:
        # jinja2 and lark are imported when the first text needs them
        from flowbuilder.language.parsing.template_parser import parse_template

        statements, single = parse_template(source)
        calls = calls_in(expressions(statements))
    check_calls(calls, source)
    only = statements[0] if single and len(statements) == 1 else None
    return Program(source=source, statements=statements, expression=only.value if isinstance(only, Output) else None)


def _expression(source: str) -> Program:
    read = read_expression(source)
    if read is not None:
        tree, calls = read
    else:
        from flowbuilder.language.parsing.expression_parser import parse_expression

        tree = parse_expression(source)
        calls = calls_in((tree,))
    check_calls(calls, source)
    return Program(source=source, statements=(Output(tree.start, tree.end, tree),), expression=tree)


TEMPLATES: Final = Cache(_template)
EXPRESSIONS: Final = Cache(_expression)
