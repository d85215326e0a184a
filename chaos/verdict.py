"""The verdict over what a run left behind, and how it is shown."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from chaos.checks import checks
from chaos.evidence import Evidence
from chaos.metrics import figures

SHOWN = 12
"""How many complaints of one check are printed; the file has all."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The complaints of each check by its question, and the figures."""

    complaints: dict[str, list[str]]
    figures: dict[str, Any]
    injections: list[dict[str, Any]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not any(self.complaints.values())

    def record(self) -> dict[str, Any]:
        """The JSON form."""
        return {"ok": self.ok, **self.figures, "complaints": self.complaints, "injections": self.injections}

    def text(self) -> str:
        """What is printed."""
        lines = [*_table(self.figures), ""]
        for question, complaints in self.complaints.items():
            lines.append(f"{'FAIL' if complaints else 'ok':<5} {question}")
            lines += [f"      {complaint}" for complaint in complaints[:SHOWN]]
            if len(complaints) > SHOWN:
                lines.append(f"      and {len(complaints) - SHOWN} more")
        return "\n".join([*lines, "", "passed" if self.ok else "FAILED"])


def judge(evidence: Evidence) -> Verdict:
    """All checks over all that there is."""
    return Verdict(
        complaints={question: list(check(evidence)) for question, check in checks().items()},
        figures=figures(evidence),
        injections=[asdict(injection) for injection in evidence.injections],
    )


def _table(found: dict[str, Any]) -> list[str]:
    lines = []
    for name, value in found.items():
        if name == "faults":
            lines.append("faults that hit (of those injected)")
            lines += [f"    {fault:<42} {times['hit']:>4} ({times['injected']})" for fault, times in value.items()]
        elif isinstance(value, dict):
            lines.append(f"{name.replace('_', ' '):<28} " + ", ".join(f"{key} {part}" for key, part in value.items()))
        else:
            lines.append(f"{name.replace('_', ' '):<28} {value}")
    return lines
