"""FB303: a reference to the output of a step that may not have run.

A step is skipped when its `when` is false or its branch is not taken, and has no output when it failed and has
`on_error: continue`. Such an output is read with `default(...)`, `coalesce(...)` or `is_defined(...)`, or by a step in
the same branch or under the same condition, which is then skipped as well. The `output` of a conditional is always
there, but null where the branch that was taken has none: its members may be missing.

Wrong:
    inputs:
      fetch: {type: boolean}
    steps:
      - {id: page, type: page, url: https://example.com, when: inputs.fetch}
    outputs: {text: "{{ steps.page.output.text }}"}

Right:
    inputs:
      fetch: {type: boolean}
    steps:
      - {id: page, type: page, url: https://example.com, when: inputs.fetch}
    outputs: {text: "{{ steps.page.output.text | default('') }}"}
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from flowbuilder.analysis.model import Analysis
from flowbuilder.analysis.nullability import hiding_iteration, may_be_missing, may_be_null
from flowbuilder.diagnostics import Diagnostic, Report, place_of

CODE = "FB303"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """An error for each cause, at the first reference that it affects; a note names the others."""
    found: dict[tuple[str, str], list[tuple[Diagnostic, str]]] = {}
    for text, reference, name in analysis.step_references:
        target = analysis.by_id.get(name)
        if reference.guarded or target is None or hiding_iteration(text.block, target):
            continue
        if len(reference.path) > 2 and reference.path[2] != "output":
            continue  # every step has a status and an error
        missing = may_be_missing(text, target) or may_be_null(text, reference, target)
        if missing is not None:
            message = f"steps.{name}.output may be {missing.what} here: {missing.reason}"
            hint = f"use steps.{name}.output | default(...), or run this under the same condition"
            diagnostic = analysis.diagnostic_in(text, reference.start, reference.end, CODE, message, hint=hint)
            found.setdefault((missing.step.id, missing.reason), []).append((diagnostic, name))
    for same in found.values():
        yield _joined(same)


def _joined(same: list[tuple[Diagnostic, str]]) -> Diagnostic:
    names = dict(same)
    first, *others = Report.of(names)
    places = [f"{place_of(other)} (steps.{names[other]}.output)" for other in others]
    return replace(first, notes=(f"the same in {', '.join(dict.fromkeys(places))}",)) if places else first
