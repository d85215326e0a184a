"""One thing that is not as it must be."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from flowbuilder.values import JsonObject


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Which invariant is broken (`I1` to `I13`), where, and how. Without an execution it is of the store as a whole."""

    invariant: str
    message: str
    execution_id: str = ""
    path: str = ""

    def __str__(self) -> str:
        place = " ".join(part for part in (self.execution_id, self.path) if part)
        return f"{self.invariant} {place}: {self.message}" if place else f"{self.invariant}: {self.message}"

    def record(self) -> JsonObject:
        """The JSON form."""
        return asdict(self)
