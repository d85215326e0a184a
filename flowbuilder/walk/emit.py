"""What is about to begin is given out, unless its iteration has stopped before the item had begun."""

from __future__ import annotations

from flowbuilder.plan.nodes import ReviewNode, TaskNode
from flowbuilder.walk.admission import leave
from flowbuilder.walk.commands import Ask, Start
from flowbuilder.walk.rewind import abandon_block
from flowbuilder.walk.runs import ItemRun, NodeRun
from flowbuilder.walk.state import WalkState


def emit_starts(course: WalkState) -> None:
    """Turn what is about to begin into actions."""
    ready = [run for run in course.starting if not run.gone and run.state in ("running", "waiting")]
    needless = {run: item for run in ready if (item := run.needless_in()) is not None}
    if needless:
        course.starting = [run for run in ready if run not in needless]
        for run, item in needless.items():
            _take_back(course, run, item)
        return  # without them an iteration may be over, and what else is ready there needless too
    course.starting = []
    for run in ready:
        run.mark_begun()
        course.actions.append(_action(course, run))


def _action(course: WalkState, run: NodeRun) -> Start | Ask:
    node = run.node
    if isinstance(node, ReviewNode):
        number = run.scope.requested.get(node.id, 0) + 1
        return Ask(
            path=run.path, node=node, context=course.context(run), round=number, top=run.top, upstream=run.upstream()
        )
    assert isinstance(node, TaskNode)
    return Start(
        path=run.path,
        node=node,
        context=course.context(run),
        top=run.top,
        upstream=run.upstream(),
        decision=run.decision,
        asks=run.asks,
    )


def _take_back(course: WalkState, run: NodeRun, item: ItemRun) -> None:
    if run.gone:
        return
    if item.begun:
        if run.state == "running":
            leave(course, run)
        run.state = "pending"
    else:
        if item.block is not None:
            abandon_block(course, item.block)
        item.owner.open_items.pop(item.index, None)
    course.launching[item.owner] = None
