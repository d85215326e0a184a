"""Taint: the sources of a text that outsiders may have written."""

from __future__ import annotations

from msgspec import Struct


class Taint(Struct, frozen=True):
    """The sources of an untrusted text, in the order in which they were found; the caller names them."""

    sources: tuple[str, ...]

    def __str__(self) -> str:
        return " and ".join(self.sources)


SPELLED = " (spelled)"
"""The end of the name of a source whose numbers, and not whose text, are in a value."""


def spelled(figures: Taint | None) -> Taint | None:
    """The taint of a text that numbers or booleans of these sources spell: a letter of a text by its number."""
    if figures is None:
        return None
    return Taint(tuple(dict.fromkeys(source.removesuffix(SPELLED) + SPELLED for source in figures.sources)))


def joined(*taints: Taint | None) -> Taint | None:
    """The union of taints; None where all are clean."""
    first: Taint | None = None
    for taint in taints:
        if taint is None or taint is first:
            continue
        if first is None:
            first = taint
        elif taint != first:
            break
    else:
        return first
    return Taint(tuple(dict.fromkeys(source for taint in taints if taint is not None for source in taint.sources)))
