"""Compiled texts: parsed when made, turned into a Python function on first evaluation, cached by their text."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from flowbuilder.errors import LanguageError
from flowbuilder.language.nodes import Expr, Output, Statement, expressions
from flowbuilder.language.parsing.references import Reference, references
from flowbuilder.language.parsing.shared_constructs import check_calls
from flowbuilder.language.version import LANGUAGE_VERSION
from flowbuilder.values import Json

Evaluate = Callable[[Mapping[str, Json]], Any]

CACHED_CHARS: Final = 1_000_000
"""Total length of the texts that are kept compiled; a program takes about a hundred times the memory of its text."""


@dataclass(eq=False, kw_only=True)
class Program:
    """One text: its syntax tree, its references, and the function that evaluates it."""

    source: str
    statements: tuple[Statement, ...] = field(repr=False)
    expression: Expr | None = field(repr=False)
    """The tree of a bare expression, or of a template that is exactly one `{{ expression }}`."""
    needs: int = 1
    """The version of the language in which the last of its functions got its present meaning."""
    version: int = LANGUAGE_VERSION
    """The version of the language whose functions it calls."""

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """Every name that the text reads from its context."""
        return references(self.statements)

    @cached_property
    def evaluate(self) -> Evaluate:
        """The function from a context to the value; generated on first use."""
        return _generate(self)

    @cached_property
    def for_url(self) -> Program:
        """The program with values behind the host of a URL percent-encoded."""
        from flowbuilder.language.url_template import encoded

        return replace(self, statements=encoded(self.statements), expression=None)

    def in_version(self, version: int) -> Program:
        """The program with the functions of a version of the language; the same one where they are the same."""
        return self if version >= self.needs else replace(self, version=version)


class ProgramCache:
    """Programs by their text. When the texts exceed `CACHED_CHARS`, the older half is dropped."""

    def __init__(self, compile_text: Callable[[str], Program]) -> None:
        self._compile = compile_text
        self._programs: dict[tuple[str, int], Program] = {}
        self._chars = 0

    def get(self, source: str, version: int = LANGUAGE_VERSION) -> Program:
        """The program of a text in a version of the language; raises `LanguageError(stage="compile")`."""
        program = self._programs.get((source, version))
        if program is None:
            program = self._compiled(source).in_version(version)
            self._chars += len(source)
            if self._chars > CACHED_CHARS:
                self._drop_older_half()
            self._programs[source, version] = program
        return program

    def _compiled(self, source: str) -> Program:
        try:
            return self._compile(source)
        except LanguageError:
            raise
        except (RecursionError, MemoryError):
            raise LanguageError("FB204", "the text is nested too deeply", stage="compile") from None
        except Exception as error:  # of a parser: a text never raises anything else
            message = f"this cannot be read: {type(error).__name__}: {str(error)[:200]}"
            raise LanguageError("FB201", message, stage="compile", start=0, end=len(source)) from error

    def clear(self) -> None:
        """Drop every program, to measure compilation."""
        self._programs, self._chars = {}, 0

    def _drop_older_half(self) -> None:
        kept = list(self._programs.items())[len(self._programs) // 2 :]
        self._programs = dict(kept)
        self._chars = sum(len(source) for (source, _), _ in kept)


def _compile_template(source: str) -> Program:
    # jinja2 is imported when the first template is compiled: commands without a definition start faster
    from flowbuilder.language.parsing.template_parser import parse_template

    statements, is_single = parse_template(source)
    needs = check_calls(expressions(statements), source)
    only = statements[0] if is_single and len(statements) == 1 else None
    single = only.value if isinstance(only, Output) else None
    return Program(source=source, statements=statements, expression=single, needs=needs)


def _compile_expression(source: str) -> Program:
    # lark is imported when the first expression is compiled
    from flowbuilder.language.parsing.expression_parser import parse_expression

    tree = parse_expression(source)
    needs = check_calls((tree,), source)
    return Program(source=source, statements=(Output(tree.start, tree.end, tree),), expression=tree, needs=needs)


def _compile_field(source: str) -> Program:
    return replace(_compile_expression(_without_braces(source)), source=source)


def _without_braces(source: str) -> str:
    """The expression of a text that is exactly one `{{ expression }}`, at the same place; other texts as they are."""
    found = re.fullmatch(r"\s*(\{\{-?)((?:(?!\{\{|\}\}).)*?)(-?\}\})\s*", source, re.DOTALL)
    if found is None:
        return source
    (start, after), (end, behind) = found.span(1), found.span(3)
    return source[:start] + " " * (after - start) + found[2] + " " * (behind - end) + source[behind:]


# the compiler warns of what authors may write, as `true[0]`: their diagnostics are ours
warnings.filterwarnings("ignore", category=SyntaxWarning, module="<flowbuilder>")
TEMPLATES: Final = ProgramCache(_compile_template)
EXPRESSIONS: Final = ProgramCache(_compile_expression)
FIELD_EXPRESSIONS: Final = ProgramCache(_compile_field)


def _generate(program: Program) -> Evaluate:
    # the code generator is imported on first use: checking a definition evaluates nothing
    from flowbuilder.language.codegen.expression_generator import generate_expression
    from flowbuilder.language.codegen.runtime import RUNTIME_NAMES
    from flowbuilder.language.codegen.runtime_errors import explain
    from flowbuilder.language.codegen.template_generator import generate_template
    from flowbuilder.language.evaluation.functions import FUNCTIONS

    if program.expression is not None:
        context, lines = generate_expression(program.expression)
    else:
        context, lines = generate_template(program.statements)
    body = "\n".join([*context.preamble(), *lines])
    code = f"def evaluate(c):\n try:\n{body}\n except Exception as error:\n  raise explain(error) from None\n"
    scope: dict[str, Any] = {**RUNTIME_NAMES, **context.constants}
    nodes, source = tuple(context.marked_nodes), program.source
    if program.version < program.needs:
        scope |= {f"f_{name}": function.run_in(program.version) for name, function in FUNCTIONS.items()}
    scope["explain"] = lambda error: explain(error, code, nodes, source)
    try:
        exec(compile(code, "<flowbuilder>", "exec"), scope)  # noqa: S102 - contains no text of the author
    except (RecursionError, MemoryError, SyntaxError):
        raise LanguageError("FB204", "the text is nested too deeply", stage="compile") from None
    evaluate: Evaluate = scope["evaluate"]
    return evaluate
