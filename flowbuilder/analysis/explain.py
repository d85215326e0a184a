"""Code -> the text of its rule: why it is there, with a wrong and a right document."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache

from flowbuilder.analysis import document_rules, text_rules
from flowbuilder.analysis.linter import rules


def explain(code: str) -> str | None:
    """The text of the rule behind a code such as `FB101`; None where there is no such code."""
    return explanations().get(code.upper())


@cache
def explanations() -> Mapping[str, str]:
    """The texts of all rules, in the order of their codes."""
    found = {code: f"{code}: {text}" for code, text in {**document_rules.RULES, **text_rules.RULES}.items()}
    for rule in rules().values():
        module = sys.modules[rule.__module__]
        if hasattr(module, "CODE"):  # the codes of the language are explained in text_rules
            found[module.CODE] = module.__doc__ or ""
    return dict(sorted(found.items()))
