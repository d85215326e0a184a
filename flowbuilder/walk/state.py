"""The state of a walk: recorded outcomes and decisions, live runs and the queue of jobs; and how a run settles."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from flowbuilder.model.event_data import StepSkipped
from flowbuilder.model.events import EventData
from flowbuilder.model.execution import Outcome
from flowbuilder.model.review import Decision
from flowbuilder.model.step_path import StepPath
from flowbuilder.plan.nodes import Block, BranchNode, Plan
from flowbuilder.steps.step import ContinueWith
from flowbuilder.values import Json, JsonObject
from flowbuilder.walk.commands import Command, Note
from flowbuilder.walk.provenance import Provenance
from flowbuilder.walk.runs import BlockRun, ItemRun, LoopRun, NodeRun


@dataclass(frozen=True, slots=True)
class Begin:
    """All needs of a run are settled."""

    run: NodeRun


@dataclass(frozen=True, slots=True)
class Resume:
    """A decision that a run waits for is made, or its step has asked for a review."""

    run: NodeRun


@dataclass(frozen=True, slots=True)
class ApplyOutcome:
    """The step of a run has ended."""

    run: NodeRun
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class OpenItem:
    """An item of an iteration begins."""

    item: ItemRun


@dataclass(frozen=True, slots=True)
class CloseBlock:
    """All runs of a block are settled."""

    block: BlockRun


@dataclass(frozen=True, slots=True)
class FillLoop:
    """An iteration may have free slots, or be done."""

    run: LoopRun


@dataclass(frozen=True, slots=True)
class EmitReady:
    """No other job is left: the tasks and reviews that are ready become commands."""


Job = Begin | Resume | ApplyOutcome | OpenItem | CloseBlock | FillLoop | EmitReady


@dataclass(kw_only=True, eq=False)
class WalkState:
    """The state that all parts of a walk share."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    provenance: Provenance
    asked: set[str] = field(default_factory=set)
    known_items: dict[str, int] = field(default_factory=dict)
    """The highest index of an item with a recorded outcome, decision or review, by the path of its iteration."""
    live: dict[str, NodeRun] = field(default_factory=dict)
    """The runs that have begun and are not settled, by StepPath."""
    jobs: deque[Job] = field(default_factory=deque)
    loops_to_fill: dict[LoopRun, None] = field(default_factory=dict)
    ready: list[NodeRun] = field(default_factory=list)
    """The tasks and reviews that are about to start."""
    commands: list[Command] = field(default_factory=list)
    sensitive: list[tuple[str, JsonObject]] = field(default_factory=list)
    """The values of sensitive inputs and outputs of called workflows, by name, each with what it is."""

    @classmethod
    def of(
        cls, plan: Plan, outcomes: Iterable[Outcome], decisions: Mapping[str, Decision] | None, asked: Iterable[str]
    ) -> WalkState:
        """The state of a walk that has not begun, with the recorded outcomes, decisions and open reviews."""
        known = {outcome.path: outcome for outcome in outcomes}
        decided = dict(decisions or {})
        state = cls(
            outcomes=known, decisions=decided, asked=set(asked), provenance=Provenance(plan=plan, decisions=decided)
        )
        for path in (*state.outcomes, *state.decisions, *state.asked):
            for loop, index in StepPath(path).items():
                state.known_items[loop] = max(state.known_items.get(loop, -1), index)
        return state

    def next_job(self) -> Job | None:
        """The next job; None when there is none. Recorded outcomes and decisions come first, then inner iterations,
        then outer ones, so that items that have begun continue before new ones begin. Commands come last, because a
        recorded outcome may make a start unnecessary."""
        if self.jobs:
            return self.jobs.popleft()
        if self.loops_to_fill:
            innermost = max(self.loops_to_fill, key=lambda loop: loop.block.depth)
            del self.loops_to_fill[innermost]
            return FillLoop(innermost)
        return EmitReady() if self.ready else None

    def take_commands(self) -> list[Command]:
        """The commands since the last call."""
        taken, self.commands = self.commands, []
        return taken

    def note(self, path: str, data: EventData) -> None:
        """Emit a Note."""
        self.commands.append(Note(event=data.at(path)))

    def context(self, run: NodeRun) -> JsonObject:
        """The names that a run's templates see, with the steps that they use."""
        return run.scope.context(run.node, run.feedback)

    def open(self, block: BlockRun) -> None:
        """Make the runs of a block, and begin those that need nothing."""
        block.make_runs()
        self.jobs.extend(Begin(run) for run in block.runs.values() if not run.unsettled_needs)
        if not block.runs:
            self.jobs.append(CloseBlock(block))

    def release_slots(self, run: NodeRun) -> None:
        """A step has ended: free its slots in the iterations around it."""
        for item in run.items_around():
            item.active_steps -= 1
            if not item.active_steps:
                item.loop.active_items -= 1
                self.loops_to_fill[item.loop] = None

    def apply(self, run: NodeRun, outcome: Outcome) -> None:
        """Settle a run with the outcome of its step."""
        if not run.abandoned and not run.settled:
            run.follows_decision = False
            if outcome.status == "completed":
                self.settle(run, "completed", outcome.output)
            else:
                self.settle(run, "failed", error=outcome.error or {"code": "step_failed", "message": "failed"})

    def settle(
        self,
        run: NodeRun,
        status: str,
        output: Json = None,
        *,
        error: JsonObject | None = None,
        failed_path: str = "",
        blocked: bool = False,
    ) -> None:
        """End a run as completed, failed or skipped. Begin the runs that needed only this one, and close its block when
        this was the last one in it.

        `failed_path` is the path of the step inside it that failed; `blocked`: something that it needs has failed.
        """
        on_error = run.node.step.on_error
        run.status, run.phase, run.error, run.failed_path = status, "settled", error, failed_path
        run.failed = status == "failed" and on_error == "fail"
        if status == "failed" and isinstance(on_error, ContinueWith):
            output = on_error.continue_with
        run.output = output
        entry: JsonObject = {"status": status, "error": error}
        if status != "skipped" and not run.failed:
            entry["output"] = output
        run.scope.steps[run.node.id] = entry
        self.live.pop(run.path, None)
        block = run.block
        block.unsettled -= 1
        for dependent in block.dependents(run.node.id):
            dependent.unsettled_needs -= 1
            if (run.failed or blocked) and not dependent.blocked_by:
                dependent.blocked_by = run.blocked_by or run.node.id
            if not dependent.unsettled_needs:
                self.jobs.append(Begin(dependent))
        if not block.unsettled:
            self.jobs.append(CloseBlock(block))

    def skip(self, run: NodeRun, reason: str, *, blocked: bool = False) -> None:
        """End a run as skipped; `blocked` when something that it needs has failed."""
        run.skip_reason = reason
        if isinstance(run.node, BranchNode):
            for arm in run.node.arms:
                self.skip_block(arm.block, run, reason)
        self.note(run.path, StepSkipped(reason=reason))
        self.settle(run, "skipped", blocked=blocked)

    def skip_block(self, block: Block, owner: NodeRun, reason: str) -> None:
        """Skip the steps of a branch that is not taken."""
        for node in block:
            owner.scope.steps[node.id] = {"status": "skipped", "error": None}
            self.note(owner.scope.path(node.id), StepSkipped(reason=reason))
            if isinstance(node, BranchNode):
                for arm in node.arms:
                    self.skip_block(arm.block, owner, reason)
