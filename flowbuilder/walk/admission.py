"""Admission: a task becomes ready when every iteration around it has a free slot; ready tasks and reviews become
commands."""

from __future__ import annotations

from collections.abc import Iterator

from flowbuilder.plan.nodes import ReviewNode, TaskNode
from flowbuilder.walk.commands import Ask, Start, ask_path
from flowbuilder.walk.rewind import abandon_block
from flowbuilder.walk.runs import BlockRun, ItemRun, NodeRun
from flowbuilder.walk.scope import rendered_targets
from flowbuilder.walk.state import WalkState


def begin_task(state: WalkState, run: NodeRun) -> None:
    """Make a task ready, unless its outcome is known, a review that it asked for is open, or a slot is missing."""
    if run.abandoned:
        return
    outcome = state.outcomes.get(run.path)
    if outcome is not None and outcome.status != "needs_review":
        run.mark_items_begun()
        state.apply(run, outcome)
        return
    while (decision := state.decisions.get(ask_path(run.path, run.asks))) is not None:
        run.decision, run.asks, run.follows_decision = decision, run.asks + 1, True
    if ask_path(run.path, run.asks) in state.asked:
        run.phase = "waiting"
    elif _take_slots(run):
        run.phase = "running"
        state.ready.append(run)
    else:
        run.phase = "queued"


def _take_slots(run: NodeRun) -> bool:
    """Take a slot in every iteration around a task. Where an iteration has none, queue the task there and return
    False."""
    items = run.items_around()
    for item in items:
        if not item.active_steps and not item.loop.has_free_slot:
            item.loop.queue.append(run)
            return False
    for item in items:
        item.loop.active_items += not item.active_steps
        item.active_steps += 1
    return True


def emit_ready(state: WalkState) -> None:
    """Emit commands for the tasks and reviews that are ready. If some must not start, only take those back."""
    ready = [run for run in state.ready if not run.abandoned and run.phase in ("running", "waiting")]
    stopped = {run: item for run in ready if (item := run.stopped_item()) is not None}
    if stopped:
        state.ready = [run for run in ready if run not in stopped]
        for run, item in stopped.items():
            _cancel_start(state, run, item)
        return  # an iteration may be done now, and what else is ready in it must not start either
    state.ready = []
    for run in ready:
        run.mark_items_begun()
        node, context, top, upstream = run.node, state.context(run), _top(run), _upstream(run)
        command: Start | Ask
        if isinstance(node, ReviewNode):
            rounds = run.scope.changes_requested.get(node.id, 0) + 1
            targets = rendered_targets(node, context)
            command = Ask(
                path=run.path, node=node, context=context, targets=targets, round=rounds, top=top, upstream=upstream
            )
        else:
            assert isinstance(node, TaskNode)
            unproven, proven = state.provenance.of_published(run, context)
            command = Start(
                path=run.path,
                node=node,
                context=context,
                unproven=unproven,
                proven=proven,
                top=top,
                upstream=upstream,
                decision=run.decision,
                asks=run.asks,
            )
        state.commands.append(command)


def _top(run: NodeRun) -> str:
    """The id of the step at the top of the workflow that a run is or lies in; branches do not count as a level."""
    top = run
    block: BlockRun | None = run.block
    while block is not None and block.holder is not None:
        if block.scope is not block.holder.scope:
            top = block.holder
        block = block.holder.block
    return top.node.id


def _upstream(run: NodeRun) -> tuple[str, ...]:
    """The paths of the tasks and reviews that a run waited for, seen through conditionals and across levels."""
    found: dict[str, None] = {}
    inner: NodeRun | None = run
    while inner is not None:
        for need in inner.node.needs:
            found.update(dict.fromkeys(_results_of(inner.block.runs[need])))
        inner = inner.block.holder
    return tuple(found)


def _results_of(run: NodeRun) -> Iterator[str]:
    if isinstance(run.node, TaskNode | ReviewNode):
        if run.status != "skipped":
            yield run.path
    elif run.inner is not None and run.inner.scope is run.scope:
        for inner in run.inner.runs.values():
            yield from _results_of(inner)
    else:
        yield run.path


def _cancel_start(state: WalkState, run: NodeRun, item: ItemRun) -> None:
    if run.abandoned:
        return
    if item.begun:
        if run.phase == "running":
            state.release_slots(run)
        run.phase = "pending"
    else:
        if item.block is not None:
            abandon_block(state, item.block)
        item.loop.open_items.pop(item.index, None)
    state.loops_to_fill[item.loop] = None
