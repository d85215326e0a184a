"""Collects the diagnostics of a document, each with its place in the text."""

from __future__ import annotations

from collections.abc import Iterable

from flowbuilder.definition.document import Positions
from flowbuilder.diagnostics import Diagnostic, Report, Severity, Span
from flowbuilder.errors import LanguageError
from flowbuilder.steps.step import Place
from flowbuilder.values import pointer


class DiagnosticCollector:
    """The diagnostics of one document. A place is the path to a value in the document: `("steps", 0, "id")`."""

    def __init__(self, positions: Positions, found: Iterable[Diagnostic] = ()) -> None:
        self.positions = positions
        self._found = list(found)
        self._unreadable = {item.pointer for item in self._found}

    def report(self) -> Report:
        """The diagnostics so far, in document order."""
        return Report.of(self._found)

    def at_value(
        self, place: Place, code: str, message: str, *, hint: str = "", notes: tuple[str, ...] = (),
        severity: Severity = "error",
    ) -> None:  # fmt: skip
        """Add a diagnostic at a value."""
        at = pointer(place)
        self._add(code, message, at, self.positions.of(at), severity, hint, notes)

    def at_name(self, place: Place, code: str, message: str, *, hint: str = "", notes: tuple[str, ...] = ()) -> None:
        """Add a diagnostic at the name of a field."""
        at = pointer(place)
        self._add(code, message, at, self.positions.keys.get(at) or self.positions.of(at), "error", hint, notes)

    def in_text(self, place: Place, source: object, error: LanguageError) -> None:
        """Add the compile error of a template or an expression, at its place inside the text `source`."""
        at = pointer(place)
        span = self.positions.of(at)
        if isinstance(source, str) and error.start is not None:
            span = self.positions.inside(at, source, error.start, error.end or error.start + 1)
        self._add(error.code, str(error), at, span, "error", error.hint, ())

    def _add(
        self, code: str, message: str, at: str, span: Span | None, severity: Severity, hint: str, notes: tuple[str, ...]
    ) -> None:
        if at in self._unreadable:
            return  # the reader reported this place: its value is not what the author wrote
        self._found.append(
            Diagnostic(code=code, message=message, pointer=at, span=span, severity=severity, hint=hint, notes=notes)
        )
