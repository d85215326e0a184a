"""Whether what is remembered of an execution is what was written: outcomes and decisions against their hashes."""

from __future__ import annotations

from flowbuilder.deciding import content_hash
from flowbuilder.errors import Damaged
from flowbuilder.execution import Execution
from flowbuilder.ports import Store
from flowbuilder.values import digest


def ensure_sound(store: Store, execution: Execution) -> None:
    """`Damaged` when a row cannot be read, or says something else than the timeline that was written with it."""
    whose = f"of execution {execution.id}"
    if execution.damaged:
        raise Damaged(execution.damaged)
    hashes: dict[str, object] = {}
    after = 0
    while events := store.events(execution.id, after=after):
        for event in events:
            if event.type == "execution_started" and event.data.get("inputs") != execution.inputs:
                raise Damaged(
                    f"the inputs {whose} are not those that it began with: execution_values was changed since"
                )
            if event.type == "step_completed":
                hashes[event.path] = event.data.get("output_hash")
        after = events[-1].seq
    for outcome in store.outcomes(execution.id):
        said = hashes.get(outcome.path)
        if outcome.status == "completed" and said is not None and said != digest(outcome.output):
            raise Damaged(f"the output of {outcome.path} {whose} is not what the step gave: its row was changed since")
    for path, decision in store.decisions(execution.id).items():
        if decision.approved_hash is not None and decision.approved_hash != content_hash(decision.approved):
            raise Damaged(f"what was approved in {path} {whose} is not what its row says now: it was changed since")
