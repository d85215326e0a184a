"""FB303: a reference to the output of a step that may not have run.

A step is skipped when its `when` is false or its branch is not taken, and has no output when it failed and says
`on_error: continue`. Where such an output is read, `default(...)`, `coalesce(...)` or `is_defined(...)` must take it;
or the reader stands in the same branch, or under the same condition, so that it is skipped as well. The `output` of a
conditional is always there, but null where the branch that was taken gives none: what is inside of it may be missing.

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
from dataclasses import replace

from flowbuilder.analysis.model import Analysis
from flowbuilder.analysis.nullability import may_be_missing, may_be_null, out_of_scope
from flowbuilder.diagnostics import Diagnostic, Report, place_of

CODE = "FB303"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A complaint for each cause, at the first reference that suffers from it; the others are named."""
    found: dict[tuple[str, str], list[tuple[Diagnostic, str]]] = {}
    for text, reference, name in analysis.reads:
        target = analysis.by_id.get(name)
        if reference.guarded or target is None or out_of_scope(text.block, target):
            continue
        if len(reference.path) > 2 and reference.path[2] != "output":
            continue  # status and error are known of every step
        missing = may_be_missing(text, target) or may_be_null(text, reference, target)
        if missing is not None:
            message = f"steps.{name}.output may be {missing.what} here: {missing.reason}"
            hint = f"take it with steps.{name}.output | default(...), or put this under the same condition"
            complaint = analysis.in_text(text, reference.start, reference.end, CODE, message, hint=hint)
            found.setdefault((missing.step.id, missing.reason), []).append((complaint, name))
    for same in found.values():
        yield _joined(same)


def _joined(same: list[tuple[Diagnostic, str]]) -> Diagnostic:
    names = dict(same)
    first, *others = Report.of(names)
    places = [f"{place_of(other)} (steps.{names[other]}.output)" for other in others]
    return replace(first, notes=(f"the same in {', '.join(dict.fromkeys(places))}",)) if places else first
