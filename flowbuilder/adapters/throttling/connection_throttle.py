"""Distributed rate limiter: every worker asks the shared limiter state of a connection before it makes a call."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import uuid4

from flowbuilder.adapters.throttling.limit_registry import LimitRegistry
from flowbuilder.errors import FlowbuilderError, Throttled, TransientError
from flowbuilder.ports import Clock
from flowbuilder.ports.throttle import Kind, LimiterStore, Transition
from flowbuilder.throttling import limiter
from flowbuilder.throttling.context import ThrottleContext, current_throttle_context
from flowbuilder.throttling.limiter import Denied, LimiterState, Permit, Reservation
from flowbuilder.throttling.limits import UNLIMITED, Limits

logger = logging.getLogger(__name__)

SHORT_WAIT = 3.0
"""Seconds that a step waits in place for its first call, before it is postponed."""
LONG_WAIT = 30.0
"""Seconds that a step waits in place for a later call: a postponed step would have to repeat the first ones."""
MAX_POLL = 15.0
"""Longest time, in seconds, before a postponed call asks for a concurrency slot again."""


class ExternalLimit(Protocol):
    """A second concurrency limit, kept outside the store. It takes precedence over ours."""

    def held(self, name: str, limit: int, *, ours: int) -> AbstractAsyncContextManager[None]:
        """Hold one of `limit` slots, `ours` of which this installation holds; `Throttled` when none is free."""


@dataclass(frozen=True)
class Answered:
    """The target answered the call, with success or with an error of its own."""


@dataclass(frozen=True)
class Rejected:
    """The target rejected the call because there were too many (429, or 503 with `Retry-After`)."""

    error: TransientError


@dataclass(frozen=True)
class Abandoned:
    """The call was not sent, or was cut off."""


class ConnectionThrottle:
    """Implements `ports.Throttle` on a shared store. `jitter` returns numbers between 0 and 1."""

    def __init__(
        self,
        store: LimiterStore,
        registry: LimitRegistry,
        clock: Clock,
        *,
        external_limit: ExternalLimit | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store, self._registry, self._clock = store, registry, clock
        self._external_limit, self._jitter = external_limit, jitter

    @asynccontextmanager
    async def acquire(self, name: str, *, kind: Kind = "connection") -> AsyncIterator[None]:
        """A block around one call, as `ports.Throttle.acquire`."""
        if not name:
            yield
            return
        limits = await self._registry.limits_for(name, kind)
        context = current_throttle_context()
        permit = await self._wait_for_permit(name, limits, context)
        try:
            async with self._slots(name, limits, permit):
                yield
        except BaseException as error:
            outcome = outcome_of(error)
            if isinstance(outcome, Rejected):
                raise await self._reject(name, limits, permit, outcome.error) from None
            await asyncio.shield(self._record(name, limits, permit, outcome, context))
            if isinstance(error, Throttled) and error.connection == name and error.reservation is None:
                # the slot is given back, and the place in the rate is kept: it is paid for
                error.reservation = Reservation(generation=permit.generation, at=self._clock.now()).to_record()
            raise
        await self._record(name, limits, permit, Answered(), context)

    async def _wait_for_permit(self, name: str, limits: Limits, context: ThrottleContext) -> Permit:
        """A permit, after a short wait in place where that is enough; else `Throttled`."""
        token = uuid4().hex
        reservation = Reservation.from_record(context.reservations.pop(name, None))
        left = LONG_WAIT if context.calls_answered else SHORT_WAIT
        while True:
            verdict, now = await asyncio.to_thread(self._admit, name, limits, token, reservation)
            if isinstance(verdict, Permit):
                return verdict
            reservation = verdict.reservation
            seconds = self._wait_seconds(verdict, now, context.times_throttled, left)
            if seconds > left:
                raise _throttled(name, verdict, seconds)
            left -= seconds
            context.extend_timeouts(seconds)
            await self._clock.sleep(seconds)

    def _admit(
        self, name: str, limits: Limits, token: str, reservation: Reservation | None
    ) -> tuple[Permit | Denied, datetime]:
        if limits == UNLIMITED:
            known = self._store.limiter_state(name)
            if known.is_unrestricted:
                return Permit(token=token, generation=known.generation), self._clock.now()

        def transition(state: LimiterState, now: datetime) -> tuple[LimiterState, tuple[Permit | Denied, datetime]]:
            changed, verdict = limiter.admit(state, limits, now=now, token=token, reservation=reservation)
            return changed, (verdict, now)

        return self._store.update_limiter(name, transition)

    def _wait_seconds(self, verdict: Denied, now: datetime, times_throttled: int, left: float) -> float:
        if verdict.until is not None:
            return max(0.0, (verdict.until - now).total_seconds())
        if left > 0.1:  # a slot may become free at any moment: poll
            return min(left, 0.1 + 0.4 * self._jitter())
        return float(min(2.0 ** min(times_throttled, 10), MAX_POLL) * (0.5 + self._jitter() / 2)) + 1.0

    @asynccontextmanager
    async def _slots(self, name: str, limits: Limits, permit: Permit) -> AsyncIterator[None]:
        """Hold the call's concurrency slots, ours and the external one, while the call is in flight."""
        if limits.concurrency is None:
            yield
            return
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self._renewing(name, permit))
            if self._external_limit is not None:
                state = await asyncio.to_thread(self._store.limiter_state, name)
                held = self._external_limit.held(name, limits.concurrency, ours=len(state.in_flight))
                await stack.enter_async_context(held)
            yield

    @asynccontextmanager
    async def _renewing(self, name: str, permit: Permit) -> AsyncIterator[None]:
        """Renew the slot in the store while the call is in flight."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(limiter.SLOT_SECONDS / 3)
                await self._update(name, lambda state, now: (limiter.renew(state, permit, now), None))

        task = asyncio.create_task(renew(), name=f"slot of {name}")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _record(
        self, name: str, limits: Limits, permit: Permit, outcome: Answered | Abandoned, context: ThrottleContext
    ) -> None:
        """Report the outcome of a call to the limiter, if the permit is tracked."""
        answered = isinstance(outcome, Answered)
        context.calls_answered += answered

        def transition(state: LimiterState, now: datetime) -> tuple[LimiterState, None]:
            ended = limiter.on_success(state, limits, permit) if answered else limiter.on_abandon(state, permit)
            return ended, None

        if permit.tracked:
            await self._update(name, transition)

    async def _reject(self, name: str, limits: Limits, permit: Permit, error: TransientError) -> Throttled:
        """Open the circuit of the connection; returns the error that postpones the step, with its reservation."""
        jitter, retry_after = self._jitter(), error.retry_after

        def transition(
            state: LimiterState, now: datetime
        ) -> tuple[LimiterState, tuple[bool, Permit | Denied, datetime]]:
            opened = limiter.on_rejection(state, limits, permit, now=now, retry_after=retry_after, jitter=jitter)
            reserved, verdict = limiter.admit(opened, limits, now=now, token=permit.token)
            after = opened if isinstance(verdict, Permit) else reserved
            return after, (opened.generation != state.generation, verdict, now)

        is_new, verdict, now = await asyncio.to_thread(self._store.update_limiter, name, transition)
        until = verdict.until if isinstance(verdict, Denied) and verdict.until else now
        seconds = (until - now).total_seconds()
        if is_new:
            logger.warning("%s rejects calls: the next one is made in %.0f s", name, seconds)
        return Throttled(
            str(error),
            connection=name,
            retry_after=max(seconds, retry_after or 0.0, 1.0),
            refused=True,
            reason=error.reason,
            reservation=verdict.reservation.to_record()
            if isinstance(verdict, Denied) and verdict.reservation
            else None,
        )

    async def _update(self, name: str, transition: Transition[None]) -> None:
        """Change the limiter state. An error here does not fail the call: its slot expires by itself."""
        try:
            await asyncio.to_thread(self._store.update_limiter, name, transition)
        except FlowbuilderError as problem:
            logger.warning("the outcome of a call of %s was not recorded: %s", name, problem)


def outcome_of(error: BaseException) -> Answered | Rejected | Abandoned:
    """The outcome of a call that raised this error: a 429, or a 503 with `Retry-After`, is `Rejected`."""
    if isinstance(error, Throttled | asyncio.CancelledError | GeneratorExit):
        return Abandoned()
    if isinstance(error, TransientError) and _is_rejection(error):
        return Rejected(error)
    return Answered()


def _is_rejection(error: TransientError) -> bool:
    return error.reason == "rate_limit" or (error.reason == "server_error" and error.retry_after is not None)


def _throttled(name: str, verdict: Denied, seconds: float) -> Throttled:
    messages = {
        "closed": f"{name} rejected calls; no calls are made for now",
        "rate": f"the rate limit of {name} is reached",
        "concurrency": f"the concurrency limit of {name} is reached",
    }
    return Throttled(
        messages[verdict.reason],
        connection=name,
        retry_after=seconds,
        refused=verdict.reason == "closed",
        reservation=verdict.reservation.to_record() if verdict.reservation else None,
    )
