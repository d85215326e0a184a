"""The name that was meant: the nearest of those that there are."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, among: Iterable[str]) -> str | None:
    """The name most like `name`, where one is like enough: `promt` is `prompt`."""
    from difflib import get_close_matches

    found = get_close_matches(name.lower(), list(among), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(name: str, among: Iterable[str], *, what: str = "there are") -> str:
    """A hint: the nearest name, else the names that there are."""
    names = list(among)
    close = nearest(name, names)
    if close is not None:
        return f"did you mean {close}?"
    return f"{what}: {listed(names)}" if names else ""


def listed(names: Iterable[str], most: int = 20) -> str:
    """Names in a row, the first twenty of many."""
    every = list(names)
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")
