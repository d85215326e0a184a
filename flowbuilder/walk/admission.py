"""Tasks: a step run begins when every iteration around it has room, and leaves its place when it has ended."""

from __future__ import annotations

from flowbuilder.plan.nodes import LoopNode
from flowbuilder.walk.commands import ask_path
from flowbuilder.walk.runs import NodeRun
from flowbuilder.walk.state import WalkState


def begin_task(course: WalkState, run: NodeRun) -> None:
    """Start the step run, unless its outcome is known, a review that it asked for is open, or there is no room."""
    if run.gone:
        return
    outcome = course.outcomes.get(run.path)
    if outcome is not None and outcome.status != "needs_review":
        run.mark_begun()
        course.apply(run, outcome)
        return
    while (answer := course.decisions.get(ask_path(run.path, run.asks))) is not None:
        run.decision, run.asks, run.follows_decision = answer, run.asks + 1, True
    if ask_path(run.path, run.asks) in course.asked:
        run.state = "waiting"
        return
    if not _enter(run):
        run.state = "held"
        return
    run.state = "running"
    course.starting.append(run)


def leave(course: WalkState, run: NodeRun) -> None:
    """The step run has ended: its place is free."""
    for item in run.items_around():
        item.busy -= 1
        if not item.busy:
            item.owner.busy -= 1
            course.launching[item.owner] = None


def _enter(run: NodeRun) -> bool:
    """Take a place in every iteration around a step; False, and queued at the full one, when there is none."""
    items = run.items_around()
    for item in items:
        loop = item.owner.node
        assert isinstance(loop, LoopNode)
        if not item.busy and item.owner.busy >= loop.max_concurrency:
            item.owner.held.append(run)
            return False
    for item in items:
        item.owner.busy += not item.busy
        item.busy += 1
    return True
