"""Diagnostics about untrusted text: one for each step; those of a called workflow are reported at the call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from flowbuilder.analysis.model import Analysis, LocatedStep
from flowbuilder.analysis.taint.field_kinds import misused_path
from flowbuilder.analysis.taint.propagation import Propagation
from flowbuilder.analysis.taint.sinks import TaintFlow, waivers
from flowbuilder.diagnostics import Diagnostic, Severity
from flowbuilder.language.parsing.references import NamePath

Find = Callable[[Propagation, Collection[str]], Iterable[TaintFlow]]
"""Returns the taint flows of one definition; the second argument holds the StepPaths of waived sources."""
Message = Callable[[TaintFlow, str], str]
"""Returns the message for a taint flow; the second argument is the StepPath of the step."""


def taint_diagnostics(
    analysis: Analysis,
    code: str,
    find: Find,
    message: Message,
    hint: Callable[[TaintFlow], str],
    severity: Severity = "error",
) -> Iterator[Diagnostic]:
    """A diagnostic for each step of a definition, and of the workflows that it calls."""
    propagation = analysis.cached(Propagation)
    wrong = analysis.cached(_misused)
    for same in _by_step(item for item in find(propagation, ()) if not _has_other_error(analysis, item, wrong)):
        first = same[0]
        notes = (*_more_sources(first), *(f"and {other.field}: {other.path}" for other in same[1:]))
        start, end = (first.reference.start, first.reference.end) if first.reference else (None, None)
        text = message(first, first.located.id)
        yield analysis.diagnostic_in(
            first.text, start, end, code, text, hint=hint(first), notes=notes, severity=severity
        )
    for call in analysis.steps:
        for found, path in _in_called(propagation, call, find, ()):
            text = message(found, path)
            yield analysis.diagnostic_at((*call.place, "name"), code, text, hint=hint(found), severity=severity)


def _misused(analysis: Analysis) -> frozenset[NamePath]:
    """The paths of values of the wrong kind: FB302 reports them, and their taint is not known."""
    seen = analysis.cached(Propagation).checked
    found = (misused_path(text, finding) for text, one in seen.items() for finding in one.findings)
    return frozenset(path for path in found if path is not None)


def _has_other_error(analysis: Analysis, found: TaintFlow, wrong: frozenset[NamePath]) -> bool:
    """Whether another rule reports an error in the text or its step, so that the taint is not known."""
    if found.reference is not None and found.reference.path in wrong:
        return True
    mentioned = found.located.step.mentioned
    return any(name not in analysis.by_id and name not in analysis.written_ids for name in mentioned)


def _in_called(
    propagation: Propagation, call: LocatedStep, find: Find, waived: tuple[str, ...]
) -> Iterator[tuple[TaintFlow, str]]:
    """The first taint flow of each step of the workflow that `call` calls, with the StepPath of the step."""
    inner = propagation.called.get(call.id)
    if inner is None:
        return
    waived = (*waived, *waivers(propagation, call))
    for same in _by_step(find(inner, waived)):
        yield same[0], inner.path(same[0].located)
    for deeper in inner.analysis.steps:
        yield from _in_called(inner, deeper, find, waived)


def _more_sources(found: TaintFlow) -> Iterator[str]:
    others = [source for source in found.sources if not source.startswith(f"{found.trail.steps[-1]} (")]
    if others:
        yield f"it may also come from {', '.join(others)}"


def _by_step(found: Iterable[TaintFlow]) -> list[list[TaintFlow]]:
    steps: dict[int, list[TaintFlow]] = {}
    for item in found:
        steps.setdefault(id(item.located), []).append(item)
    return list(steps.values())
