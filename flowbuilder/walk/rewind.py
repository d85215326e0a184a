"""Rewind: a reviewer requests changes, and the steps that the review depends on run again."""

from __future__ import annotations

from flowbuilder.model.event_data import RoundStarted
from flowbuilder.model.review import Decision
from flowbuilder.values import JsonObject
from flowbuilder.walk.commands import Withdraw, ask_path
from flowbuilder.walk.runs import BlockRun, NodeRun
from flowbuilder.walk.state import Begin, WalkState


def rewind(state: WalkState, review: NodeRun, target: str, decision: Decision) -> None:
    """Run `target`, and everything that depends on it, once more with the reviewer's feedback."""
    block = review.block
    while target not in block.runs and isinstance(block.owner, NodeRun):
        block = block.owner.block
    scope = review.scope
    scope.changes_requested[review.node.id] = count = scope.changes_requested.get(review.node.id, 0) + 1
    feedback: JsonObject = {
        "comment": decision.comment,
        "comments": list(decision.comments),
        "round": count + 1,
        "previous": (scope.step(target) or {}).get("output"),
    }
    state.live.pop(review.path, None)
    again = [node for node in block.block if node.id in block.downstream(target)]
    for node in again:
        _abandon(state, block.runs[node.id])
        scope.begin_round(node, feedback)
    paths: list[str] = []
    for node in again:
        block.replace(node)
        paths.append(block.runs[node.id].path)
    block.runs[target].follows_decision = True
    for node in again:
        block.count_needs(node.id)
        if not block.runs[node.id].unsettled_needs:
            state.jobs.append(Begin(block.runs[node.id]))
    state.note(review.path, RoundStarted(round=count + 1, rewind_to=target, steps=paths))


def abandon_block(state: WalkState, block: BlockRun) -> None:
    """Abandon all runs of a block: open reviews are withdrawn, and outcomes of running steps are ignored."""
    block.abandoned = True
    for inner in block.runs.values():
        _abandon(state, inner)


def _abandon(state: WalkState, run: NodeRun) -> None:
    run.abandoned = True
    if run.phase == "running":
        state.release_slots(run)
    if run.phase == "waiting" and (path := ask_path(run.path, run.asks)) not in state.decisions:
        state.commands.append(Withdraw(path=path))
    state.live.pop(run.path, None)
    for block in run.blocks():
        abandon_block(state, block)
