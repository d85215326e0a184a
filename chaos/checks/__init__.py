"""What must be true after a run: a file for each question, its docstring, and `check(evidence)` for the answer."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping

from chaos.evidence import Evidence

Check = Callable[[Evidence], Iterator[str]]


def checks() -> Mapping[str, Check]:
    """All checks by the question that they ask."""
    found: dict[str, Check] = {}
    for module in pkgutil.iter_modules(__path__):
        loaded = importlib.import_module(f"{__name__}.{module.name}")
        found[(loaded.__doc__ or module.name).splitlines()[0].rstrip(".")] = loaded.check
    return found
