"""A Definition -> a Report: every rule of `checks/`, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TypeAlias

from flowbuilder.definition import Definition
from flowbuilder.diagnostics import Diagnostic, Report
from flowbuilder.reading import Reading, Workflows

Rule: TypeAlias = Callable[[Reading], Iterator[Diagnostic]]


def check(definition: Definition, *, workflows: Workflows | None = None) -> Report:
    """What is wrong with a definition, the loader's complaints included.

    `workflows` finds the definitions that `workflow` steps call; without it those calls are not looked into.
    """
    reading = Reading(definition, workflows)
    found = [complaint for rule in rules().values() for complaint in rule(reading)]
    return definition.complaints + Report.of(found)


@cache
def rules() -> dict[str, Rule]:
    """The rules by the name of their file: each file of `checks/` holds one, as `check`."""
    folder = import_module("flowbuilder.checks")
    return {
        module.name: import_module(f"flowbuilder.checks.{module.name}").check for module in iter_modules(folder.__path__)
    }
