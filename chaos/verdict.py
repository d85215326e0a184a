"""The verdict on the evidence of a run, and its text."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from chaos.checks import checks
from chaos.evidence import Evidence
from chaos.metrics import metrics

MAX_SHOWN = 12
"""Number of complaints of one check that are printed; the JSON file has all."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The complaints of each check, and the metrics."""

    complaints: dict[str, list[str]]
    metrics: dict[str, Any]
    injections: list[dict[str, Any]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether no check has a complaint."""
        return not any(self.complaints.values())

    def record(self) -> dict[str, Any]:
        """The JSON form."""
        return {"ok": self.ok, **self.metrics, "complaints": self.complaints, "injections": self.injections}

    def text(self) -> str:
        """The printed form."""
        lines = [*_table(self.metrics), ""]
        for claim, complaints in self.complaints.items():
            lines.append(f"{'FAIL' if complaints else 'ok':<5} {claim}")
            lines += [f"      {complaint}" for complaint in complaints[:MAX_SHOWN]]
            if len(complaints) > MAX_SHOWN:
                lines.append(f"      and {len(complaints) - MAX_SHOWN} more")
        return "\n".join([*lines, "", "passed" if self.ok else "FAILED"])


def judge(evidence: Evidence) -> Verdict:
    """Run all checks on the evidence."""
    return Verdict(
        complaints={claim: list(check(evidence)) for claim, check in checks().items()},
        metrics=metrics(evidence),
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
