"""Conditions that depend on nothing."""

from __future__ import annotations

from flowbuilder.errors import LanguageError
from flowbuilder.language import Expression


def constant_value(condition: Expression) -> bool | None:
    """Whether a condition is always true or always false; None where it depends on something, or fails."""
    if condition.references:
        return None
    try:
        return bool(condition.evaluate({}))
    except LanguageError:
        return None
