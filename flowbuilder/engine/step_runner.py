"""One attempt of a step run: bind the step, run it, and record the outcome before anything acts on it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import perf_counter
from typing import Literal

from flowbuilder.engine.effects.approval_guard import ensure_approved, ensure_proven
from flowbuilder.engine.effects.effect_ledger import EffectLedger
from flowbuilder.engine.effects.question_assignment import inherited
from flowbuilder.engine.effects.step_memo import StepMemos
from flowbuilder.engine.failure_policy import RetryIn, WaitForLimit, failure_policy
from flowbuilder.engine.ingress import guarded_ports, shown_request
from flowbuilder.engine.isolated_thread import run_in_isolated_thread
from flowbuilder.engine.retry_queue import MAX_HELD_RETRY_SECONDS, PendingRetry
from flowbuilder.engine.review_client import reviews_of
from flowbuilder.engine.store_clock import StoreClock
from flowbuilder.errors import (
    BeingCancelled,
    Conflict,
    Damaged,
    LostLease,
    Throttled,
    TransientError,
    Unavailable,
)
from flowbuilder.model.effect import effect_key
from flowbuilder.model.event_data import StepCompleted, StepFailed, StepRetrying, StepStarted, StepThrottled
from flowbuilder.model.events import EventData
from flowbuilder.model.execution import Lease, Outcome
from flowbuilder.model.review import Review
from flowbuilder.ports import Ports, Store
from flowbuilder.ports.allowed_hosts import allowed_hosts
from flowbuilder.ports.known_secrets import KnownSecrets, using_secrets
from flowbuilder.steps.step import Completed, ExecutionInfo, NeedsReview, Step, StepResult, StepRun
from flowbuilder.throttling.context import (
    ThrottleContext,
    ThrottleWait,
    throttle_context,
    throttle_context_of,
    timeout_excluding_waits,
)
from flowbuilder.values import Json, JsonObject, digest, ensure_json
from flowbuilder.walk.commands import Start, ask_path

logger = logging.getLogger(__name__)

ABORTING = (LostLease, Unavailable, Damaged)
"""Errors that are not the step's fault. They pass through without an outcome: the step is run again."""


