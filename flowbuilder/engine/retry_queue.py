"""The step runs of one drive that are about to begin, and those that are to be tried again when their time has come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta

from flowbuilder.engine.history import Tried
from flowbuilder.engine.step_runner import StepContext, Work, retry_delay, run_step
from flowbuilder.engine.store_clock import StoreClock
from flowbuilder.errors import Throttled, TransientError
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Outcome
from flowbuilder.throttling.context import Waited
from flowbuilder.walk.commands import Start

LONGEST_WAIT = 30.0
"""A wait before the next attempt that is longer than this many seconds holds no worker."""
LONGEST_THROTTLED = 1.0
"""The same for a wait for a turn: the step has waited in its place already, and many may wait at the same time."""


class RetryQueue:
    """`tried` are the step runs that earlier drives have tried, by path. What is due is so by the store's time."""

    def __init__(self, place: StepContext, time: StoreClock, tried: dict[str, Tried]) -> None:
        self._place = place
        self._time = time
        self._tried = tried
        self._starts: dict[str, Start] = {}

    def add(self, start: Start) -> None:
        """This step run is to begin: at once, or when it is due."""
        self._starts[start.path] = start

    def take_due(self) -> Iterator[Start]:
        """Those whose time has come; they are no longer postponed."""
        now = self._time.now() if self._tried else None
        for path, start in list(self._starts.items()):
            tried = self._tried.get(path)
            if tried is None or (now is not None and tried.due <= now):
                del self._starts[path]
                yield start

    @property
    def next_due(self) -> datetime | None:
        """When the first step run that is to be tried again is due."""
        return min((tried.due for tried in self._waiting()), default=None)

    def seconds_to_hold(self) -> float | None:
        """Seconds until then, where it is so soon that a worker stays with the execution; None where it is not."""
        now = self._time.now()
        for tried in self._waiting():
            left = max(0.0, (tried.due - now).total_seconds())
            if left <= (LONGEST_WAIT if tried.waited is None else LONGEST_THROTTLED):
                return max(0.0, ((self.next_due or now) - now).total_seconds())
        return None

    def work(self, start: Start) -> Work:
        """What carries a step run out, attempt by attempt, counted on from those before this drive."""
        tried = self._tried.get(start.path)
        behind = tried.attempt if tried is not None else 0
        waited = tried.waited if tried is not None else None

        async def work(attempt: int, task_run_id: str | None = None) -> Outcome:
            number = behind + attempt
            try:
                return await run_step(
                    self._place, start, number, task_run_id=task_run_id, waited=waited if attempt == 1 else None
                )
            except Throttled as problem:
                await self._send_away(start, problem, number, waited if attempt == 1 else None)
            except TransientError as problem:
                problem.retry_after = retry_delay(start.node.step, number, problem)
                if problem.retry_after <= LONGEST_WAIT:
                    raise
                due = await self._time.ask() + timedelta(seconds=problem.retry_after)
                self._try_later(start, Tried(attempt=number, due=due))
            # a long wait holds no worker: the execution is let go, and taken up again when the time has come
            return Outcome(path=start.path, status="postponed", attempt=number, task_run_id=task_run_id)

        return work

    async def _send_away(self, start: Start, problem: Throttled, number: int, waited: Waited | None) -> None:
        """Note that a step run waits for its turn. No attempt was made, so the number of attempts stays as it is."""
        now = await self._time.ask()
        until = now + timedelta(seconds=problem.retry_after)
        since = waited.since if waited is not None else now
        event = NewEvent(
            type="step_throttled",
            path=start.path,
            data={
                "connection": problem.connection,
                "since": since.isoformat(),
                "until": until.isoformat(),
                "reason": str(problem),
                "attempt": number,
                "turn": problem.reservation,
            },
        )
        await asyncio.to_thread(self._place.store.append_events, self._place.lease, [event])
        self._try_later(
            start,
            Tried(
                attempt=number - 1,
                due=until,
                waited=Waited(
                    since=since,
                    times=waited.times + 1 if waited is not None else 1,
                    connection=problem.connection,
                    reservation=problem.reservation,
                ),
            ),
        )

    def _try_later(self, start: Start, tried: Tried) -> None:
        self._tried[start.path] = tried
        self._starts[start.path] = start

    def _waiting(self) -> Iterator[Tried]:
        return (self._tried[path] for path in self._starts if path in self._tried)
