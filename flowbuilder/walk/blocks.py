"""How a block ends: its conditional, called workflow or item settles with it."""

from __future__ import annotations

from typing import Any

from flowbuilder.errors import LanguageError
from flowbuilder.plan.nodes import CallNode
from flowbuilder.steps.step import render_value
from flowbuilder.values import JsonObject
from flowbuilder.walk.loops import item_settled
from flowbuilder.walk.runs import BlockRun, ItemRun, NodeRun, error_of
from flowbuilder.walk.state import WalkState


def close(course: WalkState, block: BlockRun) -> None:
    """All runs of a block that lies in another are settled."""
    owner = block.owner
    if block.abandoned or owner is None:
        return
    error = failure_of(block)
    holder = owner.owner if isinstance(owner, ItemRun) else owner
    holder.follows_decision |= any(run.follows_decision for run in block.runs.values())
    if isinstance(owner, ItemRun):
        item_settled(course, owner, error)
    elif error:
        course.settle(owner, "failed", error=error, blame=str(error["path"]))
    elif isinstance(owner.node, CallNode):
        _settle_with(course, owner, owner.node.plan.outputs, block.scope.whole())
    else:
        _settle_with(course, owner, block.output, block.scope.whole(course.feedback(owner)))


def failure_of(block: BlockRun) -> JsonObject | None:
    """The error of the first run that failed, with the path that it is to blame on; None where none did."""
    failed = next((run for run in block.runs.values() if run.failed), None)
    return {**(failed.error or {}), "path": failed.blame or failed.path} if failed else None


def _settle_with(course: WalkState, run: NodeRun, output: Any, context: JsonObject) -> None:
    try:
        course.settle(run, "completed", render_value(output, context))
    except LanguageError as problem:
        course.settle(run, "failed", error=error_of(problem, "output"))
