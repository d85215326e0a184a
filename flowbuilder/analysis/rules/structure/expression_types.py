"""FB301, FB302 and FB304: what the language itself says of each template and expression, given the shapes in scope."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flowbuilder.analysis.model import Analysis, Text
from flowbuilder.analysis.taint.field_kinds import misfits, misused
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.analysis.taint.sinks import dotted
from flowbuilder.diagnostics import Diagnostic, Report, Severity, listed, place_of
from flowbuilder.language import Finding
from flowbuilder.values import pointer

_SOMETIMES = "only some of the values here have it"


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """What the language found, one complaint for each value that is not what it is used as."""
    shaping = analysis.once(Propagation)
    own = ((text, finding) for text, seen in shaping.seen.items() for finding in seen.findings)
    found: dict[object, list[Diagnostic]] = {}
    for text, finding in (*own, *misfits(shaping)):
        if _is_of_broken_item(analysis, text, finding):
            continue
        hint = _further_in(shaping, text, finding) or finding.hint
        complaint = analysis.in_text(
            text, finding.start, finding.end, finding.code, finding.message, hint=hint,
            notes=(*finding.notes, *_visible(shaping, text, finding)), severity=_severity(finding),
        )  # fmt: skip
        found.setdefault(_cause(text, finding), []).append(complaint)
    for same in found.values():
        yield _joined(same)


def _joined(same: list[Diagnostic]) -> Diagnostic:
    """The first of several complaints with one cause; the others are named in its notes."""
    first, *others = Report.of(same)
    more = [f"{place_of(other)}: {other.message}" for other in others if other.message != first.message]
    again = dict.fromkeys(place_of(other) for other in others if other.message == first.message)
    notes = [f"the same in {', '.join(again)}"] if again else []
    return replace(first, notes=(*first.notes, *more, *notes))


def _severity(finding: Finding) -> Severity:
    # what a schema does not promise is often there all the same; what only some branches give is not
    return "error" if _SOMETIMES in finding.message else finding.severity


def _cause(text: Text, finding: Finding) -> object:
    """A value of the wrong kind is one cause, however often it is used: what it is comes from one place."""
    return misused(text, finding) or (pointer(text.place), finding)


def _is_of_broken_item(analysis: Analysis, text: Text, finding: Finding) -> bool:
    """Whether a name is unknown that an iteration around may mean to give: it could not be read."""
    if finding.code != "FB301" or all(finding.start != reference.start for reference in text.text.references):
        return False
    owners = (block.owner for block in text.block.outward())
    return any(owner is not None and owner.step.kind == "loop" and analysis.is_broken(owner) for owner in owners)


def _visible(shaping: Propagation, text: Text, finding: Finding) -> Iterator[str]:
    """The names that there are, where the hint only says which one may be meant."""
    if finding.code != "FB301" or "did you mean" not in finding.hint:
        return
    for reference in text.text.references:
        if not reference.start <= (finding.start or 0) < reference.end:
            continue
        path = reference.path
        if path[0] not in shaping.seen[text].names:
            yield f"visible here are: {listed(sorted(shaping.seen[text].names))}"
        for length in range(1, len(path)):
            around, inside = shaping.lookup(text, path[:length]), shaping.lookup(text, path[: length + 1])
            if around is not None and inside is None and around.fields:
                yield f"{dotted(path[:length])} has: {listed(around.fields)}"
                return


def _further_in(shaping: Propagation, text: Text, finding: Finding) -> str:
    """A better hint for `steps.draft.title`: the output has it."""
    if finding.code != "FB301":
        return ""
    for reference in text.text.references:
        path = reference.path
        if len(path) > 2 and path[0] == "steps" and reference.start <= (finding.start or 0) < reference.end:
            output = shaping.lookup(text, (*path[:2], "output"))
            if path[2] not in ("output", "status", "error") and output is not None and path[2] in output.fields:
                return f"did you mean steps.{path[1]}.output.{path[2]}?"
    return ""
