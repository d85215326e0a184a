"""The course of a walk: what is known, what is live, what is still to be worked off, and how a run settles."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from flowbuilder.model.events import EventType, NewEvent
from flowbuilder.model.execution import Outcome
from flowbuilder.model.review import Decision
from flowbuilder.model.step_path import StepPath
from flowbuilder.plan.nodes import Block, BranchNode
from flowbuilder.steps.step import ContinueWith
from flowbuilder.values import Json, JsonObject
from flowbuilder.walk.commands import Action, Note
from flowbuilder.walk.runs import BlockRun, ItemRun, NodeRun


@dataclass(frozen=True, slots=True)
class Begin:
    """All that a run needs is settled."""

    run: NodeRun


@dataclass(frozen=True, slots=True)
class GoOn:
    """What a run waited for has come: a decision, or the question that its step asks."""

    run: NodeRun


@dataclass(frozen=True, slots=True)
class Apply:
    """A step run has ended."""

    run: NodeRun
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class OpenItem:
    """An item of an iteration may begin."""

    item: ItemRun


@dataclass(frozen=True, slots=True)
class CloseBlock:
    """All runs of a block are settled."""

    block: BlockRun


Job = Begin | GoOn | Apply | OpenItem | CloseBlock


@dataclass(kw_only=True, eq=False)
class WalkState:
    """What all parts of a walk share. Jobs are worked off in the order in which they came."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    known_items: dict[str, int] = field(default_factory=dict)
    """The highest index of an item of which anything is remembered, by the path of its iteration."""
    live: dict[str, NodeRun] = field(default_factory=dict)
    jobs: deque[Job] = field(default_factory=deque)
    launching: dict[NodeRun, None] = field(default_factory=dict)
    """Iterations that may have room for more. They come last: what is begun goes on before anything new begins."""
    starting: list[NodeRun] = field(default_factory=list)
    """Tasks and reviews that are about to begin. They are given out when all that is known is worked off: what a new
    walk remembers may show that they are not needed any more."""
    actions: list[Action] = field(default_factory=list)

    @classmethod
    def of(
        cls, outcomes: Iterable[Outcome], decisions: Mapping[str, Decision] | None, asked: Iterable[str]
    ) -> WalkState:
        """The course of an execution of which this much is remembered."""
        known = {outcome.path: outcome for outcome in outcomes}
        state = cls(outcomes=known, decisions=dict(decisions or {}), asked=set(asked))
        for path in (*state.outcomes, *state.decisions, *state.asked):
            for loop, index in StepPath(path).items():
                state.known_items[loop] = max(state.known_items.get(loop, -1), index)
        return state

    def note(self, kind: EventType, path: str, data: JsonObject) -> None:
        """Something worth an event."""
        self.actions.append(Note(event=NewEvent(type=kind, path=path, data=data)))

    def feedback(self, run: NodeRun) -> JsonObject | None:
        """What the reviewer who asked for this round has said."""
        return run.scope.feedback.get(run.node.id) or run.block.inherited_feedback()

    def context(self, run: NodeRun) -> JsonObject:
        """The names that a run's templates see, with the steps that they use."""
        return run.scope.context(run.node, self.feedback(run))

    def open(self, block: BlockRun) -> None:
        """Make the runs of a block and begin those that need nothing."""
        block.make_runs()
        self.jobs.extend(Begin(run) for run in block.runs.values() if not run.missing)
        if not block.runs:
            self.jobs.append(CloseBlock(block))

    def apply(self, run: NodeRun, outcome: Outcome) -> None:
        """Settle a run by what became of its step."""
        if not run.gone and not run.settled:
            run.follows_decision = False
            if outcome.status == "completed":
                self.settle(run, "completed", outcome.output)
            else:
                self.settle(run, "failed", error=outcome.error or {"code": "step_failed", "message": "failed"})

    def settle(
        self, run: NodeRun, status: str, output: Json = None, *, error: JsonObject | None = None, blame: str = ""
    ) -> None:
        """A run is over. `blame` is the path of the step inside it that failed."""
        handled = run.node.step.on_error
        run.status, run.state, run.error, run.blame = status, "settled", error, blame
        run.failed = status == "failed" and handled == "fail"
        if status == "failed" and isinstance(handled, ContinueWith):
            output = handled.continue_with
        run.output = output
        entry: JsonObject = {"status": status, "error": error}
        if not run.failed:
            entry["output"] = output
        run.scope.steps[run.node.id] = entry
        self._after(run, blocks=run.failed)

    def skip(self, run: NodeRun, reason: str, *, blocked: bool = False) -> None:
        """A run is not needed; `blocked` when something that it needs has failed."""
        run.status, run.state, run.reason = "skipped", "settled", reason
        run.scope.steps[run.node.id] = {"status": "skipped", "error": None}
        if isinstance(run.node, BranchNode):
            for arm in run.node.arms:
                self.skip_block(arm.block, run, reason)
        self.note("step_skipped", run.path, {"reason": reason})
        self._after(run, blocks=blocked)

    def skip_block(self, block: Block, owner: NodeRun, reason: str) -> None:
        """The steps of a branch that is not taken."""
        for node in block:
            owner.scope.steps[node.id] = {"status": "skipped", "error": None}
            self.note("step_skipped", owner.scope.path(node.id), {"reason": reason})
            if isinstance(node, BranchNode):
                for arm in node.arms:
                    self.skip_block(arm.block, owner, reason)

    def _after(self, run: NodeRun, *, blocks: bool) -> None:
        self.live.pop(run.path, None)
        block = run.block
        block.unsettled -= 1
        for waiting in block.dependents(run.node.id):
            waiting.missing -= 1
            if blocks and not waiting.blocked_by:
                waiting.blocked_by = run.blocked_by or run.node.id
            if not waiting.missing:
                self.jobs.append(Begin(waiting))
        if not block.unsettled:
            self.jobs.append(CloseBlock(block))
