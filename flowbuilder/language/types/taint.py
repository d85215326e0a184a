"""Taint: the sources of a text that outsiders may have written."""

from __future__ import annotations

from msgspec import Struct


class Taint(Struct, frozen=True):
    """The sources of an untrusted text, in the order in which they were found; the caller names them."""

    sources: tuple[str, ...]

    def __str__(self) -> str:
        return " and ".join(self.sources)


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
