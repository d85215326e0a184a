"""A finding: one thing that is wrong with a text where it stands, with its place inside the text."""

from __future__ import annotations

from dataclasses import dataclass

from flowbuilder.diagnostics import Severity


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One complaint about a text; `start` and `end` are character offsets inside it."""

    code: str
    message: str
    severity: Severity = "error"
    hint: str = ""
    notes: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None
