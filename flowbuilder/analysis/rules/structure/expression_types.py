"""FB301, FB302 and FB304: the findings of the type checker in each template and expression."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from flowbuilder.analysis.model import Analysis, LocatedText
from flowbuilder.analysis.taint.field_kinds import kind_mismatches, misused_path
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.analysis.taint.sinks import dotted
from flowbuilder.diagnostics import Diagnostic, Report, Severity, listed, place_of
from flowbuilder.language import Finding
from flowbuilder.language.types.shapes import PARTIAL_MEMBER
from flowbuilder.values import pointer


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """The findings of the type checker, joined where several have one cause."""
    propagation = analysis.cached(Propagation)
    own = ((text, finding) for text, seen in propagation.checked.items() for finding in seen.findings)
    found: dict[object, list[Diagnostic]] = {}
    for text, finding in (*own, *kind_mismatches(propagation)):
        if _is_of_broken_item(analysis, text, finding):
            continue
        hint = _nested_member_hint(propagation, text, finding) or finding.hint
        diagnostic = analysis.diagnostic_in(
            text, finding.start, finding.end, finding.code, finding.message, hint=hint,
            notes=(*finding.notes, *_visible(propagation, text, finding)), severity=_severity(finding),
        )  # fmt: skip
        found.setdefault(_cause(text, finding), []).append(diagnostic)
    for same in found.values():
        yield _joined(same)


def _joined(same: list[Diagnostic]) -> Diagnostic:
    """The first of several diagnostics with one cause; its notes name the others."""
    first, *others = Report.of(same)
    more = [f"{place_of(other)}: {other.message}" for other in others if other.message != first.message]
    again = dict.fromkeys(place_of(other) for other in others if other.message == first.message)
    notes = [f"the same in {', '.join(again)}"] if again else []
    return replace(first, notes=(*first.notes, *more, *notes))


def _severity(finding: Finding) -> Severity:
    # a member that a schema does not require is often there; one that only some branches have is not
    return "error" if PARTIAL_MEMBER in finding.message else finding.severity


def _cause(text: LocatedText, finding: Finding) -> object:
    """The cause of a finding: for a value of the wrong kind the value, however often it is used."""
    return misused_path(text, finding) or (pointer(text.place), finding)


def _is_of_broken_item(analysis: Analysis, text: LocatedText, finding: Finding) -> bool:
    """Whether an unknown name may be the item of an iteration that the loader could not read."""
    if finding.code != "FB301" or all(finding.start != reference.start for reference in text.compiled.references):
        return False
    owners = (block.owner for block in text.block.enclosing())
    return any(owner is not None and owner.step.kind == "loop" and analysis.is_broken(owner) for owner in owners)


def _visible(propagation: Propagation, text: LocatedText, finding: Finding) -> Iterator[str]:
    """Notes with the known names, where the hint only suggests one."""
    if finding.code != "FB301" or "did you mean" not in finding.hint:
        return
    for reference in text.compiled.references:
        if not reference.start <= (finding.start or 0) < reference.end:
            continue
        path = reference.path
        if path[0] not in propagation.checked[text].names:
            yield f"visible here: {listed(sorted(propagation.checked[text].names))}"
        for length in range(1, len(path)):
            around, inside = propagation.lookup(text, path[:length]), propagation.lookup(text, path[: length + 1])
            if around is not None and inside is None and around.fields:
                yield f"{dotted(path[:length])} has: {listed(around.fields)}"
                return


def _nested_member_hint(propagation: Propagation, text: LocatedText, finding: Finding) -> str:
    """The hint for `steps.draft.title` where the output of `draft` has that member."""
    if finding.code != "FB301":
        return ""
    for reference in text.compiled.references:
        path = reference.path
        if len(path) > 2 and path[0] == "steps" and reference.start <= (finding.start or 0) < reference.end:
            output = propagation.lookup(text, (*path[:2], "output"))
            if path[2] not in ("output", "status", "error") and output is not None and path[2] in output.fields:
                return f"did you mean steps.{path[1]}.output.{path[2]}?"
    return ""
