"""Findings of the type checker: faults of a text, each with its place inside it."""

from __future__ import annotations

from msgspec import Struct

from flowbuilder.diagnostics import Severity
from flowbuilder.language.nodes import Expr


class Finding(Struct, frozen=True, kw_only=True):
    """One complaint about a text; `start` and `end` are character offsets inside it."""

    code: str
    message: str
    severity: Severity = "error"
    hint: str = ""
    notes: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None


class FindingCollector:
    """Collects the findings of one text."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.findings: list[Finding] = []

    def add(
        self,
        code: str,
        message: str,
        node: Expr,
        *,
        hint: str = "",
        severity: Severity = "error",
        start: int | None = None,
    ) -> None:
        """Add a finding at `node`, or from `start` to the end of `node`."""
        at = node.start if start is None else start
        self.findings.append(
            Finding(code=code, message=message, severity=severity, hint=hint, start=at, end=max(node.end, at + 1))
        )

    def quote(self, node: Expr) -> str:
        """The source of a node for a message; "this" where it has more than 60 characters."""
        text = " ".join(self.source[node.start : node.end].split())
        return text if 0 < len(text) <= 60 else "this"

    def in_order(self) -> tuple[Finding, ...]:
        """The findings by their place; of equal messages only the first."""
        if not self.findings:
            return ()
        unique = {(finding.code, finding.message): finding for finding in reversed(self.findings)}
        return tuple(sorted(unique.values(), key=lambda finding: finding.start or 0))
