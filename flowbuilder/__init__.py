"""flowbuilder: stored workflow definitions, run by Prefect, that wait for people."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowbuilder.analysis.linter import check
    from flowbuilder.app import App
    from flowbuilder.definition.loader import load
    from flowbuilder.language import Expression, Template
    from flowbuilder.plan.compiler import compile_plan

__all__ = ["App", "Expression", "Template", "check", "compile_plan", "load"]
__version__ = "0.1.0"

_MODULES = {
    "App": "flowbuilder.app",
    "Expression": "flowbuilder.language",
    "Template": "flowbuilder.language",
    "check": "flowbuilder.analysis.linter",
    "compile_plan": "flowbuilder.plan.compiler",
    "load": "flowbuilder.definition.loader",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # no submodule has one of these names: importing it would put a module in the function's place
    globals()[name] = value = getattr(import_module(_MODULES[name]), name)
    return value
