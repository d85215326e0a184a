"""What Prefect is told of a flow run: in order, and without anybody waiting for it.

Our tables are the record, so a word that Prefect does not hear costs nothing but what people see there. The reconciler
tells it the end once more.
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

AGAIN_AFTER = (0.5, 1.0, 2.0, 4.0)
"""Seconds after which a word is said again that a busy server did not take."""

HOLD_SECONDS = 0.6
"""How long the first word after a silence is held back: what people wait for is asked of Prefect first."""

Word = Callable[[PrefectClient], Awaitable[Any]]


class StateReporter:
    """A queue of words, said one after the other. `patience` is how many seconds one may take."""

    def __init__(self, client: PrefectClient, *, about: str, patience: float = 20.0) -> None:
        self._client = client
        self._about = about
        self._patience = patience
        self._speaking = False
        self._closing = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._words: asyncio.Queue[Word | None] = asyncio.Queue()
        self._speaker = asyncio.create_task(self._speak(), name=f"tell {about}")
        self.failed = False

    @property
    def silent(self) -> bool:
        """Whether all is said."""
        return self._words.empty() and not self._speaking

    def enqueue(self, word: Word) -> None:
        """Say this when everything before is said. May be called from any thread."""
        self._loop.call_soon_threadsafe(self._words.put_nowait, word)

    async def close(self) -> None:
        """Wait until all is said, or cannot be."""
        self._closing.set()
        self._loop.call_soon(self._words.put_nowait, None)
        with contextlib.suppress(asyncio.CancelledError):
            await self._speaker

    def cancel(self) -> None:
        """Say no more."""
        self._speaker.cancel()

    async def _speak(self) -> None:
        while True:
            silent = self._words.empty()
            if (word := await self._words.get()) is None:
                return
            self._speaking = True
            if silent:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), HOLD_SECONDS)
            try:
                async with asyncio.timeout(self._patience):
                    await self._say(word)
            except Exception as problem:  # whatever it is, the execution does not depend on it
                self.failed = True
                logger.warning("Prefect did not hear something about %s: %s: %s", self._about, type(problem).__name__,
                               problem)  # fmt: skip
            finally:
                self._speaking = False

    async def _say(self, word: Word) -> None:
        for pause in AGAIN_AFTER:
            try:
                await word(self._client)
                return
            except PrefectHTTPStatusError as problem:
                if problem.response.status_code != BUSY:
                    raise
            await asyncio.sleep(pause)
        await word(self._client)