@dataclass(frozen=True, kw_only=True)
class StepContext:
    """The dependencies that all step runs of one execution share. `ports.clock` is `clock`.

    `retries` are the step runs between two attempts, by StepPath: `run_step` reads and updates them.
    """

    store: Store
    lease: Lease
    ports: Ports
    clock: StoreClock
    execution: ExecutionInfo
    site: JsonObject
    install: str
    hosts: tuple[str, ...] = ()
    retries: dict[str, PendingRetry] = field(default_factory=dict)
    secrets: KnownSecrets = field(default_factory=KnownSecrets)
    """The secrets of the connections that the execution may use."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """The attempt ended. A completed or failed outcome is in the store; `needs_review` comes with the open `review`."""

    outcome: Outcome
    review: Review | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryAt:
    """The attempt failed with `error`; the next one is due after `delay_seconds`. A `step_retrying` event says so."""

    delay_seconds: float
    error: TransientError

    @property
    def holds_worker(self) -> bool:
        """Whether the wait is so short that the worker keeps the execution."""
        return self.delay_seconds <= MAX_HELD_RETRY_SECONDS


@dataclass(frozen=True, kw_only=True, slots=True)
class ThrottledUntil:
    """The step run waits for a rate limit; that is not an attempt. A `step_throttled` event says so."""

    due: datetime


StepRunResult = Done | RetryAt | ThrottledUntil


async def run_step(context: StepContext, start: Start, task_run_id: str | None = None) -> StepRunResult:
    """Run the next attempt of a step run. Its number continues the count in the timeline.

    Everything that the result says is in the store when this returns. Raises the `ABORTING` errors, and
    `CancelledError` when the execution is being cancelled: the step run then has no outcome.
    """
    recorder = _Recorder(context=context, start=start, pending=context.retries.get(start.path), task_run_id=task_run_id)
    await recorder.started()
    try:
        result = await _call(context, start, recorder)
        output = ensure_json(result.output, where="output", well_formed=True) if isinstance(result, Completed) else None
        output = context.secrets.value(output)  # also what a port of a third-party step type returned
    except BeingCancelled:
        raise asyncio.CancelledError from None
    except ABORTING:
        raise
    except Exception as error:
        context.secrets.clean(error)
        verdict = failure_policy(error, start.node.step, recorder.attempt, recorder.waited, now=context.clock.now())
        if isinstance(verdict, RetryIn):
            return await recorder.retrying(verdict)
        if isinstance(verdict, WaitForLimit):
            return await recorder.throttled(verdict.error)
        if verdict.code == "internal":
            # a mistake in the step type fails this step, and never the worker that runs many executions
            logger.exception("step %s of execution %s failed unexpectedly", start.path, context.execution.id)
        detail = {} if verdict.detail is None else {"detail": verdict.detail}
        failed: JsonObject = {"code": verdict.code, "message": verdict.message, **detail}
        return await recorder.ended("failed", error=failed, usage=getattr(error, "usage", None))
    if isinstance(result, NeedsReview):
        return await recorder.needs_review(result)
    return await recorder.ended("completed", output=output, usage=result.usage)


async def _call(context: StepContext, start: Start, recorder: _Recorder) -> StepResult:
    """Bind the step and call its `run`, under its time limit; blocking step types run in a thread of their own."""
    step = start.node.step
    bound = step.bind(start.context)
    author_key = getattr(getattr(bound, "effect", None), "key", None)
    ledger = EffectLedger(context.store, context.lease)
    await ensure_approved(bound, start.node.approvals, ledger, unproven=start.unproven, proven=start.proven)
    ensure_proven(bound, start.unproven)
    journal = StepMemos(context.store, context.lease, start.path)
    run = StepRun(
        path=start.path,
        execution=context.execution,
        site=context.site,
        ports=guarded_ports(replace(context.ports, ledger=ledger, journal=journal), context.secrets),
        hosts=context.hosts,
        attempt=recorder.attempt,
        decision=start.decision,
        asked=start.asks,
        effect_key=effect_key(context.install, context.execution.id, start.path, author_key=author_key),
    )
    throttle = throttle_context_of(recorder.waited)
    try:
        with throttle_context(throttle), allowed_hosts(context.hosts), using_secrets(context.secrets):
            async with timeout_excluding_waits(step.timeout_seconds):
                if bound.cooperative:
                    return await bound.run(run)
                return await run_in_isolated_thread(lambda: _run_in_thread(bound, run, throttle), name=start.path)
    except TimeoutError:
        if step.timeout_seconds is None:
            raise  # the step's own
        raise TransientError(f"took longer than {step.timeout_seconds:g} s", reason="timeout") from None
    finally:
        ledger.close()


async def _run_in_thread(bound: Step, run: StepRun, throttle: ThrottleContext) -> StepResult:
    # context variables do not reach another thread
    with throttle_context(throttle), allowed_hosts(run.hosts), using_secrets(run.ports.secrets):
        return await bound.run(run)


@dataclass(kw_only=True)
class _Recorder:
    """Writes the events and the outcome of one attempt to the store."""

    context: StepContext
    start: Start
    pending: PendingRetry | None
    task_run_id: str | None
    started_at: float = field(default_factory=perf_counter)

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return 1 if self.pending is None else self.pending.attempts + 1

    @property
    def waited(self) -> ThrottleWait | None:
        return None if self.pending is None else self.pending.throttled

    async def started(self) -> None:
        """Record the start, unless an earlier attempt or a throttled one has."""
        if self.attempt > 1 or self.waited is not None:
            return
        step = self.start.node.step
        trust = [waiver.model_dump() for waiver in step.trusts] or None
        await self._append(StepStarted(type=step.type, name=step.name or step.id, trust=trust))

    async def ended(
        self,
        status: Literal["completed", "failed"],
        *,
        output: Json = None,
        error: JsonObject | None = None,
        usage: JsonObject | None = None,
    ) -> Done:
        """Record the outcome with its event. If an earlier attempt's outcome was committed, and its worker died before
        it knew, that outcome counts."""
        store, lease, path, attempt = self.context.store, self.context.lease, self.start.path, self.attempt
        outcome = Outcome(
            path=path,
            status=status,
            output=output,
            error=error,
            attempt=attempt,
            seconds=perf_counter() - self.started_at,
            usage=usage or {},
            task_run_id=self.task_run_id,
        )
        seconds = round(outcome.seconds, 3)
        event: EventData
        if error is None:
            event = StepCompleted(seconds=seconds, output_hash=digest(output), attempt=attempt, usage=usage or None)
        else:
            event = StepFailed(seconds=seconds, error=error, attempt=attempt, usage=usage or None)
        try:
            await asyncio.to_thread(store.record_outcome, lease, outcome, [event.at(path)])
        except LostLease:
            raise
        except Conflict:
            known = await asyncio.to_thread(store.outcomes, lease.execution_id)
            outcome = next(item for item in known if item.path == path)
        return Done(outcome=outcome)

    async def needs_review(self, result: NeedsReview) -> Done:
        context, path = self.context, ask_path(self.start.path, self.start.asks)
        reviews = await asyncio.to_thread(reviews_of, context.store, context.lease.execution_id)
        request = shown_request(result.request, context.secrets)
        question = inherited(request, self.start.node.step.bind(self.start.context), reviews)
        review = await asyncio.to_thread(context.store.open_review, context.lease, path, question)
        outcome = Outcome(path=self.start.path, status="needs_review", attempt=self.attempt)
        return Done(outcome=outcome, review=review)

    async def retrying(self, verdict: RetryIn) -> RetryAt:
        error, delay = verdict.error, verdict.seconds
        error_record: JsonObject = {"code": error.code, "message": str(error)}
        await self._append(StepRetrying(attempt=self.attempt, error=error_record, delay_seconds=delay))
        due = await self.context.clock.ask() + timedelta(seconds=delay)
        self.context.retries[self.start.path] = PendingRetry(attempts=self.attempt, due=due)
        return RetryAt(delay_seconds=delay, error=error)

    async def throttled(self, error: Throttled) -> ThrottledUntil:
        now = await self.context.clock.ask()
        due = now + timedelta(seconds=error.retry_after)
        wait = ThrottleWait(
            since=self.waited.since if self.waited is not None else now,
            times=self.waited.times + 1 if self.waited is not None else 1,
            connection=error.connection,
            reservation=error.reservation,
        )
        await self._append(
            StepThrottled(
                connection=wait.connection,
                since=wait.since.isoformat(),
                until=due.isoformat(),
                reason=str(error),
                attempt=self.attempt,
                turn=wait.reservation,
            )
        )
        retry = PendingRetry(attempts=self.attempt - 1, due=due, throttled=wait)
        self.context.retries[self.start.path] = retry
        return ThrottledUntil(due=due)

    async def _append(self, event: EventData) -> None:
        await asyncio.to_thread(self.context.store.append_events, self.context.lease, [event.at(self.start.path)])
