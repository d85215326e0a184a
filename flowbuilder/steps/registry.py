"""The registry of step types: the built-in ones, and those of installed packages."""

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
    "embed": "Embed",
    "gsc": "Gsc",
    "guard": "Guard",
    "human_review": "HumanReview",
    "iteration": "Iteration",
    "llm": "Llm",
    "mcp": "Mcp",
    "mcp_code": "McpCode",
    "mcp_llm": "McpLlm",
    "page": "Page",
    "search": "Search",
    "sql": "Sql",
    "workflow": "Workflow",
}


class _BuiltInTypes(Mapping[str, type[Step]]):
    """The built-in types by module name; each is imported at its first lookup, since a document uses few of them."""

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


BUILT_IN: Mapping[str, type[Step]] = _BuiltInTypes()


@cache
def step_types() -> Mapping[str, type[Step]]:
    """The step types by name: built-in ones and those of the entry point group `flowbuilder.steps` (name = class).

    A type is imported at its first lookup. Entry points are read only for a name that is not built in, or to list all
    types; `ConfigurationError` where one cannot be loaded.
    """
    return _StepTypes()


class _StepTypes(Mapping[str, type[Step]]):
    def __getitem__(self, name: str) -> type[Step]:
        return BUILT_IN[name] if name in BUILT_IN else self._third_party[name]

    def __iter__(self) -> Iterator[str]:
        return iter([*BUILT_IN, *self._third_party])

    def __len__(self) -> int:
        return len(BUILT_IN) + len(self._third_party)

    @cached_property
    def _third_party(self) -> dict[str, type[Step]]:
        from importlib.metadata import entry_points

        found: dict[str, type[Step]] = {}
        for point in entry_points(group="flowbuilder.steps"):
            try:
                loaded = point.load()
            except Exception as problem:  # importing a third party's module may raise anything
                message = f"entry point {point.name} in group flowbuilder.steps cannot be loaded: {problem}"
                raise ConfigurationError(message) from problem
            if not (isinstance(loaded, type) and issubclass(loaded, Step)):
                raise ConfigurationError(f"entry point {point.name} in group flowbuilder.steps is not a Step class")
            if point.name in BUILT_IN:
                raise ConfigurationError(f"entry point {point.name} would replace a built-in step type")
            found[point.name] = loaded
        return found
