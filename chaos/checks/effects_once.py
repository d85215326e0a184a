"""The target was called once for each effect, and again only where nobody could know.

Keys are one to one with effects. A target that can tell no repetition from another call is called a second time only
when a person has said so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from chaos.evidence import Evidence, Trace
from chaos.target_service import Call
from flowbuilder.model.effect import Effect
from flowbuilder.model.step_path import StepPath

LET_GO = frozenset({"execution_started", "execution_waiting", "execution_paused", "execution_released"})
"""Events after which taking an execution up again is nothing unusual."""
PEOPLE = frozenset({"control_requested", "review_decided", "review_expired", "review_claimed", "review_approved"})


def check(evidence: Evidence) -> Iterator[str]:
    """The ledger against the target's own log."""
    calls: dict[str, list[Call]] = defaultdict(list)
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


def _effect(trace: Trace, effect: Effect, calls: list[Call]) -> Iterator[str]:
    where = f"{trace.execution.id} {effect.path}"
    if len({call.place for call in calls}) > 1:
        yield f"{where}: one key was used for several places"
    if effect.status == "done" and not calls:
        yield f"{where} has a receipt from {effect.target}, which was never called"
    if effect.target_class == "neither":
        allowed = 1 + _said_again(trace, effect)
        if len(calls) > allowed:
            yield f"{where}: {effect.target} can tell no repetition, was called {len(calls)} times; {allowed} allowed"
    elif len(calls) > 1 + (doubts := _doubts(trace, effect)):
        yield f"{where}: {effect.target} was called {len(calls)} times, and only {doubts} times nobody could know"
    if sum(call.applied for call in calls) > 1 and effect.target_class == "deduplicates":
        yield f"{where}: {effect.target} did it more than once"


def _said_again(trace: Trace, effect: Effect) -> int:
    return sum(
        review.decision is not None and review.decision.kind == "approved"
        for review in trace.reviews
        if StepPath(review.path).step_run == effect.path and review.request.title.startswith("Send again?")
    )


def _doubts(trace: Trace, effect: Effect) -> int:
    """How often something happened after which a call may have been made of which nobody knows."""
    doubts = len(trace.of("worker_lost")) + len(trace.of("step_retrying", path=effect.path))
    before = "execution_started"
    for event in trace.events:
        if event.type == "execution_resumed" and before not in LET_GO and before != "worker_lost":
            doubts += 1  # taken up again by the same worker, after the database was away
        if event.type == "execution_paused" and "by" in event.data and before not in LET_GO:
            doubts += 1  # paused by the store itself, for its worker was dead already
        if event.type not in PEOPLE:
            before = event.type
    return doubts


def _rounds(evidence: Evidence, place: str) -> int:
    """How many keys a place may have been called with: one a round of the workflow that writes there."""
    number = place.rpartition("/")[2].split("-")[0]
    rounds = [len(t.of("round_started")) for t in evidence.traces if t.execution.inputs.get("n") == number]
    return 1 + max(rounds, default=0)
