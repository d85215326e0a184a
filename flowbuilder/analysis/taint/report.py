"""Complaints about untrusted text: one for each step, in called workflows at the call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from flowbuilder.analysis.model import Analysis, Located
from flowbuilder.analysis.taint.field_kinds import misused
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.analysis.taint.sinks import Reached, waivers
from flowbuilder.diagnostics import Diagnostic, Severity
from flowbuilder.language.parsing.references import Path

Find = Callable[[Propagation, Collection[str]], Iterable[Reached]]
"""Finds what reaches a sink in one definition; the second argument are the StepPaths that are vouched for."""
Say = Callable[[Reached, str], str]
"""The message, given what reaches what, and the StepPath of the step."""


def complaints(
    analysis: Analysis,
    code: str,
    find: Find,
    message: Say,
    hint: Callable[[Reached], str],
    severity: Severity = "error",
) -> Iterator[Diagnostic]:
    """A complaint for each step of a definition, and of the workflows that it calls."""
    shaping = analysis.once(Propagation)
    wrong = analysis.once(_misused)
    for same in _by_step(item for item in find(shaping, ()) if not _is_otherwise_wrong(analysis, item, wrong)):
        first = same[0]
        notes = (*_more_sources(first), *(f"and {other.field}: {other.way}" for other in same[1:]))
        start, end = (first.reference.start, first.reference.end) if first.reference else (None, None)
        said = message(first, first.located.id)
        yield analysis.in_text(first.text, start, end, code, said, hint=hint(first), notes=notes, severity=severity)
    for call in analysis.all:
        for found, path in _inside(shaping, call, find, ()):
            said = message(found, path)
            yield analysis.at((*call.place, "name"), code, said, hint=hint(found), severity=severity)


def _misused(analysis: Analysis) -> frozenset[Path]:
    """The paths of values of the wrong kind: that is said, and what else they would be is not known."""
    seen = analysis.once(Propagation).seen
    found = (misused(text, finding) for text, one in seen.items() for finding in one.findings)
    return frozenset(path for path in found if path is not None)


def _is_otherwise_wrong(analysis: Analysis, found: Reached, wrong: frozenset[Path]) -> bool:
    """Whether something else is said of the text or its step, after which nobody knows what is meant."""
    if found.reference is not None and found.reference.path in wrong:
        return True
    mentioned = found.located.step.mentioned
    return any(name not in analysis.by_id and name not in analysis.written_ids for name in mentioned)


def _inside(shaping: Propagation, call: Located, find: Find, waived: tuple[str, ...]) -> Iterator[tuple[Reached, str]]:
    """What reaches sinks in a called workflow by way of this call, each step's first with its StepPath."""
    inner = shaping.called.get(call.id)
    if inner is None:
        return
    waived = (*waived, *waivers(shaping, call))
    for same in _by_step(find(inner, waived)):
        yield same[0], inner.path(same[0].located)
    for deeper in inner.analysis.all:
        yield from _inside(inner, deeper, find, waived)


def _more_sources(found: Reached) -> Iterator[str]:
    others = [source for source in found.sources if not source.startswith(f"{found.trail.steps[-1]} (")]
    if others:
        yield f"it may also come from {', '.join(others)}"


def _by_step(found: Iterable[Reached]) -> list[list[Reached]]:
    steps: dict[int, list[Reached]] = {}
    for item in found:
        steps.setdefault(id(item.located), []).append(item)
    return list(steps.values())
