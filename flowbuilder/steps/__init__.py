"""The step types: one a file. Third parties add theirs by an entry point in the group `flowbuilder.steps`."""

from collections.abc import Iterator, Mapping
from importlib import import_module

from flowbuilder.step import Step

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
        found: type[Step] = getattr(import_module(f"flowbuilder.steps.{name}"), attribute)
        return found

    def __contains__(self, name: object) -> bool:
        return name in _CLASSES

    def __iter__(self) -> Iterator[str]:
        return iter(_CLASSES)

    def __len__(self) -> int:
        return len(_CLASSES)


BUILT_IN: Mapping[str, type[Step]] = _OneFileEach()
