"""The step types by name: ours, and those that third parties bring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from importlib import import_module

from flowbuilder.errors import ConfigurationError
from flowbuilder.steps.step import Step

_CLASSES = {
    "api": "Api",
    "cms": "CmsStep",
    "code": "Code",
    "conditional": "Conditional",
    "gsc": "Gsc",
    "guard": "Guard",
    "human_review": "HumanReview",
    "iteration": "Iteration",
    "llm": "Llm",
    "mcp": "Mcp",
    "mcp_code": "McpCode",
    "mcp_llm": "McpLlm",
    "page": "Page",
    "workflow": "Workflow",
}


class _OneFileEach(Mapping[str, type[Step]]):
    """A step type by the name of its file, imported when it is asked for: a document uses few of them."""

    def __getitem__(self, name: str) -> type[Step]:
        attribute = _CLASSES[name]
        found: type[Step] = getattr(import_module(f"flowbuilder.steps.builtin.{name}"), attribute)
        return found

    def __contains__(self, name: object) -> bool:
        return name in _CLASSES

    def __iter__(self) -> Iterator[str]:
        return iter(_CLASSES)

    def __len__(self) -> int:
        return len(_CLASSES)


BUILT_IN: Mapping[str, type[Step]] = _OneFileEach()


@cache
def step_types() -> Mapping[str, type[Step]]:
    """The step types by name: ours, and those of the entry point group `flowbuilder.steps` (name = class).

    Each is imported when it is looked up; installed packages are looked through only for a name that is not ours, or
    when all types are listed.
    """
    return _StepTypes()


class _StepTypes(Mapping[str, type[Step]]):
    def __getitem__(self, name: str) -> type[Step]:
        return BUILT_IN[name] if name in BUILT_IN else self._brought[name]

    def __iter__(self) -> Iterator[str]:
        return iter([*BUILT_IN, *self._brought])

    def __len__(self) -> int:
        return len(BUILT_IN) + len(self._brought)

    @cached_property
    def _brought(self) -> dict[str, type[Step]]:
        from importlib.metadata import entry_points

        found: dict[str, type[Step]] = {}
        for point in entry_points(group="flowbuilder.steps"):
            try:
                loaded = point.load()
            except Exception as problem:  # whatever a stranger's module does when it is imported
                message = f"entry point {point.name} in group flowbuilder.steps cannot be loaded: {problem}"
                raise ConfigurationError(message) from problem
            if not (isinstance(loaded, type) and issubclass(loaded, Step)):
                raise ConfigurationError(f"entry point {point.name} in group flowbuilder.steps is not a Step class")
            if point.name in BUILT_IN:
                raise ConfigurationError(f"entry point {point.name} would replace a built-in step type")
            found[point.name] = loaded
        return found
