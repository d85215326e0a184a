"""What a rule is: a module below `rules/` with `SEVERITY`, `check(change, options)`, and texts that show it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated, Literal

from pydantic import Field

from flowbuilder.steps.step import Record

Severity = Literal["block", "warning", "info"]


class RuleOptions(Record):
    """Options of a rule: its severity and, for the rules that use them, `words` or the threshold `share`."""

    severity: Severity | None = None
    words: tuple[str, ...] = ()
    share: Annotated[float, Field(gt=0, le=1)] | None = None


@dataclass(frozen=True)
class Finding:
    """What a rule found: `place` is a text to search for, `evidence` a sentence for a reviewer."""

    place: str
    evidence: str
    item: str = ""
    """What the evidence is about, for the list that stands for many findings."""
    many: str = ""
    """What happened to the items, in the plural ("links were removed"). Without it, findings are not joined."""
    severity: Severity | None = None
    """A milder severity than that of the rule; an author's setting comes first."""
    times: int = 1
    """How many findings it stands for, where `many` is given."""


Findings = Iterator[Finding]


@cache
def rule_files() -> dict[str, str]:
    """The modules of the rules by the names of the rules. Nothing is imported."""
    folder = Path(__file__).parent / "rules"
    package = f"{__package__}.rules"
    return {
        file.stem: f"{package}.{file.parent.name}.{file.stem}"
        for file in sorted(folder.glob("*/*.py"))
        if not file.stem.startswith("_")
    }


@cache
def load_rules() -> dict[str, ModuleType]:
    """The rules by name."""
    return {name: import_module(module) for name, module in rule_files().items()}
