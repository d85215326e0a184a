"""The walk: decides what an execution does next, from a plan and the recorded outcomes and decisions. Pure: no clock,
no I/O.

A walk holds all semantics of an execution. It is a function of a plan, its inputs, the outcomes of step runs and the
decisions of reviews, both by StepPath; the order in which they become known does not matter. So a worker that resumes
an execution makes a new walk from what the store has recorded.

    walk = Walk(plan, inputs=..., site=..., execution=..., outcomes=..., decisions=..., asked=...)
    while True:
        commands = walk.advance()         # Start, Ask, Withdraw, Note; each is emitted once
        ...                               # carry them out; then report:
        walk.finished(outcome)            # a step run ended
        walk.decided(path, decision)      # a review was decided
        walk.result                       # Finish, once nothing is left to do

A step starts when all that it needs is settled. A skipped step counts as settled; a failed one stops what needs it,
unless it says `on_error`. When a step failed, what is independent of it still runs, then the walk fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from flowbuilder.errors import LanguageError
from flowbuilder.model.execution import Outcome
from flowbuilder.model.review import Decision
from flowbuilder.model.step_path import StepPath
from flowbuilder.plan.nodes import BranchNode, CallNode, Plan, ReviewNode, TaskNode
from flowbuilder.steps.step import ExecutionInfo, render_value
from flowbuilder.values import JsonObject
from flowbuilder.walk.admission import begin_task, emit_ready
from flowbuilder.walk.commands import Command, Finish, Given, StepView, ask_path
from flowbuilder.walk.loops import begin_loop, fill_loop, open_item
from flowbuilder.walk.nodes import begin_branch, begin_call, begin_review, close_block, error_in, may_begin
from flowbuilder.walk.runs import BlockRun, LoopRun, error_of, failure
from flowbuilder.walk.scope import Scope
from flowbuilder.walk.state import (
    ApplyOutcome,
    Begin,
    CloseBlock,
    EmitReady,
    FillLoop,
    Job,
    OpenItem,
    Resume,
    WalkState,
)


class WalkFault(Exception):
    """A defect: the walk raised something other than a `LanguageError` at the StepPath `path`. It must not be used any
    more; the same walk made again fails in the same place."""

    def __init__(self, path: str, problem: Exception) -> None:
        super().__init__(f"{type(problem).__name__}: {str(problem)[:300]}")
        self.path = path


class Walk:
    """The walk of one execution. The module's docstring says how it is driven."""

    def __init__(
        self,
        plan: Plan,
        *,
        inputs: JsonObject,
        site: JsonObject | None = None,
        execution: ExecutionInfo,
        outcomes: Iterable[Outcome] = (),
        decisions: Mapping[str, Decision] | None = None,
        asked: Iterable[str] = (),
    ) -> None:
        self.plan = plan
        self.result: Finish | None = None
        names: JsonObject = {
            "inputs": {**plan.defaults, **inputs},
            "site": site or {},
            "execution": execution.json(),
        }
        self._state = WalkState.of(plan, outcomes, decisions, asked)
        self._root = BlockRun(block=plan.block, scope=Scope(place="", names=names))
        self._state.open(self._root)

    @property
    def asked(self) -> Set[str]:
        """The paths of the reviews that were open when the walk was made, and of those that tasks asked for since."""
        return self._state.asked

    def advance(self) -> list[Command]:
        """The commands that have become possible since the last call, in a fixed order. Raises `WalkFault` for a
        defect."""
        state = self._state
        while (job := state.next_job()) is not None:
            try:
                match job:
                    case Begin(run) if not may_begin(state, run):
                        pass
                    case Begin(run) | Resume(run) if isinstance(run.node, TaskNode):
                        begin_task(state, run)
                    case Begin(run) | Resume(run) if isinstance(run.node, ReviewNode):
                        begin_review(state, run, run.node)
                    case Begin(run) if isinstance(run.node, BranchNode):
                        begin_branch(state, run, run.node)
                    case Begin(run) if isinstance(run.node, CallNode):
                        begin_call(state, run, run.node)
                    case Begin(LoopRun() as loop):
                        begin_loop(state, loop)
                    case ApplyOutcome(run, outcome):
                        state.apply(run, outcome)
                    case OpenItem(item):
                        open_item(state, item)
                    case CloseBlock(block) if block is self._root:
                        self.result = self._finish()
                    case CloseBlock(block):
                        close_block(state, block)
                    case FillLoop(loop):
                        fill_loop(state, loop)
                    case EmitReady():
                        emit_ready(state)
            except Exception as problem:
                raise WalkFault(_path_of(job), problem) from problem
        return state.take_commands()

    def finished(self, outcome: Outcome) -> None:
        """Report that a step run which this walk started has ended."""
        state = self._state
        state.outcomes[outcome.path] = outcome
        run = state.live.get(outcome.path)
        if run is not None and run.phase == "running":
            state.release_slots(run)
            if outcome.status == "needs_review":
                state.asked.add(ask_path(run.path, run.asks))
                state.jobs.append(Resume(run))
            else:
                state.jobs.append(ApplyOutcome(run, outcome))

    def review_failed(self, outcome: Outcome) -> None:
        """Report that a review could not be opened, because its templates failed."""
        state = self._state
        state.outcomes[outcome.path] = outcome
        run = state.live.get(outcome.path)
        if run is not None and run.phase == "waiting":
            state.jobs.append(ApplyOutcome(run, outcome))

    def decided(self, path: str, decision: Decision) -> None:
        """Report the decision of a review. A second one for the same review is ignored."""
        state = self._state
        if path in state.decisions:
            return
        state.decisions[path] = decision
        run = state.live.get(StepPath(path).step_run)
        if run is not None and run.phase == "waiting":
            state.jobs.append(Resume(run))

    @property
    def waiting(self) -> tuple[str, ...]:
        """The paths of the reviews that the walk waits for."""
        live = self._state.live.values()
        return tuple(sorted(ask_path(run.path, run.asks) for run in live if run.phase == "waiting"))

    @property
    def running(self) -> tuple[str, ...]:
        """The paths of the step runs that were started and have not ended."""
        return tuple(sorted(run.path for run in self._state.live.values() if run.phase == "running"))

    @property
    def progress(self) -> JsonObject:
        """`{done, total}` of the steps at the top."""
        runs = self._root.runs.values()
        return {"done": sum(run.settled for run in runs), "total": len(runs)}

    def conclude(self) -> Finish | None:
        """The result, also of a walk that has failed and only waits for reviewers; None while it has none."""
        if self.result is None and not self.running and not self._state.jobs:
            failed = self._root.certain_failure()
            if failed is not None:
                self.result = Finish(error=failure(failed))
        return self.result

    def take_sensitive(self) -> list[tuple[str, JsonObject]]:
        """The sensitive inputs and outputs of called workflows since the last call: what they are, values by name."""
        taken, self._state.sensitive = self._state.sensitive, []
        return taken

    def step_views(self) -> tuple[StepView, ...]:
        """The status of every step, those inside open iterations and called workflows included."""
        return self._root.step_views()

    def given(self, path: str) -> Given | None:
        """What a step run is given that has begun and is not settled; None for every other path."""
        run = self._state.live.get(path)
        if run is None:
            return None
        block: BlockRun | None = run.block
        while block is not None and not (block.holder is not None and isinstance(block.holder.node, CallNode)):
            block = block.holder.block if block.holder is not None else None
        caller = block.holder.node if block is not None and block.holder is not None else None
        plan = caller.plan if isinstance(caller, CallNode) else self.plan
        return Given(node=run.node, context=self._state.context(run), sensitive=plan.sensitive_inputs)

    def _finish(self) -> Finish:
        error = error_in(self._root)
        if error is not None:
            return Finish(error=error)
        try:
            return Finish(outputs=render_value(self.plan.outputs, self._root.scope.full_context()))
        except LanguageError as problem:
            return Finish(error={**error_of(problem), "path": "outputs"})


def _path_of(job: Job) -> str:
    """The StepPath of the step that a job is about; `outputs` for those of the workflow."""
    match job:
        case Begin(run) | Resume(run) | ApplyOutcome(run, _) | FillLoop(run):
            return run.path
        case OpenItem(item):
            return StepPath(item.loop.path).item(item.index)
        case CloseBlock(block):
            return block.holder.path if block.holder is not None else "outputs"
        case EmitReady():
            return "the steps that are ready"
