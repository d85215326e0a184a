"""The moving parts of a walk: the run of a node, of a block of nodes, and of one item of an iteration."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from flowbuilder.errors import LanguageError
from flowbuilder.model.review import Decision
from flowbuilder.plan.nodes import Block, Node, ReviewNode, TaskNode
from flowbuilder.values import Json, JsonObject
from flowbuilder.walk.commands import StepView
from flowbuilder.walk.scope import Scope

State = Literal["pending", "running", "waiting", "held", "open", "settled"]


@dataclass(kw_only=True, eq=False)
class NodeRun:
    """One run of a node: its state, and what it has become. `gone` marks a run that a new round has replaced."""

    node: Node
    block: BlockRun
    path: str
    missing: int = 0
    """How many of its needs are not settled yet."""
    state: State = "pending"
    status: str = "pending"
    output: Json = None
    error: JsonObject | None = None
    blame: str = ""
    reason: str = ""
    failed: bool = False
    gone: bool = False
    follows_decision: bool = False
    """Whether a reviewer's decision, and no outcome of a step since, has led here."""
    blocked_by: str = ""
    asks: int = 0
    decision: Decision | None = None
    """The answer to the last review that its step asked for."""
    inner: BlockRun | None = None
    # an iteration's
    items: list[Json] = field(default_factory=list)
    next_item: int = 0
    open_items: dict[int, ItemRun] = field(default_factory=dict)
    done_items: dict[int, JsonObject] = field(default_factory=dict)
    held: deque[NodeRun] = field(default_factory=deque)
    busy: int = 0
    """Items with a step running: those that only wait for people take no place."""
    fresh: int = 0
    """Items made and not begun."""
    failures: int = 0
    stopped: bool = False

    @property
    def scope(self) -> Scope:
        """The names that its templates see."""
        return self.block.scope

    @property
    def settled(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.state == "settled"

    @property
    def top(self) -> str:
        """The id of the step at the top of the workflow that it is or lies in; branches do not count as a level."""
        run = self
        block: BlockRun | None = self.block
        while block is not None:
            owner = block.owner
            holder = owner.owner if isinstance(owner, ItemRun) else owner
            if holder is None:
                break
            if block.scope is not holder.scope:
                run = holder
            block = holder.block
        return run.node.id

    def upstream(self) -> tuple[str, ...]:
        """The paths of the tasks and reviews that it waited for, seen through conditionals and across levels."""
        found: dict[str, None] = {}
        run: NodeRun | None = self
        while run is not None:
            for need in run.node.needs:
                found.update(dict.fromkeys(_leaves(run.block.runs[need])))
            owner = run.block.owner
            run = owner.owner if isinstance(owner, ItemRun) else owner
        return tuple(found)

    def items_around(self) -> list[ItemRun]:
        """The items of iterations that it lies in, innermost first."""
        found: list[ItemRun] = []
        block: BlockRun | None = self.block
        while block is not None:
            owner = block.owner
            if isinstance(owner, ItemRun):
                found.append(owner)
                owner = owner.owner
            block = owner.block if owner is not None else None
        return found

    def needless_in(self) -> ItemRun | None:
        """The outermost item around it, of an iteration that has stopped, in which it must not start any more: one that
        has not begun, or one in which only a reviewer's decision has led to it. For an iteration that has stopped does
        not wait for people: a decision that comes after its end changes nothing, so one that came before must not."""
        found = None
        for item in self.items_around():
            if item.owner.stopped and (not item.begun or self.needs_decision_in(item)):
                found = item
        return found

    def needs_decision_in(self, item: ItemRun) -> bool:
        """Whether it can start because of a reviewer's decision inside the item, and no outcome of a step since."""
        run = self
        while not run.follows_decision:
            owner = run.block.owner
            if owner is None or owner is item:
                return False
            run = owner.owner if isinstance(owner, ItemRun) else owner
        return True

    def mark_begun(self) -> None:
        """Something of the items around it has happened: they are not taken back any more."""
        for item in self.items_around():
            item.begun = True

    def blocks(self) -> Iterator[BlockRun]:
        """The blocks that are open inside it."""
        if self.inner is not None:
            yield self.inner
        for item in self.open_items.values():
            if item.block is not None:
                yield item.block

    def loop_done(self) -> bool:
        """Whether an iteration has nothing left to do: all items done, or stopped with nothing running inside."""
        if self.stopped:
            return not self.busy and not self.fresh and not any(block.has_held() for block in self.blocks())
        return self.next_item >= len(self.items) and not self.open_items

    def standing(self) -> StepView:
        """Where it stands, for people."""
        status = self.status if self.settled else ("running" if self.state in ("held", "open") else self.state)
        inside = tuple(standing for block in self.blocks() for standing in block.step_views())
        return StepView(
            path=self.path,
            id=self.node.id,
            type=self.node.step.type,
            name=self.node.step.name or self.node.id,
            status=status,
            output=self.output,
            error=self.error,
            reason=self.reason,
            inside=inside,
        )


@dataclass(kw_only=True, eq=False)
class ItemRun:
    """One item of an iteration. `busy` counts its steps that run right now."""

    owner: NodeRun
    index: int
    scope: Scope
    key: Json = None
    feedback: JsonObject | None = None
    block: BlockRun | None = None
    busy: int = 0
    begun: bool = False
    """Whether anything in it was given out, or has ended."""


@dataclass(kw_only=True, eq=False)
class BlockRun:
    """One run of a block. `owner` is the conditional, the called workflow or the item that it belongs to."""

    block: Block
    scope: Scope
    owner: NodeRun | ItemRun | None = None
    output: Any = None
    runs: dict[str, NodeRun] = field(default_factory=dict)
    unsettled: int = 0
    abandoned: bool = False
    _dependents: dict[str, list[str]] = field(default_factory=dict)

    @cached_property
    def depth(self) -> int:
        """How many iterations it lies in."""
        if isinstance(self.owner, ItemRun):
            return self.owner.owner.block.depth + 1
        return self.owner.block.depth if self.owner is not None else 0

    def make_runs(self) -> None:
        """A pending run for every node."""
        for node in self.block:
            self.runs[node.id] = NodeRun(node=node, block=self, path=self.scope.path(node.id), missing=len(node.needs))
            for need in node.needs:
                self._dependents.setdefault(need, []).append(node.id)
        self.unsettled = len(self.runs)

    def has_held(self) -> bool:
        """Whether a step in it only waits for room, and is still needed."""
        return any(
            (run.state == "held" and run.needless_in() is None) or any(block.has_held() for block in run.blocks())
            for run in self.runs.values()
        )

    def dependents(self, node_id: str) -> list[NodeRun]:
        """The runs of the nodes that need this one."""
        return [self.runs[name] for name in self._dependents.get(node_id, ())]

    def downstream(self, node_id: str) -> set[str]:
        """A node and all that depends on it, however far."""
        found = {node_id}
        for node in self.block:  # the block is in dependency order
            if found.intersection(node.needs):
                found.add(node.id)
        return found

    def replace(self, node: Node) -> None:
        """A new pending run in the place of an abandoned one."""
        if self.runs[node.id].settled:
            self.unsettled += 1
        self.runs[node.id] = NodeRun(node=node, block=self, path=self.scope.path(node.id))

    def recount(self, node_id: str) -> None:
        """Count anew what a run still waits for."""
        run = self.runs[node_id]
        for need in run.node.needs:
            before = self.runs[need]
            run.missing += not before.settled
            if before.settled and (before.failed or before.blocked_by):
                run.blocked_by = before.blocked_by or need

    def doomed_by(self) -> NodeRun | None:
        """The failed run because of which this block will fail, whatever people decide; None while it may succeed."""
        for run in self.runs.values():
            if run.failed:
                return run
            if run.inner is not None and not run.settled and run.node.step.on_error == "fail":
                inside = run.inner.doomed_by()
                if inside is not None:
                    return inside
        return None

    def inherited_feedback(self) -> JsonObject | None:
        """The feedback of the step that this block lies in."""
        if isinstance(self.owner, ItemRun):
            return self.owner.feedback
        if isinstance(self.owner, NodeRun) and self.owner.scope is self.scope:
            return self.owner.scope.feedback.get(self.owner.node.id) or self.owner.block.inherited_feedback()
        return None

    def step_views(self) -> tuple[StepView, ...]:
        """Where its nodes stand, in order."""
        return tuple(run.standing() for run in self.runs.values())


def _leaves(run: NodeRun) -> Iterator[str]:
    if isinstance(run.node, TaskNode | ReviewNode):
        if run.status != "skipped":
            yield run.path
    elif run.inner is not None and run.inner.scope is run.scope:
        for inner in run.inner.runs.values():
            yield from _leaves(inner)
    else:
        yield run.path


def with_defaults(defaults: Mapping[str, Json], inputs: Mapping[str, Json]) -> JsonObject:
    """The inputs with the defaults of those not given."""
    return {**defaults, **inputs}


def error_of(problem: LanguageError, field_name: str = "") -> JsonObject:
    """The error record of a template or expression that failed while it ran."""
    place = f"{field_name}: " if field_name else ""
    return {"code": problem.code, "message": f"{place}{problem}"}
