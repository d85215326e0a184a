"""FB020: the program of a `code` step cannot run, or gives no value.

The output of a `code` step is the value of its last line. A program has the names that it defines, those under `with`
and Python's own; its sandbox has no files and no network, a part of Python's modules, and no `del`, `yield` or
inheritance. A program that ends without a value is a warning: its output is null.

Wrong:
    steps:
      - {id: page, type: page, url: https://example.com}
      - {id: words, type: code, source: len(page.split()), with: {text: "{{ steps.page.output.text }}"}}
    outputs: {words: "{{ steps.words.output }}"}

Right:
    steps:
      - {id: page, type: page, url: https://example.com}
      - {id: words, type: code, source: len(text.split()), with: {text: "{{ steps.page.output.text }}"}}
    outputs: {words: "{{ steps.words.output }}"}
"""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.analysis.model import Analysis
from flowbuilder.diagnostics import Diagnostic
from flowbuilder.steps.builtin.code import Code
from flowbuilder.steps.program import problems
from flowbuilder.values import pointer

CODE = "FB020"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A diagnostic for each problem of each program; a program with templates is known only when it runs."""
    for located in analysis.steps:
        step = located.step
        if not isinstance(step, Code) or not isinstance(step.source, str) or analysis.is_broken(located):
            continue
        given = tuple(step.inputs) if isinstance(step.inputs, dict) else None
        at = pointer((*located.place, "source"))
        for problem in problems(step.source, given):
            span = analysis.definition.positions.inside(at, step.source, problem.start, problem.end)
            yield Diagnostic(
                code=CODE, message=problem.message, pointer=at, span=span, hint=problem.hint,
                severity="error" if problem.is_error else "warning",
            )  # fmt: skip
