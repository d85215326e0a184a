"""From a stored execution to a settled one: take the lease, compile the frozen version, drive, let go."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

from flowbuilder.engine.drive_control import DriveControl
from flowbuilder.engine.driver import Settled, drive
from flowbuilder.engine.egress import reachable
from flowbuilder.engine.history import ensure_sound
from flowbuilder.engine.review_client import Opened
from flowbuilder.engine.step_runner import Perform, Work
from flowbuilder.engine.stored_plans import PlanCache
from flowbuilder.errors import (
    ConfigurationError,
    Damaged,
    DefinitionError,
    LostLease,
    NotFound,
    TransientError,
    Unavailable,
)
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Lease, Outcome
from flowbuilder.ports import Clock, Ports, Store
from flowbuilder.values import JsonObject
from flowbuilder.walk.commands import Start


async def execute(
    store: Store,
    execution_id: str,
    *,
    holder: str,
    ttl: timedelta,
    ports: Ports,
    perform: Perform,
    plans: PlanCache | None = None,
    opened: Opened | None = None,
    signals: DriveControl | None = None,
) -> Settled:
    """Take an execution up and run it as far as it goes. `Conflict` while another worker holds it, `Refused` when it
    has ended, `LostLease` when it was taken over meanwhile. One with a damaged row is paused until that is repaired."""
    lease = await asyncio.to_thread(store.claim, execution_id, holder, ttl)
    execution = await asyncio.to_thread(store.execution, execution_id)
    async with _renewing(store, lease, ttl):
        try:
            await asyncio.to_thread(ensure_sound, store, execution)
            version = await asyncio.to_thread(store.version, execution.workflow, execution.version)
            plan = await asyncio.to_thread((plans or PlanCache(store)).plan_of, version)
        except Damaged as problem:
            return await _hold(store, lease, problem)
        except (DefinitionError, NotFound) as problem:
            return await _give_up(store, lease, "definition", str(problem))
        if plan.digest != execution.digest:
            message = "this release compiles the workflow to another plan than the one the execution began with"
            return await _give_up(store, lease, "plan_changed", message)
        try:
            plan = replace(plan, hosts=reachable(plan.hosts, execution.site_record))
        except ConfigurationError as problem:
            return await _give_up(store, lease, "configuration", str(problem))
        if execution.attempt > 1:
            event = NewEvent(type="execution_resumed", data={"holder": holder, "attempt": execution.attempt})
            await asyncio.to_thread(store.append_events, lease, [event])
        try:
            return await drive(
                store=store,
                lease=lease,
                plan=plan,
                execution=execution,
                ports=ports,
                perform=perform,
                opened=opened,
                signals=signals,
            )
        except Damaged as problem:
            return await _hold(store, lease, problem)


class PerformHere:
    """Carries out step runs in this process, waiting between attempts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, start: Start, work: Work) -> Outcome:
        """One step run, with its retries."""
        attempt = 1
        while True:
            try:
                return await work(attempt, None)
            except TransientError as problem:
                await self._clock.sleep(problem.retry_after or 0.0)
                attempt += 1


async def _give_up(store: Store, lease: Lease, code: str, message: str) -> Settled:
    error: JsonObject = {"code": code, "message": message}
    event = NewEvent(type="execution_failed", data={"error": error})
    await asyncio.to_thread(lambda: store.settle(lease, "failed", events=[event], error=error))
    return Settled(status="failed", error=error, progressed=True)


async def _hold(store: Store, lease: Lease, problem: Damaged) -> Settled:
    """Set an execution aside, so that others run: going on from what is not true would do harm."""
    error: JsonObject = {"code": "damaged", "message": str(problem)}
    event = NewEvent(type="execution_paused", data={"by": "flowbuilder", "error": error})
    await asyncio.to_thread(lambda: store.settle(lease, "paused", events=[event], error=error))
    return Settled(status="paused", error=error, progressed=True)


@contextlib.asynccontextmanager
async def _renewing(store: Store, lease: Lease, ttl: timedelta) -> AsyncIterator[None]:
    """Renew the lease three times in its life. When it is lost, the body is cancelled and `LostLease` comes out."""
    body = asyncio.current_task()
    lost: list[LostLease] = []

    async def renew() -> None:
        while True:
            await asyncio.sleep(ttl.total_seconds() / 3)
            try:
                await asyncio.to_thread(store.renew, lease, ttl)
            except Unavailable:
                continue  # the database is away; whoever takes over meanwhile is noticed by the next write
            except LostLease as problem:
                lost.append(problem)
                if body is not None:
                    body.cancel()
                return

    task = asyncio.create_task(renew(), name=f"renew {lease.execution_id}")
    try:
        yield
    except asyncio.CancelledError:
        if lost:
            if body is not None:
                body.uncancel()
            raise lost[0] from None
        raise
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
