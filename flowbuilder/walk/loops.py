"""Iterations: items begin while there are free slots; the iteration ends when all items have, or too many failed."""

from __future__ import annotations

from collections.abc import Mapping

from flowbuilder.errors import LanguageError
from flowbuilder.model.event_data import ItemFailed, IterationStarted
from flowbuilder.model.step_path import StepPath
from flowbuilder.steps.step import render_value
from flowbuilder.values import Json, JsonObject
from flowbuilder.walk.admission import begin_task
from flowbuilder.walk.rewind import abandon_block
from flowbuilder.walk.runs import BlockRun, ItemRun, LoopRun, error_of
from flowbuilder.walk.state import OpenItem, WalkState

MAX_ITEMS = 100_000


def begin_loop(state: WalkState, run: LoopRun) -> None:
    """Evaluate `over`, and make the first items."""
    run.phase = "open"
    try:
        over = run.node.over.evaluate(state.context(run))
    except LanguageError as problem:
        state.settle(run, "failed", error=error_of(problem, "over"))
        return
    if not isinstance(over, list) or len(over) > MAX_ITEMS:
        message = f"over is not a list of at most {MAX_ITEMS} items"
        state.settle(run, "failed", error={"code": "type", "message": message})
        return
    run.items = over
    state.note(run.path, IterationStarted(items=len(over)))
    fill_loop(state, run)


def fill_loop(state: WalkState, run: LoopRun) -> None:
    """Give free slots to queued tasks, then to new items; settle the iteration when it is done.

    Items with recorded outcomes or decisions are made without a slot: they had one in an earlier walk.
    """
    if run.abandoned or run.phase != "open":
        return
    while run.queue and run.has_free_slot:
        queued = run.queue.popleft()
        if not queued.abandoned and queued.phase == "queued":
            begin_task(state, queued)
    known = state.known_items.get(run.path, -1)
    while not run.stopped and run.next_item < len(run.items) and (run.next_item <= known or run.may_open_item):
        _make_item(state, run)
    if run.done:
        _settle_loop(state, run)


def _make_item(state: WalkState, run: LoopRun) -> None:
    index = run.next_item
    run.next_item += 1
    loop: JsonObject = {
        "index": index,
        "number": index + 1,
        "first": index == 0,
        "last": index == len(run.items) - 1,
        "length": len(run.items),
    }
    scope = run.scope.item(run, {run.node.item_name: run.items[index], "loop": loop}, index)
    item = ItemRun(loop=run, index=index, scope=scope, feedback=run.feedback)
    run.open_items[index] = item
    run.unopened_items += 1
    state.jobs.append(OpenItem(item))


def open_item(state: WalkState, item: ItemRun) -> None:
    """Begin an item: evaluate its key, then run its body."""
    run, node = item.loop, item.loop.node
    run.unopened_items -= 1
    if run.abandoned or run.settled:
        return
    try:
        item.key = node.key.evaluate(item.scope.full_context(item.feedback)) if node.key else item.index
    except LanguageError as problem:
        settle_item(state, item, error_of(problem, "key"))
        return
    item.block = BlockRun(block=node.body, scope=item.scope, owner=item)
    state.open(item.block)
    state.loops_to_fill[run] = None


def settle_item(state: WalkState, item: ItemRun, error: JsonObject | None) -> None:
    """End an item: keep its output or error, and stop the iteration when too many items have failed."""
    run, node = item.loop, item.loop.node
    if run.abandoned or run.settled:
        return
    output: Json = None
    if error is None and item.block is not None:
        try:
            if node.output is None:
                output = next(reversed(item.block.runs.values())).output
            else:
                output = render_value(node.output, item.scope.full_context(item.feedback))
        except LanguageError as problem:
            error = error_of(problem, "output")
    state.provenance.settle_item(item, failed=error is not None)
    run.open_items.pop(item.index, None)
    run.done_items[item.index] = {
        "index": item.index,
        "key": item.key,
        "status": "failed" if error else "completed",
        "output": output,
        "error": error,
    }
    if error is not None:
        state.note(run.path, ItemFailed(index=item.index, key=item.key, error=error))
        run.failures += 1
        run.stopped = node.on_item_error == "fail" or too_many_failed(run.failures, node.max_failed, run.items)
    state.loops_to_fill[run] = None


def _settle_loop(state: WalkState, run: LoopRun) -> None:
    node = run.node
    if run.stopped:
        for block in run.blocks():  # only reviews are open there, and nothing needs their decisions any more
            abandon_block(state, block)
        first = next(item for _, item in sorted(run.done_items.items()) if item["error"])
        code = "item_failed" if node.on_item_error == "fail" else "too_many_failed"
        where = StepPath(run.path).item(first["index"])
        message = f"{run.failures} of {len(run.items)} items failed; first {where}: {first['error']['message']}"
        state.settle(run, "failed", error={"code": code, "message": message}, failed_path=where)
    else:
        state.settle(run, "completed", iteration_output(run.done_items, drop=node.on_item_error == "drop"))


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
