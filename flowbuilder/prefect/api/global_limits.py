"""Concurrency of calls, counted by Prefect as well: a global concurrency limit for each connection that has one.

Our own limiter decides who may call; Prefect shows the count, and may lower the limit. Enforcement is strict: a missing
limit is created, and no call passes without one. While Prefect is unavailable, our own limiter decides alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import copy_context
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, GlobalConcurrencyLimitUpdate
from prefect.client.schemas.responses import ConcurrencyLimitWithLeaseResponse
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL

from flowbuilder.errors import Throttled
from flowbuilder.prefect.api.sync_client import PrefectClientCache

logger = logging.getLogger(__name__)
T = TypeVar("T")

PREFIX = "flowbuilder:"
LEASE_SECONDS = 60.0
"""Seconds that Prefect keeps a slot without a renewal: the shortest time that it allows."""
CHECK_SECONDS = 30.0
"""Seconds between two comparisons of a limit with the one that its connection declares."""
ANSWER_SECONDS = 5.0
UNAVAILABLE_SECONDS = 5.0
"""Seconds during which Prefect is not called after it did not answer."""
LOST_SECONDS = 300.0
"""Seconds after which a slot that Prefect counts and no call of ours holds is lost: a restart of Prefect loses
leases."""
RETRY_SECONDS = (2.0, 5.0)
"""The shortest and the longest delay of a step that finds all slots taken."""
LOCKED = 423


@dataclass(frozen=True, kw_only=True)
class LimitState:
    """The state of a limit at `checked`. `surplus` is the smallest number of taken slots beyond ours since `since`."""

    declared: int
    checked: float
    since: float
    surplus: int


def limit_name(connection: str) -> str:
    """The name of a connection's limit in Prefect, without the characters that it does not allow."""
    return PREFIX + "".join("-" if char in "/%&<>" else char for char in connection)


class PrefectConcurrencyLimits:
    """Implements `ExternalLimit` of the throttle. Calls run in threads of their own: a slow Prefect delays no store."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="limits")
        self._clients = PrefectClientCache(answer_seconds=ANSWER_SECONDS, retries=1)
        self._states: dict[str, LimitState] = {}
        self._unavailable_until = 0.0

    @asynccontextmanager
    async def held(self, name: str, limit: int, *, ours: int) -> AsyncIterator[None]:
        """Hold one of `limit` slots; `ours` is how many this installation has, this one included. `Throttled` when all
        slots are taken."""
        lease = await self._in_thread(lambda: self._acquire_if_available(name, limit, ours))
        if lease is None:
            yield
            return
        renewing = asyncio.create_task(self._renew(name, lease), name=f"lease of {name}")
        try:
            yield
        finally:
            renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await renewing
            # the call does not wait for the release; a lease whose release does not reach Prefect expires
            self._threads.submit(copy_context().run, self._release, name, lease)

    def _acquire_if_available(self, name: str, limit: int, ours: int) -> UUID | None:
        """The lease of a slot; None while Prefect is unavailable. `Throttled` when all slots are taken."""
        if not PREFECT_API_URL.value() or time.monotonic() < self._unavailable_until:
            return None
        try:
            return self._acquire(name, limit, ours)
        except Throttled:
            raise
        except Exception as problem:
            self._unavailable_until = time.monotonic() + UNAVAILABLE_SECONDS
            logger.warning("Prefect does not count the calls of %s now: %s: %s", name, type(problem).__name__, problem)
            return None

    def _acquire(self, name: str, limit: int, ours: int) -> UUID:
        try:
            for _ in range(2):
                self._check(name, limit, ours, every=CHECK_SECONDS)
                lease = self._request_slot(name)
                if lease is not None:
                    return lease
                self._states.pop(name, None)  # a person has deleted the limit: the next check creates it again
        except PrefectHTTPStatusError as problem:
            if problem.response.status_code != LOCKED:
                raise
            self._check(name, limit, ours, every=UNAVAILABLE_SECONDS)
            message = f"the concurrency limit of {name} is reached"
            raise Throttled(message, connection=name, retry_after=random.uniform(*RETRY_SECONDS)) from None
        message = f"the limit {limit_name(name)} cannot be created in Prefect"
        raise Throttled(message, connection=name, retry_after=UNAVAILABLE_SECONDS)

    def _request_slot(self, name: str) -> UUID | None:
        """The lease of a slot; None where there is no such limit: Prefect grants slots of limits that do not exist."""
        with self._clients.client() as client:
            response = client.increment_concurrency_slots_with_lease(
                names=[limit_name(name)], slots=1, mode="concurrency", lease_duration=LEASE_SECONDS
            )
        granted = ConcurrencyLimitWithLeaseResponse.model_validate(response.json())
        return granted.lease_id if granted.limits else None

    def _check(self, name: str, limit: int, ours: int, *, every: float) -> None:
        """Set the limit in Prefect to the one that the connection declares, unless that was done within `every`
        seconds."""
        known = self._states.get(name)
        if known is not None and known.declared == limit and time.monotonic() - known.checked < every:
            return
        active = self._ensure_limit(name, limit)
        self._states[name] = self._reclaim_lost_slots(name, limit, active, ours)

    def _ensure_limit(self, name: str, limit: int) -> int:
        """Create the limit, or correct what a person has changed; how many of its slots are taken."""
        with self._clients.client() as client:
            try:
                found = client.read_global_concurrency_limit_by_name(limit_name(name))
            except ObjectNotFound:
                wanted = GlobalConcurrencyLimitCreate(name=limit_name(name), limit=limit, active=True)
                with contextlib.suppress(ObjectAlreadyExists):
                    client.create_global_concurrency_limit(wanted)
                return 0
        if (found.limit, found.active, found.slot_decay_per_second) != (limit, True, 0.0):
            self._update(name, GlobalConcurrencyLimitUpdate(limit=limit, active=True, slot_decay_per_second=0.0))
        return found.active_slots

    def _reclaim_lost_slots(self, name: str, limit: int, active: int, ours: int) -> LimitState:
        """Free the slots that no call of ours has held for `LOST_SECONDS`; the state of the limit."""
        now, known = time.monotonic(), self._states.get(name)
        surplus, since = max(0, active - max(0, ours - 1)), now
        if known is not None and known.surplus and surplus:
            surplus, since = min(surplus, known.surplus), known.since
        if surplus and now - since > LOST_SECONDS:
            self._update(name, GlobalConcurrencyLimitUpdate(active_slots=max(0, active - surplus)))
            logger.warning("freed %d slots of %s in Prefect that no call holds any more", surplus, name)
            surplus = 0
        return LimitState(declared=limit, checked=now, since=since, surplus=surplus)

    def _update(self, name: str, update: GlobalConcurrencyLimitUpdate) -> None:
        with self._clients.client() as client:
            client.update_global_concurrency_limit(limit_name(name), update)

    async def _renew(self, name: str, lease: UUID) -> None:
        """Renew the lease until cancelled. A lease that Prefect has ended stops no call: our own limiter has it too."""

        def renew() -> None:
            with self._clients.client() as client:
                client.renew_concurrency_lease(lease, LEASE_SECONDS)

        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            try:
                await self._in_thread(renew)
            except Exception as problem:
                logger.warning("the lease of a slot of %s was not renewed in Prefect: %s", name, problem)

    def _release(self, name: str, lease: UUID) -> None:
        try:
            with self._clients.client() as client:
                client.release_concurrency_slots_with_lease(lease)
        except Exception as problem:
            logger.warning("a slot of %s was not released in Prefect: %s", name, problem)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, work)
