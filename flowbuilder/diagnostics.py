"""Diagnostics of a definition: errors and warnings with code and place, and ordered reports of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Literal, TypedDict

from msgspec import Struct, field

Severity = Literal["error", "warning"]


class Span(Struct, frozen=True, kw_only=True):
    """A range in the text of a document: 1-based lines and columns, the end column is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class DiagnosticRecord(TypedDict):
    """The JSON form of a diagnostic, as `--format json` prints it."""

    code: str
    severity: Severity
    message: str
    pointer: str
    line: int | None
    column: int | None
    end_line: int | None
    end_column: int | None
    hint: str


class Diagnostic(Struct, frozen=True, kw_only=True):
    """An error or a warning. `pointer` is a JSON pointer into the document, `span` the place in its text, if any."""

    code: str
    message: str
    pointer: str = ""
    severity: Severity = "error"
    hint: str = ""
    notes: tuple[str, ...] = ()
    span: Span | None = None

    def record(self) -> DiagnosticRecord:
        """The JSON form; line and column are null where the document was not read from a text."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "pointer": self.pointer,
            "line": self.span.line if self.span else None,
            "column": self.span.column if self.span else None,
            "end_line": self.span.end_line if self.span else None,
            "end_column": self.span.end_column if self.span else None,
            "hint": " ".join([self.hint, *self.notes]).strip(),
        }


class Report(Struct, frozen=True):
    """An ordered set of diagnostics: by place in the text, then by code, without duplicates."""

    diagnostics: tuple[Diagnostic, ...] = field(default=())

    @classmethod
    def of(cls, diagnostics: Iterable[Diagnostic]) -> Report:
        """The report of these diagnostics, in order."""
        return cls(tuple(sorted(dict.fromkeys(diagnostics), key=_order)))

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.diagnostics)

    def __len__(self) -> int:
        return len(self.diagnostics)

    def __bool__(self) -> bool:
        return bool(self.diagnostics)

    def __add__(self, other: Report) -> Report:
        return Report.of((*self.diagnostics, *other.diagnostics))

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics with severity `error`."""
        return tuple(item for item in self.diagnostics if item.severity == "error")

    @property
    def ok(self) -> bool:
        """Whether there are no errors; warnings are allowed."""
        return not self.errors

    def summary(self) -> str:
        """One line: the number of errors and warnings, and the first of them."""
        if not self.diagnostics:
            return "no errors or warnings"
        errors, warnings = len(self.errors), len(self) - len(self.errors)
        counts = [count(errors, "error")] * bool(errors) + [count(warnings, "warning")] * bool(warnings)
        first = (self.errors or self.diagnostics)[0]
        return f"{', '.join(counts)}; first: {first.code} {first.message}"


def render(report: Report, *, source: str | None = None, file: str = "") -> str:
    """The report as text: message, place, the source line with carets, notes and hint; empty for an empty report."""
    lines = source.splitlines() if source is not None else []
    return "\n".join(block for item in report for block in (_block(item, lines, file), ""))


def count(number: int, noun: str) -> str:
    """`count(1, "error")` is `1 error`; `count(2, "error")` is `2 errors`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def place_of(item: Diagnostic) -> str:
    """`line 12`, or the JSON pointer where there is no text."""
    return f"line {item.span.line}" if item.span else item.pointer


def _order(item: Diagnostic) -> tuple[int, int, str, str]:
    place = item.span
    return (place.line if place else 1 << 30, place.column if place else 0, item.pointer, item.code)


_MAX_LINE = 400
"""The most characters of a source line that are shown: those around the place."""


def _block(item: Diagnostic, lines: list[str], file: str) -> str:
    out = [f"{item.severity}[{item.code}]: {item.message}"]
    span = item.span
    width = len(str(span.line)) if span else 1
    margin = " " * width
    if span:
        out.append(f"{margin}--> {file or 'document'}:{span.line}:{span.column}  {item.pointer}".rstrip())
        if span.line <= len(lines):
            text = lines[span.line - 1].replace("\t", " ")
            end = span.end_column if span.end_line == span.line else len(text) + 1
            cut = 0 if len(text) <= _MAX_LINE else max(0, span.column - 1 - _MAX_LINE // 4)
            carets = ("^" * max(1, end - span.column))[: _MAX_LINE * 3 // 4]
            shown = text[cut : cut + _MAX_LINE]
            out += [f"{margin} |", f"{span.line} | {shown}", f"{margin} | {' ' * (span.column - 1 - cut)}{carets}"]
    else:
        out.append(f"{margin}--> {file or 'document'}  {item.pointer or '/'}")
    out += [f"{margin} = note: {note}" for note in item.notes]
    if item.hint:
        out.append(f"{margin} = help: {item.hint}")
    return "\n".join(out)


def nearest(name: str, among: Iterable[str]) -> str | None:
    """The most similar one of the first 1,000 names, or None where none is similar: `prompt` for `promt`."""
    from difflib import get_close_matches

    found = get_close_matches(name[:200].lower(), list(islice(among, 1000)), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(name: str, among: Iterable[str], *, what: str = "there are") -> str:
    """A hint for an unknown name: the most similar name, else a list of the names."""
    names = list(among)
    close = nearest(name, names)
    if close is not None:
        return f"did you mean {close}?"
    return f"{what}: {listed(names)}" if names else ""


def listed(names: Iterable[str], most: int = 20) -> str:
    """The names joined with commas, at most `most` of them."""
    every = list(names)
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")
