"""What is about to begin is given out, unless its iteration has stopped before the item had begun."""

from __future__ import annotations

from flowbuilder.plan.nodes import ReviewNode, TaskNode
from flowbuilder.walk.commands import Ask, Start
from flowbuilder.walk.rewind import abandon_block
from flowbuilder.walk.runs import ItemRun, NodeRun
from flowbuilder.walk.state import WalkState


def emit_starts(course: WalkState) -> None:
    """Turn what is about to begin into actions."""
    starting, course.starting = course.starting, []
    for run in starting:
        if run.gone or run.state not in ("running", "waiting"):
            continue
        if (item := _needless(run)) is not None:
            _take_back(course, item)
            continue
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


def _needless(run: NodeRun) -> ItemRun | None:
    """The outermost item around it that has not begun, of an iteration that has stopped."""
    found = None
    for item in run.items_around():
        if item.owner.stopped and not item.begun:
            found = item
    return found


def _take_back(course: WalkState, item: ItemRun) -> None:
    owner = item.owner
    if item.block is not None:
        abandon_block(course, item.block)
    owner.open_items.pop(item.index, None)
    course.launching[owner] = None
