"""Execution loop: runs the commands of the walk, records their results, and releases the lease at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from flowbuilder.engine.drive_control import DriveControl
from flowbuilder.engine.effects.publishable import as_published
from flowbuilder.engine.history import History
from flowbuilder.engine.ingress import shown_request
from flowbuilder.engine.retry_queue import RetryQueue
from flowbuilder.engine.review_client import ReviewClient
from flowbuilder.engine.step_executor import StepExecutor
from flowbuilder.engine.step_runner import Done, StepContext, StepRunResult, run_step
from flowbuilder.errors import LanguageError, StepError
from flowbuilder.model.event_data import (
    ExecutionCancelled,
    ExecutionCompleted,
    ExecutionFailed,
    ExecutionPaused,
    ExecutionReleased,
    ExecutionWaiting,
    StepFailed,
)
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Control, Execution, Outcome, Status
from flowbuilder.model.review import Review
from flowbuilder.plan.nodes import Plan
from flowbuilder.ports.sensitive import hidden
from flowbuilder.steps.builtin.human_review import HumanReview
from flowbuilder.values import Json, JsonObject
from flowbuilder.walk.commands import Ask, Command, Finish, Note, Start, Withdraw
from flowbuilder.walk.walk import Walk, WalkFault

logger = logging.getLogger(__name__)

CONTROL_SECONDS = 1.0
"""Seconds within which a running execution notices a pause, a cancellation or a decision if no worker wakes it."""


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """The state in which an execution was released: its status, open reviews, outputs or error.

    A waiting execution is due again at `resume_at`, when a step is to be retried or has waited for its rate limit.
    """

    status: Status
    reviews: tuple[Review, ...] = ()
    resume_at: datetime | None = None
    outputs: Json = None
    error: JsonObject | None = None
    progressed: bool = False
    """Whether any step was started or review opened."""


class Driver:
    """Runs one execution under a lease, as far as it goes without a person."""

    def __init__(
        self,
        plan: Plan,
        execution: Execution,
        history: History,
        *,
        context: StepContext,
        executor: StepExecutor,
        control: DriveControl,
    ) -> None:
        self.walk = Walk(
            plan,
            inputs={**execution.inputs, **history.sensitive},
            site=context.site,
            execution=context.execution,
            outcomes=history.outcomes,
            decisions=history.decisions,
            asked=[review.path for review in history.reviews if review.awaits_decision],
        )
        self.retries = RetryQueue(pending=context.retries)
        self.recorded = history.recorded
        self.context, self.store, self.lease, self.clock = context, context.store, context.lease, context.clock
        self.reviews = ReviewClient(context.store, context.lease)
        self.executor, self.control = executor, control
        self.running: dict[asyncio.Task[StepRunResult], Start] = {}
        self.requested: Control | None = None
        self.decisions_read_at = float("-inf")
        self.progressed = False

    async def run(self) -> RunResult:
        """Run until the execution has ended, waits, is paused or cancelled, or `DriveControl.stop` was called.

        Pause and cancel requests and decisions are read every `CONTROL_SECONDS`, or at once when the control is woken.
        A defect in the walk fails the execution. Raises `LostLease` when another worker has taken the execution over;
        nothing is written after that.
        """
        try:
            while True:
                await self._read_requests()
                commands = self.walk.advance()
                for what, values in self.walk.take_sensitive():
                    self.context.secrets.add_sensitive(values, what)
                self.retries.queued.update({start.path: start for start in commands if isinstance(start, Start)})
                await self._carry_out(commands)
                self._start_due()
                if self.running:
                    await self._wait()
                elif not commands or self._stopping:
                    delay = self.retries.seconds_to_hold(self.clock.now())
                    if delay is not None and not self._stopping:
                        await self.clock.sleep(min(delay, CONTROL_SECONDS))
                    elif (result := await self._settle()) is not None:
                        return result
        except WalkFault as fault:
            self.context.secrets.clean(fault)
            logger.exception("the walk of execution %s failed unexpectedly", self.lease.execution_id)
            return await self._fail(fault)
        finally:
            for task in self.running:
                task.cancel()
            await asyncio.gather(*self.running, return_exceptions=True)

    @property
    def _stopping(self) -> bool:
        """Whether no further step is to be started."""
        return self.requested is not None or self.control.stopping

    async def _read_requests(self) -> None:
        """Read pause and cancel requests and, if due, decisions."""
        self.requested = await asyncio.to_thread(self.store.control, self.lease.execution_id)
        if self.requested == "cancel":
            self._cancel_steps()
        now = asyncio.get_running_loop().time()
        if (self.control.consume() or now - self.decisions_read_at >= CONTROL_SECONDS) and self.walk.waiting:
            self.decisions_read_at = now
            for path, decision in (await asyncio.to_thread(self.store.decisions, self.lease.execution_id)).items():
                self.walk.decided(path, decision)

    def _cancel_steps(self) -> None:
        for task, start in self.running.items():
            if not start.node.step.has_effect():  # an effect in progress finishes: its receipt matters
                task.cancel()

    async def _carry_out(self, commands: Iterable[Command]) -> None:
        """Record the notes, then open and withdraw reviews. Steps are started by `_start_due`."""
        notes = [
            self._clean(command.event)
            for command in commands
            if isinstance(command, Note) and (command.event.type, command.event.path) not in self.recorded
        ]
        if notes:
            await asyncio.to_thread(self.store.append_events, self.lease, notes)
        for command in commands:
            if isinstance(command, Ask):
                await self._ask(command)
            elif isinstance(command, Withdraw):
                await asyncio.to_thread(self.reviews.withdraw, command.path)

    def _start_due(self) -> None:
        """Start the queued step runs that are due."""
        now = self.clock.now()
        for path in [] if self._stopping else [path for path in self.retries.queued if self.retries.is_due(path, now)]:
            start = self.retries.queued.pop(path)
            self.progressed = True
            work = self.executor.run_step(start, partial(run_step, self.context, start))
            self.running[asyncio.create_task(work, name=path)] = start

    async def _ask(self, ask: Ask) -> None:
        if self._stopping or ask.path in self.walk.asked:
            return
        step = ask.node.step
        assert isinstance(step, HumanReview)
        try:
            request = replace(step.bind(ask.context).request(ask.round), targets=ask.targets)
            request = await as_published(request, ask.node, self.context)
            request = shown_request(request, self.context.secrets)
        except (StepError, LanguageError) as problem:
            self.context.secrets.clean(problem)
            await self._fail_review(ask.path, {"code": problem.code, "message": str(problem)})
            return
        except Exception as problem:
            self.context.secrets.clean(problem)
            logger.exception("review %s of execution %s failed unexpectedly", ask.path, self.lease.execution_id)
            await self._fail_review(ask.path, _internal_error(ask.path, f"{type(problem).__name__}: {problem}"))
            return
        review = await asyncio.to_thread(self.store.open_review, self.lease, ask.path, request)
        self.progressed = True
        await self.executor.review_opened(review, ask.upstream)

    def _clean(self, event: NewEvent) -> NewEvent:
        data = self.context.secrets.value(event.data)
        assert isinstance(data, dict)
        return event if data is event.data else replace(event, data=data)

    async def _fail_review(self, path: str, error: JsonObject) -> None:
        outcome = Outcome(path=path, status="failed", error=error)
        event = StepFailed(error=error).at(path)
        await asyncio.to_thread(self.store.record_outcome, self.lease, outcome, [event])
        self.walk.review_failed(outcome)

    async def _wait(self) -> None:
        """Wait until a step run ends, the control is woken, or requests are to be read again."""
        woken = asyncio.create_task(self.control.wait(), name="drive control")
        try:
            done, _ = await asyncio.wait(
                [*self.running, woken], timeout=CONTROL_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            woken.cancel()
        for task in [task for task in self.running if task in done]:  # in the order in which they started
            start = self.running.pop(task)
            if task.cancelled():
                continue
            result = task.result()
            if not isinstance(result, Done):
                self.retries.queued[start.path] = start  # for its next attempt, when that is due
                continue
            if result.review is not None:
                await self.executor.review_opened(result.review, (start.path,))
            self.walk.finished(result.outcome)

    async def _settle(self) -> RunResult | None:
        """Release the execution; None, without releasing it, when a decision was recorded that the walk has not seen
        yet."""
        finish = self.walk.conclude()
        if self.requested == "cancel" and finish is None:
            return await self._release("cancelled", ExecutionCancelled().at())
        if finish is not None:
            return await self._finish(finish)
        if self.requested == "pause":
            return await self._release("paused", ExecutionPaused(holder=self.lease.holder).at())
        if self.control.stopping:
            event = ExecutionReleased(reason="the worker stops", holder=self.lease.holder).at()
            return await self._release("queued", event, resume_at=await self.clock.ask())
        decisions = await asyncio.to_thread(self.store.decisions, self.lease.execution_id)
        missed = [path for path in self.walk.waiting if path in decisions]
        for path in missed:
            self.walk.decided(path, decisions[path])
        if missed:
            return None
        due = self.retries.next_due
        event = ExecutionWaiting(
            reviews=list(self.walk.waiting), until=due.isoformat() if due else None, holder=self.lease.holder
        ).at()
        return await self._release("waiting", event, resume_at=due)

    async def _finish(self, finish: Finish) -> RunResult:
        if finish.error is not None:
            error = self.context.secrets.value(finish.error)
            assert isinstance(error, dict)
            return await self._release("failed", ExecutionFailed(error=error).at(), error=error)
        outputs = self.context.secrets.value(hidden(finish.outputs or {}, self.walk.plan.sensitive_outputs))
        return await self._release("completed", ExecutionCompleted(outputs=outputs).at(), outputs=outputs)

    async def _fail(self, fault: WalkFault) -> RunResult:
        """End the execution as failed, after the effects that are in progress."""
        self._cancel_steps()
        await asyncio.gather(*self.running, return_exceptions=True)
        error = {**_internal_error(fault.path, str(fault)), "path": fault.path}
        return await self._release("failed", ExecutionFailed(error=error).at(), error=error)

    async def _release(
        self,
        status: Status,
        event: NewEvent,
        *,
        outputs: Json = None,
        error: JsonObject | None = None,
        resume_at: datetime | None = None,
    ) -> RunResult:
        """Record the status and give the lease back."""
        await asyncio.to_thread(
            self.store.settle,
            self.lease,
            status,
            events=[event],
            outputs=outputs,
            error=error,
            progress=self.walk.progress,
            ready_at=resume_at,
        )
        waiting = await asyncio.to_thread(self.reviews.open) if status == "waiting" else ()
        return RunResult(
            status=status,
            reviews=waiting,
            resume_at=resume_at if status == "waiting" else None,
            outputs=outputs,
            error=error,
            progressed=self.progressed,
        )


def _internal_error(path: str, reason: str) -> JsonObject:
    """The error record of a defect at a step; `reason` names the exception."""
    return {"code": "internal", "message": f"flowbuilder itself failed at {path}: {reason[:400]}; please report this"}
