"""The step types by name: ours, and those that third parties bring."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points

from flowbuilder.errors import ConfigurationError
from flowbuilder.step import Step
from flowbuilder.steps import BUILT_IN


@cache
def step_types() -> Mapping[str, type[Step]]:
    """The step types by name: ours, and those of the entry point group `flowbuilder.steps` (name = class)."""
    found: dict[str, type[Step]] = dict(BUILT_IN)
    for point in entry_points(group="flowbuilder.steps"):
        try:
            loaded = point.load()
        except Exception as problem:  # whatever a stranger's module does when it is imported
            message = f"entry point {point.name} in group flowbuilder.steps cannot be loaded: {problem}"
            raise ConfigurationError(message) from problem
        if not (isinstance(loaded, type) and issubclass(loaded, Step)):
            raise ConfigurationError(f"entry point {point.name} in group flowbuilder.steps is not a Step class")
        if point.name in BUILT_IN and BUILT_IN[point.name] is not loaded:
            raise ConfigurationError(f"entry point {point.name} would replace a built-in step type")
        found[point.name] = loaded
    return found
