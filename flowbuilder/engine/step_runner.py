"""One step run: bind, run, and write down what became of it before anyone acts on it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from time import perf_counter
from typing import Protocol

from flowbuilder.engine.effects.approval_guard import ensure_approved
from flowbuilder.engine.effects.effect_ledger import EffectLedger
from flowbuilder.engine.effects.step_memo import StepMemos
from flowbuilder.engine.isolated_thread import run_in_isolated_thread
from flowbuilder.errors import (
    BeingCancelled,
    Conflict,
    Damaged,
    FlowbuilderError,
    LanguageError,
    LostLease,
    StepError,
    Throttled,
    TransientError,
    Unavailable,
)
from flowbuilder.model.effect import effect_key
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Lease, Outcome
from flowbuilder.ports import Ports, Store
from flowbuilder.steps.step import Completed, ExecutionInfo, NeedsReview, Step, StepResult, StepRun
from flowbuilder.throttling.context import (
    ThrottleContext,
    Waited,
    throttle_context,
    throttle_context_of,
    timeout_excluding_waits,
)
from flowbuilder.values import JsonObject, NotJson, digest, ensure_json
from flowbuilder.walk.commands import Start, ask_path

logger = logging.getLogger(__name__)

LONGEST_PATIENCE = timedelta(hours=24)
"""For how long a step waits for its turn at a connection before it fails."""
UNSAID_SECONDS = 5.0
"""How long it waits after a refusal of which nobody keeps the time; then twice as long, up to a minute."""

Work = Callable[[int, str | None], Awaitable[Outcome]]
"""Does one attempt of a step run: `(attempt, task_run_id) -> outcome`. Raises `TransientError` to be tried again after
`retry_after` seconds."""


class Perform(Protocol):
    """Carries out a step run: calls `work(1)`, and after each `TransientError` waits and calls it again."""

    async def __call__(self, start: Start, work: Work) -> Outcome:
        """The outcome of the step run, which is in the store by then."""
        ...


@dataclass(frozen=True, kw_only=True)
class StepContext:
    """What all step runs of one execution share."""

    store: Store
    lease: Lease
    ports: Ports
    execution: ExecutionInfo
    site: JsonObject
    install: str
    hosts: tuple[str, ...] = ()


async def run_step(
    place: StepContext, start: Start, attempt: int, *, task_run_id: str | None = None, waited: Waited | None = None
) -> Outcome:
    """Run a step once; its outcome is in the store when this returns. `waited` when it was sent away before.

    Raises `TransientError` when it is to be tried again (the store then has a `step_retrying` event), `Throttled` when
    it has to wait for its turn, which is no attempt, and `LostLease` when another worker has taken the execution over.
    Every other failure becomes a failed outcome.
    """
    step = start.node.step
    begun = perf_counter()
    if attempt == 1 and waited is None:
        event = NewEvent(type="step_started", path=start.path, data=_begun(step))
        await asyncio.to_thread(place.store.append_events, place.lease, [event])
    try:
        result = await _run(place, start, step, attempt, throttle_context_of(waited))
        output = ensure_json(result.output, where="output") if isinstance(result, Completed) else None
    except TransientError as problem:
        if isinstance(problem, Throttled) or problem.reason == "rate_limit":
            if waited is None or place.ports.clock.now() - waited.since < LONGEST_PATIENCE:
                raise _to_wait(problem, waited) from None
            return await _failed(place, start, attempt, begun, "throttled", _too_long(problem), task_run_id)
        if _may_retry(step, problem, attempt):
            await _note_retry(place, start, problem, attempt)
            raise
        return await _failed(place, start, attempt, begun, problem.code, str(problem), task_run_id)
    except BeingCancelled:
        raise asyncio.CancelledError from None  # it has no outcome: it was stopped, and did not fail
    except (LostLease, Unavailable, Damaged, asyncio.CancelledError):
        raise  # no fault of the step: another worker, or this one a little later, does it again
    except (StepError, LanguageError) as problem:
        return await _failed(place, start, attempt, begun, problem.code, str(problem), task_run_id)
    except NotJson as problem:
        return await _failed(place, start, attempt, begun, "not_json", str(problem), task_run_id)
    except FlowbuilderError as problem:
        code = type(problem).__name__.lower()
        return await _failed(place, start, attempt, begun, code, str(problem), task_run_id)
    except Exception as problem:
        # a step type's own mistake: it fails this step, never the worker that runs many executions
        logger.exception("step %s of execution %s failed unexpectedly", start.path, place.execution.id)
        message = f"{type(problem).__name__}: {problem}"
        return await _failed(place, start, attempt, begun, "internal", message, task_run_id)
    if isinstance(result, NeedsReview):
        path = ask_path(start.path, start.asks)
        await asyncio.to_thread(place.store.open_review, place.lease, path, result.request)
        return Outcome(path=start.path, status="needs_review", attempt=attempt)
    outcome = Outcome(
        path=start.path,
        status="completed",
        output=output,
        attempt=attempt,
        seconds=perf_counter() - begun,
        usage=result.usage,
        task_run_id=task_run_id,
    )
    data: JsonObject = {"seconds": round(outcome.seconds, 3), "output_hash": digest(output), "attempt": attempt}
    if result.usage:
        data["usage"] = result.usage
    return await _record(place, outcome, NewEvent(type="step_completed", path=start.path, data=data))


def _begun(step: Step) -> JsonObject:
    begun: JsonObject = {"type": step.type, "name": step.name or step.id}
    if step.trusts:
        begun["trust"] = [trust.model_dump() for trust in step.trusts]
    return begun


def _to_wait(problem: TransientError, waited: Waited | None) -> Throttled:
    """The wait that a refusal means, also where a step of somebody else's raised it on its own."""
    if isinstance(problem, Throttled):
        return problem
    times = waited.times if waited is not None else 0
    seconds = problem.retry_after if problem.retry_after is not None else min(UNSAID_SECONDS * 2.0**times, 60.0)
    return Throttled(str(problem), retry_after=seconds, refused=True)


