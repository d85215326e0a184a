"""Rounds: a reviewer asks for changes, and what the review depends on runs once more."""

from __future__ import annotations

from flowbuilder.model.review import Decision
from flowbuilder.values import Json, JsonObject
from flowbuilder.walk.admission import leave
from flowbuilder.walk.commands import Withdraw, ask_path
from flowbuilder.walk.runs import BlockRun, NodeRun
from flowbuilder.walk.state import Begin, WalkState


def rewind(course: WalkState, review: NodeRun, target: str, decision: Decision) -> None:
    """Run everything that depends on `target`, and itself, once more with the reviewer's feedback."""
    block = review.block
    while target not in block.runs and isinstance(block.owner, NodeRun):
        block = block.owner.block
    scope = review.scope
    scope.requested[review.node.id] = number = scope.requested.get(review.node.id, 0) + 1
    feedback: JsonObject = {
        "comment": decision.comment,
        "comments": list(decision.comments),
        "round": number + 1,
        "previous": (scope.entry(target) or {}).get("output"),
    }
    course.live.pop(review.path, None)
    again = [node for node in block.block if node.id in block.downstream(target)]
    for node in again:
        _abandon(course, block.runs[node.id])
        scope.next_round(node, feedback)
    paths: list[Json] = []
    for node in again:
        block.replace(node)
        paths.append(block.runs[node.id].path)
    block.runs[target].follows_decision = True
    for node in again:
        block.recount(node.id)
        if not block.runs[node.id].missing:
            course.jobs.append(Begin(block.runs[node.id]))
    course.note("round_started", review.path, {"round": number + 1, "rewind_to": target, "steps": paths})


def _abandon(course: WalkState, run: NodeRun) -> None:
    run.gone = True
    if run.state == "running":
        leave(course, run)
    if run.state == "waiting" and (path := ask_path(run.path, run.asks)) not in course.decisions:
        course.actions.append(Withdraw(path=path))
    course.live.pop(run.path, None)
    for block in run.blocks():
        abandon_block(course, block)


def abandon_block(course: WalkState, block: BlockRun) -> None:
    """Look at a block no more: its open reviews are withdrawn, and what still runs there is for nobody."""
    block.abandoned = True
    for inner in block.runs.values():
        _abandon(course, inner)
