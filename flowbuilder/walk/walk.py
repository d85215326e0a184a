"""The walk: given a plan and what has happened so far, what is to be done next. Pure: no clock, no input or output.

A walk holds all semantics of an execution. It is a function of a plan, its inputs, the *outcomes* of step runs and
the *decisions* of reviews, both by StepPath: whatever the order in which they become known, the walk stands at the
same place. So a worker that takes an execution up again makes a new walk of what the store remembers, and goes on.

    walk = Walk(plan, inputs=..., site=..., execution=..., outcomes=..., decisions=..., asked=...)
    while True:
        actions = walk.advance()          # Start, Ask, Withdraw, Note; each is given out once
        ...                               # do them; then tell:
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
from flowbuilder.plan.nodes import Plan
from flowbuilder.steps.step import ExecutionInfo, render_value
from flowbuilder.values import JsonObject
from flowbuilder.walk.admission import leave
from flowbuilder.walk.blocks import close, failure_of
from flowbuilder.walk.commands import Action, Finish, StepView, ask_path
from flowbuilder.walk.emit import emit_starts
from flowbuilder.walk.loops import launch, open_item
from flowbuilder.walk.nodes import begin, go_on
from flowbuilder.walk.runs import BlockRun, error_of, with_defaults
from flowbuilder.walk.scope import Scope
from flowbuilder.walk.state import Apply, Begin, CloseBlock, GoOn, Job, OpenItem, WalkState


class Walk:
    """Where an execution stands. See the module's docstring for how it is driven."""

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
            "inputs": with_defaults(plan.defaults, inputs),
            "site": site or {},
            "execution": execution.json(),
        }
        self._course = WalkState.of(outcomes, decisions, asked)
        self._root = BlockRun(block=plan.block, scope=Scope(place="", names=names))
        self._course.open(self._root)

    @property
    def asked(self) -> Set[str]:
        """The paths of the reviews that were open when the walk was made, and of those that steps asked for since."""
        return self._course.asked

    def advance(self) -> list[Action]:
        """The actions that have become possible since the last call, in a fixed order."""
        course = self._course
        while course.jobs or course.launching or course.starting:
            if course.jobs:
                self._work_off(course.jobs.popleft())
            elif not course.launching:
                emit_starts(course)
            else:  # what is begun goes on before anything new begins, so inner iterations come first
                run = max(course.launching, key=lambda launching: launching.block.depth)
                del course.launching[run]
                launch(course, run)
        actions, course.actions = course.actions, []
        return actions

    def finished(self, outcome: Outcome) -> None:
        """A step run that this walk started has ended."""
        course = self._course
        course.outcomes[outcome.path] = outcome
        run = course.live.get(outcome.path)
        if run is not None and run.state == "running":
            leave(course, run)
            if outcome.status == "needs_review":
                course.asked.add(ask_path(run.path, run.asks))
                course.jobs.append(GoOn(run))
            else:
                course.jobs.append(Apply(run, outcome))

    def failed_to_ask(self, outcome: Outcome) -> None:
        """A review could not be opened: its texts did not fill in."""
        course = self._course
        course.outcomes[outcome.path] = outcome
        run = course.live.get(outcome.path)
        if run is not None and run.state == "waiting":
            course.jobs.append(Apply(run, outcome))

    def decided(self, path: str, decision: Decision) -> None:
        """A review has its decision. Deciding one twice changes nothing."""
        course = self._course
        if path in course.decisions:
            return
        course.decisions[path] = decision
        run = course.live.get(StepPath(path).step_run)
        if run is not None and run.state == "waiting":
            course.jobs.append(GoOn(run))

    @property
    def waiting(self) -> tuple[str, ...]:
        """The paths of the reviews that the walk waits for."""
        live = self._course.live.values()
        return tuple(sorted(ask_path(run.path, run.asks) for run in live if run.state == "waiting"))

    @property
    def running(self) -> tuple[str, ...]:
        """The paths of the step runs that were given out and have not ended."""
        return tuple(sorted(run.path for run in self._course.live.values() if run.state == "running"))

    @property
    def progress(self) -> JsonObject:
        """`{done, total}` of the steps at the top."""
        runs = self._root.runs.values()
        return {"done": sum(run.settled for run in runs), "total": len(runs)}

    def conclude(self) -> Finish | None:
        """The result; a walk that has failed and only waits for people is over as well: nobody need answer."""
        if self.result is None and not self.running and not self._course.jobs:
            failed = self._root.doomed_by()
            if failed is not None:
                self.result = Finish(error={**(failed.error or {}), "path": failed.blame or failed.path})
        return self.result

    def step_views(self) -> tuple[StepView, ...]:
        """Where every step stands, those inside iterations and called workflows included."""
        return self._root.step_views()

    def _work_off(self, job: Job) -> None:
        course = self._course
        match job:
            case Begin(run):
                begin(course, run)
            case GoOn(run):
                go_on(course, run)
            case Apply(run, outcome):
                course.apply(run, outcome)
            case OpenItem(item):
                open_item(course, item)
            case CloseBlock(block) if block is self._root:
                self.result = self._finish()
            case CloseBlock(block):
                close(course, block)

    def _finish(self) -> Finish:
        error = failure_of(self._root)
        if error is not None:
            return Finish(error=error)
        try:
            return Finish(outputs=render_value(self.plan.outputs, self._root.scope.whole()))
        except LanguageError as problem:
            return Finish(error={**error_of(problem), "path": "outputs"})
