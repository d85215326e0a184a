"""The state of a walk's parts: the run of a node, of an iteration and its items, and of a block of nodes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from flowbuilder.errors import LanguageError
from flowbuilder.model.review import Decision
from flowbuilder.plan.nodes import Block, LoopNode, Node, shown_output
from flowbuilder.values import Json, JsonObject
from flowbuilder.walk.commands import StepView
from flowbuilder.walk.marked_values import Tree
from flowbuilder.walk.scope import Scope

Phase = Literal["pending", "queued", "running", "waiting", "open", "settled"]
"""Pending: its needs are not settled. Queued: a task that waits for a slot of an iteration. Running: a task that was
started. Waiting: for a reviewer. Open: a conditional, iteration or call with runs inside it."""


@dataclass(kw_only=True, eq=False)
class NodeRun:
    """One run of a node. `status` and `output` are what templates see of it once it is settled."""

    node: Node
    block: BlockRun
    path: str
    unsettled_needs: int = 0
    phase: Phase = "pending"
    status: str = "pending"
    output: Json = None
    error: JsonObject | None = None
    failed: bool = False
    """Whether it failed and fails the block around it: its `on_error` is `fail`."""
    failed_path: str = ""
    """The StepPath of the step inside it that failed."""
    skip_reason: str = ""
    blocked_by: str = ""
    """The id of the failed step that it needs, directly or not."""
    abandoned: bool = False
    """Whether a new round has replaced it, or the iteration around it has ended: its outcome is ignored."""
    follows_decision: bool = False
    """Whether it follows from a reviewer's decision, with no outcome of a step in between."""
    asks: int = 0
    """The number of decided reviews of a task."""
    decision: Decision | None = None
    """The decision of the last review that a task asked for."""
    inner: BlockRun | None = None
    """The block that a conditional or a call runs."""
    output_marks: Tree | None = None  # the provenance of its output, once it is computed

    @property
    def scope(self) -> Scope:
        """The names that its templates see."""
        return self.block.scope

    @property
    def settled(self) -> bool:
        """Whether the run is completed, failed or skipped."""
        return self.phase == "settled"

    @property
    def feedback(self) -> JsonObject | None:
        """The feedback of the reviewer who requested this round; None in the first one."""
        return self.scope.feedback.get(self.node.id) or self.block.inherited_feedback()

    def items_around(self) -> list[ItemRun]:
        """The items of iterations around the run, innermost first."""
        found: list[ItemRun] = []
        block: BlockRun | None = self.block
        while block is not None:
            if isinstance(block.owner, ItemRun):
                found.append(block.owner)
            block = block.holder.block if block.holder is not None else None
        return found

    def mark_items_begun(self) -> None:
        """Mark the items around it as begun: they run to their end even if their iteration stops."""
        for item in self.items_around():
            item.begun = True

    def stopped_item(self) -> ItemRun | None:
        """The outermost item around the run in which it must not start any more, because the iteration has stopped.

        It must not start where the item has not begun, or where it only follows from a reviewer's decision: an
        iteration that has stopped does not wait for people, so a decision before its end must have the same effect as
        one after it.
        """
        found = None
        for item in self.items_around():
            if item.loop.stopped and (not item.begun or self._follows_decision_in(item)):
                found = item
        return found

    def _follows_decision_in(self, item: ItemRun) -> bool:
        run = self
        while not run.follows_decision:
            if run.block.owner is item or run.block.holder is None:
                return False
            run = run.block.holder
        return True

    def blocks(self) -> Iterator[BlockRun]:
        """The blocks that are open inside it."""
        if self.inner is not None:
            yield self.inner

    def view(self) -> StepView:
        """Its status, for display."""
        status = self.status if self.settled else ("running" if self.phase in ("queued", "open") else self.phase)
        return StepView(
            path=self.path,
            id=self.node.id,
            type=self.node.step.type,
            name=self.node.step.name or self.node.id,
            status=status,
            output=shown_output(self.node, self.output),
            error=self.error,
            reason=self.skip_reason,
            inside=tuple(view for block in self.blocks() for view in block.step_views()),
        )


@dataclass(kw_only=True, eq=False)
class LoopRun(NodeRun):
    """One run of an iteration. A slot is the right of one item to have steps running; there are `max_concurrency`."""

    node: LoopNode
    items: list[Json] = field(default_factory=list)
    next_item: int = 0
    """The index of the first item that is not made yet."""
    open_items: dict[int, ItemRun] = field(default_factory=dict)
    done_items: dict[int, JsonObject] = field(default_factory=dict)
    item_marks: dict[int, dict[str | int, Tree]] = field(default_factory=dict)
    """The provenance of the items that are done, where they were made from untrusted text."""
    over_marks: Tree | None = None  # the provenance of the list, once it is computed
    unopened_items: int = 0
    """The number of items that are made and not opened: an OpenItem job is queued for each."""
    active_items: int = 0
    """The number of slots that are taken. Items that wait for reviewers take none."""
    queue: deque[NodeRun] = field(default_factory=deque)
    """The tasks that wait for a slot."""
    failures: int = 0
    stopped: bool = False
    """Whether so many items failed that no further item begins."""

    @property
    def has_free_slot(self) -> bool:
        """Whether an item with nothing running may start a step."""
        return self.active_items < self.node.max_concurrency

    @property
    def may_open_item(self) -> bool:
        """Whether the iteration has a slot for one more item."""
        return self.active_items + self.unopened_items < self.node.max_concurrency

    @property
    def done(self) -> bool:
        """Whether nothing is left to do: all items are done, or it has stopped and nothing more runs inside."""
        if not self.stopped:
            return self.next_item >= len(self.items) and not self.open_items
        busy = self.active_items or self.unopened_items
        return not busy and not any(block.has_queued() for block in self.blocks())

    def blocks(self) -> Iterator[BlockRun]:
        """The blocks of the items that are open."""
        for item in self.open_items.values():
            if item.block is not None:
                yield item.block


