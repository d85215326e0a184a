"""One door for each connection: its limits, its turns, and the time until which it is closed, shared by all workers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Protocol
from uuid import uuid4

from flowbuilder.adapters.throttling.limit_registry import LimitRegistry
from flowbuilder.errors import FlowbuilderError, Throttled, TransientError
from flowbuilder.ports import Clock
from flowbuilder.ports.throttle import Kind, LimiterStore
from flowbuilder.throttling import limiter as rules
from flowbuilder.throttling.context import ThrottleContext, current_throttle_context
from flowbuilder.throttling.limiter import Denied, LimiterState, Permit, Reservation
from flowbuilder.throttling.limits import UNLIMITED, Limits

logger = logging.getLogger(__name__)

SHORT_WAIT = 3.0
"""For so many seconds a step waits in its place for its first call."""
LONGER_WAIT = 30.0
"""The same for its further calls: sent away it would have to make the first ones again."""
LONGEST_POLL = 15.0
"""How many seconds at most pass before a call asks again for a place among the calls at once."""


class ExternalLimit(Protocol):
    """A second limit of calls at once, kept by somebody else, to which our own gives way."""

    def held(self, name: str, limit: int, *, ours: int) -> AbstractAsyncContextManager[None]:
        """One of `limit` places, `ours` of which this installation has; `Throttled` when there is none."""


class ConnectionThrottle:
    """Implements `ports.Throttle` on a book. `chance` gives numbers between 0 and 1."""

    def __init__(
        self,
        book: LimiterStore,
        declared: LimitRegistry,
        clock: Clock,
        *,
        wall: ExternalLimit | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._book, self._declared, self._clock = book, declared, clock
        self._wall, self._chance = wall, chance

    @asynccontextmanager
    async def slot(self, name: str, *, kind: Kind = "connection") -> AsyncIterator[None]:
        """One call, as `ports.Throttle` says."""
        if not name:
            yield
            return
        limits = await self._declared.of(name, kind)
        passage = current_throttle_context()
        go = await self._admitted(name, limits, passage)
        try:
            async with contextlib.AsyncExitStack() as stack:
                if limits.concurrency is not None:
                    await stack.enter_async_context(self._keeping(name, go))
                    if self._wall is not None:
                        await stack.enter_async_context(await self._at_the_wall(name, limits.concurrency))
                yield
        except Throttled as problem:
            # its place is given back, its turn is not: that is paid for
            await self._after(name, go, lambda traffic, now: (rules.left(traffic, go), None))
            if problem.connection == name and problem.turn is None:
                problem.turn = Reservation(era=go.era, at=self._clock.now()).record()
            raise
        except TransientError as problem:
            if not _turned_away(problem):
                await self._answered(name, limits, go, passage)
                raise
            raise await self._refused(name, limits, go, problem) from None
        except (asyncio.CancelledError, GeneratorExit):
            await asyncio.shield(self._after(name, go, lambda traffic, now: (rules.left(traffic, go), None)))
            raise
        except BaseException:
            await self._answered(name, limits, go, passage)
            raise
        await self._answered(name, limits, go, passage)

    async def _admitted(self, name: str, limits: Limits, passage: ThrottleContext) -> Permit:
        token = uuid4().hex
        turn = Reservation.of(passage.turns.pop(name, None))
        patience = LONGER_WAIT if passage.answered else SHORT_WAIT
        while True:
            verdict, now = await asyncio.to_thread(self._ask, name, limits, token, turn)
            if isinstance(verdict, Permit):
                return verdict
            turn = verdict.turn
            seconds = self._seconds(verdict, now, passage.times, patience)
            if seconds > patience:
                raise _sent_away(name, verdict, seconds)
            patience -= seconds
            passage.extend(seconds)
            await self._clock.sleep(seconds)

    def _ask(self, name: str, limits: Limits, token: str, turn: Reservation | None) -> tuple[Permit | Denied, datetime]:
        if limits == UNLIMITED:
            known = self._book.limiter_state(name)
            if known.quiet:
                return Permit(token=token, era=known.era), self._clock.now()

        def rule(traffic: LimiterState, now: datetime) -> tuple[LimiterState, tuple[Permit | Denied, datetime]]:
            changed, verdict = rules.admit(traffic, limits, now=now, token=token, turn=turn)
            return changed, (verdict, now)

        return self._book.update_limiter(name, rule)

    def _seconds(self, verdict: Denied, now: datetime, times: int, patience: float) -> float:
        if verdict.until is not None:
            return max(0.0, (verdict.until - now).total_seconds())
        if patience > 0.1:  # a place may be free at any moment
            return min(patience, 0.1 + 0.4 * self._chance())
        return float(min(2.0**times, LONGEST_POLL) * (0.5 + self._chance() / 2)) + 1.0

    async def _at_the_wall(self, name: str, limit: int) -> AbstractAsyncContextManager[None]:
        assert self._wall is not None
        traffic = await asyncio.to_thread(self._book.limiter_state, name)
        return self._wall.held(name, limit, ours=len(traffic.held))

    async def _answered(self, name: str, limits: Limits, go: Permit, passage: ThrottleContext) -> None:
        passage.answered += 1
        if go.watched:
            await self._after(name, go, lambda traffic, now: (rules.went(traffic, limits, go), None))

    async def _refused(self, name: str, limits: Limits, go: Permit, problem: TransientError) -> Throttled:
        chance, said = self._chance(), problem.retry_after

        def rule(traffic: LimiterState, now: datetime) -> tuple[LimiterState, tuple[bool, Permit | Denied, datetime]]:
            closed = rules.refuse(traffic, limits, go, now=now, retry_after=said, chance=chance)
            queued, verdict = rules.admit(closed, limits, now=now, token=go.token)
            return (closed if isinstance(verdict, Permit) else queued), (closed.era != traffic.era, verdict, now)

        news, verdict, now = await asyncio.to_thread(self._book.update_limiter, name, rule)
        until = verdict.until if isinstance(verdict, Denied) and verdict.until else now
        if news:
            logger.warning("%s turns calls away: the next one is made in %.0f s", name, (until - now).total_seconds())
        return Throttled(
            str(problem),
            connection=name,
            retry_after=max((until - now).total_seconds(), said or 0.0, 1.0),
            refused=True,
            reason=problem.reason,
            turn=verdict.turn.record() if isinstance(verdict, Denied) and verdict.turn else None,
        )

    async def _after(
        self, name: str, go: Permit, rule: Callable[[LimiterState, datetime], tuple[LimiterState, None]]
    ) -> None:
        """Write down how a call went. What cannot be written is no failure of the call: its place is free by itself."""
        if not go.watched:
            return
        try:
            await asyncio.to_thread(self._book.update_limiter, name, rule)
        except FlowbuilderError as problem:
            logger.warning("how a call of %s went is not written down: %s", name, problem)

    @asynccontextmanager
    async def _keeping(self, name: str, go: Permit) -> AsyncIterator[None]:
        """Keep the place while the call is under way."""

        async def keep() -> None:
            while True:
                await asyncio.sleep(rules.SLOT_SECONDS / 3)
                await self._after(name, go, lambda traffic, now: (rules.kept(traffic, go, now), None))

        task = asyncio.create_task(keep(), name=f"place at {name}")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _turned_away(problem: TransientError) -> bool:
    return problem.reason == "rate_limit" or (problem.reason == "server_error" and problem.retry_after is not None)


def _sent_away(name: str, verdict: Denied, seconds: float) -> Throttled:
    said = {
        "closed": f"{name} has turned calls away and is left alone for now",
        "rate": f"{name} may not be called more often",
        "concurrency": f"{name} may not be called by more at once",
    }
    turn: Reservation | None = verdict.turn
    return Throttled(
        said[verdict.why],
        connection=name,
        retry_after=seconds,
        refused=verdict.why == "closed",
        turn=turn.record() if turn else None,
    )
