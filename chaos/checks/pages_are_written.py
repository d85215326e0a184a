"""The site's pages are those of the ledger, and hold what was written."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.evidence import Evidence


def check(evidence: Evidence) -> Iterator[str]:
    """Every page has an effect, and every effect that is done its page."""
    wanted: dict[str, str] = {}
    begun: set[str] = set()
    for trace in evidence.traces:
        for effect in trace.effects:
            if effect.target_class != "lookup":
                continue
            name = effect.target.rpartition("/")[2]
            begun.add(name)
            if effect.status == "done" and effect.receipt is not None:
                wanted[name] = str(effect.receipt["body"])
    for name, body in wanted.items():
        if name not in evidence.pages:
            yield f"the page {name} has a receipt and is not there"
        elif evidence.pages[name] != body:
            yield f"the page {name} holds something else than its receipt says"
    for name in evidence.pages.keys() - begun:
        yield f"the page {name} is there, and no effect in the ledger wrote it"