@dataclass(kw_only=True, eq=False)
class ItemRun:
    """One item of an iteration."""

    loop: LoopRun
    index: int
    scope: Scope
    key: Json = None
    feedback: JsonObject | None = None
    block: BlockRun | None = None
    active_steps: int = 0
    """The number of its steps that are running."""
    begun: bool = False
    """Whether a step or review in it was started, or has ended."""


@dataclass(kw_only=True, eq=False)
class BlockRun:
    """One run of a block. `owner` is the conditional, the call or the item that it belongs to; the root has none."""

    block: Block
    scope: Scope
    owner: NodeRun | ItemRun | None = None
    output: Any = None
    runs: dict[str, NodeRun] = field(default_factory=dict)
    unsettled: int = 0
    abandoned: bool = False
    _dependents: dict[str, list[str]] = field(default_factory=dict)

    @property
    def holder(self) -> NodeRun | None:
        """The run of the node around the block: a conditional, a call or an iteration."""
        return self.owner.loop if isinstance(self.owner, ItemRun) else self.owner

    @cached_property
    def depth(self) -> int:
        """The number of iterations around it."""
        if self.holder is None:
            return 0
        return self.holder.block.depth + isinstance(self.owner, ItemRun)

    def make_runs(self) -> None:
        """Make a pending run of every node."""
        for node in self.block:
            self._make_run(node).unsettled_needs = len(node.needs)
            for need in node.needs:
                self._dependents.setdefault(need, []).append(node.id)
        self.unsettled = len(self.runs)

    def replace(self, node: Node) -> None:
        """Put a new pending run in the place of an abandoned one."""
        if self.runs[node.id].settled:
            self.unsettled += 1
        self._make_run(node)

    def _make_run(self, node: Node) -> NodeRun:
        path = self.scope.path(node.id)
        made = (
            LoopRun(node=node, block=self, path=path)
            if isinstance(node, LoopNode)
            else NodeRun(node=node, block=self, path=path)
        )
        self.runs[node.id] = self.scope.runs[node.id] = made
        return made

    def count_needs(self, node_id: str) -> None:
        """Count the unsettled needs of a new run, and find the failed one that blocks it."""
        run = self.runs[node_id]
        for need in run.node.needs:
            before = self.runs[need]
            run.unsettled_needs += not before.settled
            if before.settled and (before.failed or before.blocked_by):
                run.blocked_by = before.blocked_by or need

    def dependents(self, node_id: str) -> list[NodeRun]:
        """The runs of the nodes that need this one."""
        return [self.runs[name] for name in self._dependents.get(node_id, ())]

    def downstream(self, node_id: str) -> set[str]:
        """The ids of a node and of all that depends on it, directly or not."""
        found = {node_id}
        for node in self.block:  # the block is in dependency order
            if found.intersection(node.needs):
                found.add(node.id)
        return found

    def has_queued(self) -> bool:
        """Whether a task inside it waits for a slot and may still start."""
        return any(
            (run.phase == "queued" and run.stopped_item() is None) or any(block.has_queued() for block in run.blocks())
            for run in self.runs.values()
        )

    def certain_failure(self) -> NodeRun | None:
        """The failed run that fails this block in spite of any decision; None while the block may succeed."""
        for run in self.runs.values():
            if run.failed:
                return run
            if run.inner is not None and not run.settled and run.node.step.on_error == "fail":
                inside = run.inner.certain_failure()
                if inside is not None:
                    return inside
        return None

    def inherited_feedback(self) -> JsonObject | None:
        """The feedback of the step that this block lies in."""
        if isinstance(self.owner, ItemRun):
            return self.owner.feedback
        if self.owner is not None and self.owner.scope is self.scope:
            return self.owner.feedback
        return None

    def step_views(self) -> tuple[StepView, ...]:
        """The status of its steps, in order."""
        return tuple(run.view() for run in self.runs.values())


def failure(run: NodeRun) -> JsonObject:
    """The error of a failed run, with the path of the step that failed."""
    return {**(run.error or {}), "path": run.failed_path or run.path}


def error_of(problem: LanguageError, field_name: str = "") -> JsonObject:
    """The error record of a template or expression that failed at run time."""
    place = f"{field_name}: " if field_name else ""
    return {"code": problem.code, "message": f"{place}{problem}"}
