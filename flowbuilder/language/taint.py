"""Where a text came from that outsiders may have written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Taint:
    """The sources of an untrusted text, in the order in which they were found; what they are called is the caller's."""

    sources: tuple[str, ...]

    def __str__(self) -> str:
        return " and ".join(self.sources)


def joined(*taints: Taint | None) -> Taint | None:
    """The taint of a value that several went into; None where all of them are clean."""
    found = [taint for taint in taints if taint is not None]
    if len(found) < 2 or all(taint == found[0] for taint in found):
        return found[0] if found else None
    sources = dict.fromkeys(source for taint in found for source in taint.sources)
    return Taint(tuple(sources))
