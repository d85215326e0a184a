"""Calls at once, counted by Prefect as well: a global concurrency limit for each connection that has one.

Our own record decides who may call; Prefect shows it, and may hold back more. It is asked strictly: a limit that is not
there is made, and nothing goes by one that does not exist. While Prefect is away, our own record decides alone.
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
from threading import Lock
from typing import TypeVar
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, GlobalConcurrencyLimitUpdate
from prefect.client.schemas.responses import ConcurrencyLimitWithLeaseResponse
from prefect.context import SettingsContext, get_settings_context
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, Settings

from flowbuilder.errors import Throttled
from flowbuilder.prefect.api.http_settings import impatient

logger = logging.getLogger(__name__)
T = TypeVar("T")

PREFIX = "flowbuilder:"
LEASE_SECONDS = 60.0
"""How long Prefect keeps a place without being told that it is still needed: it allows no shorter time."""
LOOK_SECONDS = 30.0
"""How often a limit is compared with what its connection declares."""
AWAY_SECONDS = 5.0
"""How long a Prefect that did not answer is not asked again."""
LOST_SECONDS = 300.0
"""Places that nobody of ours has had for so long were lost: Prefect forgets leases when its server starts again."""
LOCKED = 423


@dataclass
class Known:
    """What was last seen of a limit. `surplus` is the least number of places taken beyond ours since `since`."""

    declared: int
    seen: float
    since: float
    surplus: int


def limit_name(connection: str) -> str:
    """The name of a connection's limit in Prefect, without the characters that it does not allow."""
    return PREFIX + "".join("-" if char in "/%&<>" else char for char in connection)


class PrefectConcurrencyLimits:
    """Implements `adapters.throttle.Wall`. Its calls have threads of their own: a slow Prefect holds up no store."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="limits")
        self._lock = Lock()
        self._clients: dict[str, tuple[SyncPrefectClient, Settings]] = {}
        self._known: dict[str, Known] = {}
        self._away_until = 0.0

    @asynccontextmanager
    async def held(self, name: str, limit: int, *, ours: int) -> AsyncIterator[None]:
        """One of `limit` places, `ours` of which this installation has, this one included."""
        lease = await self._in_thread(lambda: self._acquire(name, limit, ours))
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
            # given back without anybody waiting for it; what Prefect does not hear runs out by itself
            self._threads.submit(copy_context().run, self._release, name, lease)

    def _acquire(self, name: str, limit: int, ours: int) -> UUID | None:
        """The lease; None while Prefect is away. `Throttled` when all places are taken."""
        if not PREFECT_API_URL.value() or time.monotonic() < self._away_until:
            return None
        try:
            self._look(name, limit, ours, every=LOOK_SECONDS)
            for _ in range(2):
                granted = self._ask(name)
                if granted is not None:
                    return granted
                self._known.pop(name, None)  # somebody has deleted the limit: it is made again
                self._look(name, limit, ours, every=LOOK_SECONDS)
        except PrefectHTTPStatusError as problem:
            if problem.response.status_code != LOCKED:
                self._away(name, problem)
                return None
            self._look(name, limit, ours, every=AWAY_SECONDS)
            message = f"the concurrency limit of {name} is reached"
            raise Throttled(message, connection=name, retry_after=random.uniform(2.0, 5.0)) from None
        except Throttled:
            raise
        except Exception as problem:  # whatever keeps Prefect from answering
            self._away(name, problem)
            return None
        message = f"the limit {limit_name(name)} cannot be made in Prefect"
        raise Throttled(message, connection=name, retry_after=AWAY_SECONDS)

    def _ask(self, name: str) -> UUID | None:
        """A place; None where there is no such limit."""
        response = self._call(
            lambda client: client.increment_concurrency_slots_with_lease(
                names=[limit_name(name)], slots=1, mode="concurrency", lease_duration=LEASE_SECONDS
            )
        )
        granted = ConcurrencyLimitWithLeaseResponse.model_validate(response.json())
        return granted.lease_id if granted.limits else None

    def _look(self, name: str, limit: int, ours: int, *, every: float) -> None:
        """Have the limit be there as it is declared, and free the places that were lost."""
        now, known = time.monotonic(), self._known.get(name)
        if known is not None and known.declared == limit and now - known.seen < every:
            return
        try:
            found = self._call(lambda client: client.read_global_concurrency_limit_by_name(limit_name(name)))
        except ObjectNotFound:
            wanted = GlobalConcurrencyLimitCreate(name=limit_name(name), limit=limit, active=True)
            with contextlib.suppress(ObjectAlreadyExists):
                self._call(lambda client: client.create_global_concurrency_limit(wanted))
            self._known[name] = Known(declared=limit, seen=now, since=now, surplus=0)
            return
        if (found.limit, found.active, found.slot_decay_per_second) != (limit, True, 0.0):
            self._change(name, GlobalConcurrencyLimitUpdate(limit=limit, active=True, slot_decay_per_second=0.0))
        surplus, since = max(0, found.active_slots - max(0, ours - 1)), now
        if known is not None and known.surplus and surplus:
            surplus, since = min(surplus, known.surplus), known.since
        if surplus and now - since > LOST_SECONDS:
            logger.warning("%d places of %s in Prefect were lost and are free again", surplus, name)
            left = max(0, found.active_slots - surplus)
            self._change(name, GlobalConcurrencyLimitUpdate(active_slots=left))
            surplus = 0
        self._known[name] = Known(declared=limit, seen=now, since=since, surplus=surplus)

    def _change(self, name: str, update: GlobalConcurrencyLimitUpdate) -> None:
        self._call(lambda client: client.update_global_concurrency_limit(limit_name(name), update))

    async def _renew(self, name: str, lease: UUID) -> None:
        """Keep the place. One that Prefect has taken away all the same stops no call: our own record still has it."""

        def again() -> None:
            self._call(lambda client: client.renew_concurrency_lease(lease, LEASE_SECONDS))

        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            try:
                await self._in_thread(again)
            except Exception as problem:
                logger.warning("Prefect did not hear that a place of %s is still needed: %s", name, problem)

    def _release(self, name: str, lease: UUID) -> None:
        try:
            self._call(lambda client: client.release_concurrency_slots_with_lease(lease))
        except Exception as problem:
            logger.warning("Prefect did not hear that a place of %s is free: %s", name, problem)

    def _away(self, name: str, problem: Exception) -> None:
        self._away_until = time.monotonic() + AWAY_SECONDS
        logger.warning("Prefect does not count the calls of %s now: %s: %s", name, type(problem).__name__, problem)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, work)

    def _call(self, ask: Callable[[SyncPrefectClient], T]) -> T:
        """Ask Prefect, and once more at most. What is kept is costly to make, a client and changed settings."""
        api, context = str(PREFECT_API_URL.value()), get_settings_context()
        with self._lock:
            if api not in self._clients:
                client = get_client(
                    httpx_settings=impatient(answer=5.0, asynchronous=False), sync_client=True
                ).__enter__()
                changed = context.settings.copy_with_update(updates={PREFECT_CLIENT_MAX_RETRIES: 1})
                self._clients[api] = (client, changed)
            client, changed = self._clients[api]
        with SettingsContext(profile=context.profile, settings=changed):
            return ask(client)