def _too_long(problem: TransientError) -> str:
    hours = LONGEST_PATIENCE.total_seconds() / 3600
    return f"it has waited for its turn for {hours:.0f} hours, and there is still none: {problem}"


async def _run(place: StepContext, start: Start, step: Step, attempt: int, passage: ThrottleContext) -> StepResult:
    bound = step.bind(start.context)
    author_key = getattr(getattr(bound, "effect", None), "key", None)
    ledger = EffectLedger(place.store, place.lease)
    await ensure_approved(bound, start.node.approvals, ledger)
    run = StepRun(
        path=start.path,
        execution=place.execution,
        site=place.site,
        ports=replace(place.ports, ledger=ledger, journal=StepMemos(place.store, place.lease, start.path)),
        hosts=place.hosts,
        attempt=attempt,
        decision=start.decision,
        asked=start.asks,
        effect_key=effect_key(place.install, place.execution.id, start.path, author_key=author_key),
    )
    try:
        with throttle_context(passage):
            async with timeout_excluding_waits(step.timeout_seconds):
                if bound.cooperative:
                    return await bound.run(run)
                return await run_in_isolated_thread(lambda: _elsewhere(bound, run, passage), name=start.path)
    except TimeoutError:
        if step.timeout_seconds is None:
            raise  # the step's own
        raise TransientError(f"took longer than {step.timeout_seconds:g} s", reason="timeout") from None
    finally:
        ledger.close()


async def _elsewhere(bound: Step, run: StepRun, passage: ThrottleContext) -> StepResult:
    with throttle_context(passage):  # another thread has a context of its own
        return await bound.run(run)


def _may_retry(step: Step, problem: TransientError, attempt: int) -> bool:
    return step.retry is not None and attempt < step.retry.attempts and problem.reason in step.retry.on


def retry_delay(step: Step, attempt: int, problem: TransientError) -> float:
    """Seconds to wait after the given attempt (from 1): the step's own delay, or longer if the other side says so."""
    delays = step.retry.delays() if step.retry else ()
    own = delays[attempt - 1] if attempt <= len(delays) else 0.0
    return max(own, problem.retry_after or 0.0)


async def _note_retry(place: StepContext, start: Start, problem: TransientError, attempt: int) -> None:
    data: JsonObject = {
        "attempt": attempt,
        "error": {"code": problem.code, "message": str(problem)},
        "delay_seconds": retry_delay(start.node.step, attempt, problem),
    }
    event = NewEvent(type="step_retrying", path=start.path, data=data)
    await asyncio.to_thread(place.store.append_events, place.lease, [event])


async def _failed(
    place: StepContext, start: Start, attempt: int, begun: float, code: str, message: str, task_run_id: str | None
) -> Outcome:
    error: JsonObject = {"code": code, "message": message}
    outcome = Outcome(
        path=start.path,
        status="failed",
        error=error,
        attempt=attempt,
        seconds=perf_counter() - begun,
        task_run_id=task_run_id,
    )
    data: Mapping[str, object] = {"seconds": round(outcome.seconds, 3), "error": error, "attempt": attempt}
    return await _record(place, outcome, NewEvent(type="step_failed", path=start.path, data=dict(data)))


async def _record(place: StepContext, outcome: Outcome, event: NewEvent) -> Outcome:
    try:
        await asyncio.to_thread(place.store.record_outcome, place.lease, outcome, [event])
    except LostLease:
        raise
    except Conflict:
        # an earlier attempt's outcome is there already, committed before its caller learned of it: it stands
        known = await asyncio.to_thread(place.store.outcomes, place.lease.execution_id)
        return next(item for item in known if item.path == outcome.path)
    return outcome
