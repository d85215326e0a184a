"""Checks of writes: the ledger against the target's log and the site's pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from chaos.evidence import Evidence, Trace
from chaos.target_service import TargetCall
from flowbuilder.model.effect import Effect
from flowbuilder.model.step_path import StepPath

RELEASED = frozenset({"execution_started", "execution_waiting", "execution_paused", "execution_released"})
"""Events after which a resume is normal."""
USER_EVENTS = frozenset({"control_requested", "review_decided", "review_expired", "review_claimed", "review_approved"})


def effects_once(evidence: Evidence) -> Iterator[str]:
    """The target was called once for each effect, and again only when the outcome was unknown.

    Keys and effects correspond one to one. A target that ignores keys is called again only after an approval.
    """
    calls: dict[str, list[TargetCall]] = defaultdict(list)
    for call in evidence.calls:
        calls[call.key].append(call)
        if not call.key:
            yield f"a call to {call.place} came without a key"
    known: set[str] = set()
    for trace in evidence.traces:
        for effect in trace.effects:
            if effect.target_class != "lookup":
                known.add(effect.key)
                yield from _effect(trace, effect, calls[effect.key])
    for key in calls.keys() - known - {""}:
        yield f"{calls[key][0].place} was called with the key {key}, which is not in the ledger"
    places: dict[str, set[str]] = defaultdict(set)
    for call in evidence.calls:
        places[call.place].add(call.key)
    for place, keys in places.items():
        if len(keys) > _rounds(evidence, place):
            yield f"{place} was called with {len(keys)} keys"


def _effect(trace: Trace, effect: Effect, calls: list[TargetCall]) -> Iterator[str]:
    where = f"{trace.execution.id} {effect.path}"
    if len({call.place for call in calls}) > 1:
        yield f"{where}: one key was used for several places"
    if effect.status == "done" and not calls:
        yield f"{where} has a receipt from {effect.target}, which was never called"
    if effect.target_class == "neither":
        allowed = 1 + _approved_repeats(trace, effect)
        if len(calls) > allowed:
            yield f"{where}: {effect.target} ignores keys and was called {len(calls)} times; {allowed} allowed"
    elif len(calls) > 1 + (unknown := _unknown_outcomes(trace, effect)):
        calls_made = f"{effect.target} was called {len(calls)} times"
        yield f"{where}: {calls_made}, and only {unknown} times its outcome was unknown"
    if sum(call.applied for call in calls) > 1 and effect.target_class == "deduplicates":
        yield f"{where}: {effect.target} applied it more than once"


def _approved_repeats(trace: Trace, effect: Effect) -> int:
    return sum(
        review.decision is not None and review.decision.kind == "approved"
        for review in trace.reviews
        if StepPath(review.path).step_run == effect.path and review.request.title.startswith("Send again?")
    )


def _unknown_outcomes(trace: Trace, effect: Effect) -> int:
    """The number of calls that may have been made without a recorded outcome."""
    unknown = len(trace.of("worker_lost")) + len(trace.of("step_retrying", path=effect.path))
    before = "execution_started"
    for event in trace.events:
        if event.type == "execution_resumed" and before not in RELEASED and before != "worker_lost":
            unknown += 1  # resumed by the same worker after the database was unreachable
        if event.type == "execution_paused" and "by" in event.data and before not in RELEASED:
            unknown += 1  # paused by the store, since its worker had been killed
        if event.type not in USER_EVENTS:
            before = event.type
    return unknown


def _rounds(evidence: Evidence, place: str) -> int:
    """The number of keys that a place may have been called with: one for each round of its workflow."""
    number = place.rpartition("/")[2].split("-")[0]
    rounds = [len(t.of("round_started")) for t in evidence.traces if t.execution.inputs.get("n") == number]
    return 1 + max(rounds, default=0)


def pages_are_written(evidence: Evidence) -> Iterator[str]:
    """The site's pages are those of the ledger, and contain what was written."""
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
            yield f"the page {name} has a receipt and does not exist"
        elif evidence.pages[name] != body:
            yield f"the page {name} differs from its receipt"
    for name in evidence.pages.keys() - begun:
        yield f"the page {name} exists, and no effect in the ledger wrote it"
