"""A Definition -> a Report: every rule of `analysis/rules`, in one pass, one complaint for each cause."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from typing import TypeAlias

from flowbuilder.analysis.model import Analysis
from flowbuilder.definition.document import Definition, WorkflowLookup
from flowbuilder.diagnostics import Diagnostic, Report, place_of

Rule: TypeAlias = Callable[[Analysis], Iterator[Diagnostic]]


def check(definition: Definition, *, workflows: WorkflowLookup | None = None) -> Report:
    """What is wrong with a definition, the loader's complaints included.

    `workflows` finds the definitions that `workflow` steps call; without it those calls are not looked into.
    """
    return examine(definition, workflows=workflows)[0]


def examine(definition: Definition, *, workflows: WorkflowLookup | None = None) -> tuple[Report, Analysis]:
    """What `check` gives, and the reading that it was found in, with all that was worked out on the way."""
    analysis = Analysis(definition, workflows)
    found = [complaint for rule in rules().values() for complaint in rule(analysis)]
    return definition.complaints + one_per_cause(found), analysis


@cache
def rules() -> dict[str, Rule]:
    """The rules by the name of their file: each file below `analysis/rules` whose name has no leading `_` holds one,
    as `check`."""
    folder = import_module("flowbuilder.analysis.rules")
    files = {
        module.name.rpartition(".")[2]: module.name
        for module in walk_packages(folder.__path__, f"{folder.__name__}.")
        if not module.ispkg
    }
    return {name: import_module(files[name]).check for name in sorted(files) if not name.startswith("_")}


def one_per_cause(found: Iterable[Diagnostic]) -> Report:
    """The complaints, those that say the same of several places joined into the first, which names the others."""
    joined: dict[str, list[Diagnostic]] = {}
    for complaint in Report.of(found):
        joined.setdefault(complaint.message, []).append(complaint)
    return Report.of(_joined(same) for same in joined.values())


def _joined(same: list[Diagnostic]) -> Diagnostic:
    first, *others = same
    if not others:
        return first
    places = dict.fromkeys(place_of(other) for other in others)
    return replace(first, notes=(*first.notes, f"the same in {', '.join(places)}"))
