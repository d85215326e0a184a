"""Code -> the text of its rule: why it is there, with a wrong and a right document."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache

from flowbuilder.check import rules
from flowbuilder.document_rules import RULES


def explain(code: str) -> str | None:
    """The text of the rule behind a code such as `FB101`; None where there is no such code."""
    return explanations().get(code.upper())


@cache
def explanations() -> Mapping[str, str]:
    """The texts of all rules, in the order of their codes."""
    found = {code: f"{code}: {text}" for code, text in RULES.items()}
    for rule in rules().values():
        module = sys.modules[rule.__module__]
        found[module.CODE] = module.__doc__ or ""
    return dict(sorted(found.items()))
