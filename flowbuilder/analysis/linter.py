"""The linter: runs every rule of `analysis/rules` over a definition, and reports each cause once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from typing import TypeAlias

from msgspec.structs import replace

from flowbuilder.analysis.model import Analysis
from flowbuilder.definition.document import Definition, WorkflowLookup
from flowbuilder.diagnostics import Diagnostic, Report, place_of
from flowbuilder.values import JsonObject

Rule: TypeAlias = Callable[[Analysis], Iterator[Diagnostic]]


def check(definition: Definition, *, workflows: WorkflowLookup | None = None, site: JsonObject | None = None) -> Report:
    """The diagnostics of a definition, those of the loader included.

    `workflows` looks up the definitions that `workflow` steps call; without it, calls are not checked. `site` is the
    record of the site that it is to run for; without it, the groups of reviewers are not checked.
    """
    return analyze(definition, workflows=workflows, site=site)[0]


def analyze(
    definition: Definition, *, workflows: WorkflowLookup | None = None, site: JsonObject | None = None
) -> tuple[Report, Analysis]:
    """The report of `check`, and the semantic model with everything that the rules computed."""
    analysis = Analysis(definition, workflows, site)
    found = [diagnostic for rule in rules().values() for diagnostic in rule(analysis)]
    return definition.load_report + merge_duplicates(found), analysis


@cache
def rules() -> dict[str, Rule]:
    """The rules by module name: the `check` of each module below `analysis/rules` whose name has no leading `_`."""
    folder = import_module("flowbuilder.analysis.rules")
    files = {
        module.name.rpartition(".")[2]: module.name
        for module in walk_packages(folder.__path__, f"{folder.__name__}.")
        if not module.ispkg
    }
    return {name: import_module(files[name]).check for name in sorted(files) if not name.startswith("_")}


def merge_duplicates(found: Iterable[Diagnostic]) -> Report:
    """The diagnostics, with those of the same message merged into the first, whose note names the other places."""
    joined: dict[str, list[Diagnostic]] = {}
    for diagnostic in Report.of(found):
        joined.setdefault(diagnostic.message, []).append(diagnostic)
    return Report.of(_joined(same) for same in joined.values())


def _joined(same: list[Diagnostic]) -> Diagnostic:
    first, *others = same
    if not others:
        return first
    places = dict.fromkeys(place_of(other) for other in others)
    return replace(first, notes=(*first.notes, f"the same in {', '.join(places)}"))
