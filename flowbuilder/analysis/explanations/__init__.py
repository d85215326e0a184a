"""The explanation of each diagnostic code, with a wrong and a right document.

A rule's explanation is the docstring of its module. A code of the loader or of the language has a file `FBxxx.md` here.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from flowbuilder.analysis.linter import rules


def explain(code: str) -> str | None:
    """The explanation of a code such as `FB101`; None where there is no such code."""
    return explanations().get(code.upper())


@cache
def explanations() -> Mapping[str, str]:
    """All explanations by code, in the order of the codes."""
    found = {
        file.name.removesuffix(".md"): file.read_text(encoding="utf-8")
        for file in files(__name__).iterdir()
        if file.name.endswith(".md")
    }
    for rule in rules().values():
        module = sys.modules[rule.__module__]
        if hasattr(module, "CODE"):  # a rule without one reports several codes, each with a file here
            found[module.CODE] = module.__doc__ or ""
    return dict(sorted(found.items()))
