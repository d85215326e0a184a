"""FB301, FB302 and FB304: what the language itself says of each template and expression, given the shapes in scope."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flowbuilder.diagnostics import Diagnostic, Report, Severity, place_of
from flowbuilder.language import Finding
from flowbuilder.provenance.shaping import Shaping
from flowbuilder.reading import Reading, Text
from flowbuilder.values import pointer

_SOMETIMES = "only some of the values here have it"


def check(reading: Reading) -> Iterator[Diagnostic]:
    """What the language found, one complaint for each value that is not what it is used as."""
    shaping = reading.once(Shaping)
    found: dict[object, list[Diagnostic]] = {}
    for text, seen in shaping.seen.items():
        for finding in seen.findings:
            complaint = reading.in_text(
                text,
                finding.start,
                finding.end,
                finding.code,
                finding.message,
                hint=finding.hint,
                notes=finding.notes,
                severity=_severity(finding),
            )
            found.setdefault(_cause(text, finding), []).append(complaint)
    for same in found.values():
        yield joined(same)


def joined(same: list[Diagnostic]) -> Diagnostic:
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
    """A value of the wrong kind is one cause, however often it is used; what it is comes from the same place."""
    if finding.code == "FB302" and finding.start is not None and finding.end is not None:
        inside = [
            reference.path
            for reference in text.text.references
            if finding.start <= reference.start < finding.end
            and len(reference.path) > 1
            and reference.path[0] in ("steps", "inputs")
        ]
        if inside:
            return inside[0]
    return (pointer(text.place), finding)
