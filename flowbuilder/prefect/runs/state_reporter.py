"""Ordered, asynchronous queue of updates about one flow run to the Prefect API.

Our tables are the source of truth, so a lost update only affects what Prefect's UI shows. The reconciler reports the
final state once more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.exceptions import PrefectHTTPStatusError

from flowbuilder.prefect.api.availability import BUSY

logger = logging.getLogger(__name__)

RETRY_DELAYS = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each retry of an update that a busy server rejected."""

HOLD_SECONDS = 0.6
"""Delay of the first update after an idle time: requests that people wait for reach Prefect before it."""

Update = Callable[[PrefectClient], Awaitable[Any]]


class StateReporter:
    """Sends updates one after the other. `timeout` is the maximum duration of one, in seconds; `about` names the run in
    logs."""

    def __init__(self, client: PrefectClient, *, about: str, timeout: float = 20.0) -> None:
        self._client = client
        self._about = about
        self._timeout = timeout
        self._sending = False
        self._closing = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._updates: asyncio.Queue[Update | None] = asyncio.Queue()
        self._sender = asyncio.create_task(self._send_all(), name=f"report {about}")
        self.failed = False

    @property
    def idle(self) -> bool:
        """Whether every update has been sent."""
        return self._updates.empty() and not self._sending

    def enqueue(self, update: Update) -> None:
        """Send an update after those before it. May be called from any thread."""
        self._loop.call_soon_threadsafe(self._updates.put_nowait, update)

    async def close(self) -> None:
        """Wait until every update has been sent or has failed."""
        self._closing.set()
        self._loop.call_soon(self._updates.put_nowait, None)
        with contextlib.suppress(asyncio.CancelledError):
            await self._sender

    def cancel(self) -> None:
        """Drop the updates that have not been sent."""
        self._sender.cancel()

    async def _send_all(self) -> None:
        while True:
            was_idle = self._updates.empty()
            if (update := await self._updates.get()) is None:
                return
            self._sending = True
            if was_idle:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), HOLD_SECONDS)
            try:
                async with asyncio.timeout(self._timeout):
                    await self._send(update)
            except Exception as problem:  # of any kind: the execution does not depend on it
                self.failed = True
                logger.warning(
                    "Prefect did not accept an update about %s: %s: %s", self._about, type(problem).__name__, problem
                )
            finally:
                self._sending = False

    async def _send(self, update: Update) -> None:
        for delay in RETRY_DELAYS:
            try:
                await update(self._client)
                return
            except PrefectHTTPStatusError as problem:
                if problem.response.status_code != BUSY:
                    raise
            await asyncio.sleep(delay)
        await update(self._client)
