"""Iterations: items begin while there is room, and the iteration ends when all of them have, or too many failed."""

from __future__ import annotations

from collections.abc import Mapping

from flowbuilder.errors import LanguageError
from flowbuilder.plan.nodes import LoopNode
from flowbuilder.steps.step import render_value
from flowbuilder.values import Json, JsonObject
from flowbuilder.walk.admission import begin_task
from flowbuilder.walk.rewind import abandon_block
from flowbuilder.walk.runs import BlockRun, ItemRun, NodeRun, error_of
from flowbuilder.walk.state import OpenItem, WalkState

MAX_ITEMS = 100_000


def begin_loop(course: WalkState, run: NodeRun, node: LoopNode) -> None:
    """Find out what it runs over, and begin the first items."""
    run.state = "open"
    try:
        over = node.over.evaluate(course.context(run))
    except LanguageError as problem:
        course.settle(run, "failed", error=error_of(problem, "over"))
        return
    if not isinstance(over, list) or len(over) > MAX_ITEMS:
        message = f"over is not a list of at most {MAX_ITEMS} items"
        course.settle(run, "failed", error={"code": "type", "message": message})
        return
    run.items = over
    course.note("iteration_started", run.path, {"items": len(over)})
    launch(course, run)


def launch(course: WalkState, run: NodeRun) -> None:
    """Begin items, and let held steps go, while there is room; settle the iteration when all is done."""
    if run.gone or run.state != "open" or not isinstance(run.node, LoopNode):
        return
    node = run.node
    while run.held and run.busy < node.max_concurrency:
        held = run.held.popleft()
        if not held.gone and held.state == "held":
            begin_task(course, held)
    known = course.known_items.get(run.path, -1)
    while (
        not run.stopped
        and run.next_item < len(run.items)
        and (run.next_item <= known or run.busy + run.fresh < node.max_concurrency)
    ):
        index = run.next_item
        run.next_item += 1
        value = run.items[index]
        loop: JsonObject = {
            "index": index,
            "number": index + 1,
            "first": index == 0,
            "last": index == len(run.items) - 1,
            "length": len(run.items),
        }
        scope = run.scope.item(run.path, {node.item_name: value, "loop": loop}, index)
        item = ItemRun(owner=run, index=index, scope=scope, feedback=course.feedback(run))
        run.open_items[index] = item
        run.fresh += 1
        course.jobs.append(OpenItem(item))
    if run.loop_done():
        _loop_settled(course, run, node)


def open_item(course: WalkState, item: ItemRun) -> None:
    """Begin an item: its key, then the steps of its body."""
    run, node = item.owner, item.owner.node
    run.fresh -= 1
    if run.gone or run.settled or not isinstance(node, LoopNode):
        return
    try:
        item.key = node.key.evaluate(item.scope.whole(item.feedback)) if node.key else item.index
    except LanguageError as problem:
        item_settled(course, item, error_of(problem, "key"))
        return
    item.block = BlockRun(block=node.body, scope=item.scope, owner=item)
    course.open(item.block)
    course.launching[run] = None


def item_settled(course: WalkState, item: ItemRun, error: JsonObject | None) -> None:
    """An item is over: keep what it gives, and see whether the iteration has had enough."""
    run, node = item.owner, item.owner.node
    if run.gone or run.settled or not isinstance(node, LoopNode):
        return
    output: Json = None
    if error is None and item.block is not None:
        try:
            if node.output is None:
                output = next(reversed(item.block.runs.values())).output
            else:
                output = render_value(node.output, item.scope.whole(item.feedback))
        except LanguageError as problem:
            error = error_of(problem, "output")
    run.open_items.pop(item.index, None)
    run.done_items[item.index] = {
        "index": item.index,
        "key": item.key,
        "status": "failed" if error else "completed",
        "output": output,
        "error": error,
    }
    if error is not None:
        course.note("item_failed", run.path, {"index": item.index, "key": item.key, "error": error})
        run.failures += 1
        run.stopped = node.on_item_error == "fail" or too_many_failed(run.failures, node.max_failed, run.items)
    course.launching[run] = None


def _loop_settled(course: WalkState, run: NodeRun, node: LoopNode) -> None:
    if run.stopped:
        for block in run.blocks():  # what still waits there waits for nothing
            abandon_block(course, block)
        first = next(item for _, item in sorted(run.done_items.items()) if item["error"])
        code = "item_failed" if node.on_item_error == "fail" else "too_many_failed"
        where = f"{run.path}[{first['index']}]"
        message = f"{run.failures} of {len(run.items)} items failed; first {where}: {first['error']['message']}"
        course.settle(run, "failed", error={"code": code, "message": message}, blame=where)
    else:
        course.settle(run, "completed", iteration_output(run.done_items, drop=node.on_item_error == "drop"))


def iteration_output(done: Mapping[int, JsonObject], *, drop: bool) -> JsonObject:
    """`{items, outputs}` in input order; with `drop`, failed items are left out of `items` too."""
    ordered = [done[index] for index in sorted(done)]
    completed = [item for item in ordered if item["status"] == "completed"]
    return {"items": completed if drop else ordered, "outputs": [item["output"] for item in completed]}


def too_many_failed(failures: int, allowed: int | float | None, items: list[Json]) -> bool:
    """Whether more items failed than `max_failed` allows: a count, or a share of all when between 0 and 1."""
    if allowed is None:
        return False
    return failures > (allowed * len(items) if isinstance(allowed, float) else allowed)
