"""A worker's ear at the store: what becomes ready on any machine begins here at once."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable

from flowbuilder.errors import FlowbuilderError
from flowbuilder.ports import Store

logger = logging.getLogger(__name__)

STRETCH_SECONDS = 3600.0
"""After how long a connection that listens is made anew."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds between tries while the database is away. The worker's poll goes on besides."""


class Listening:
    """A thread of its own, for listening blocks. `wanted` is asked in it, with an execution's id, whether this worker
    may take the execution up; `call` is then called in the event loop.

    What it hears is a hint: behind a connection pool that hands on no notifications it hears nothing, and after a
    connection was lost it does not hear what was said meanwhile. The poll finds that.
    """

    def __init__(self, store: Store, *, wanted: Callable[[str], bool], call: Callable[[str], None]) -> None:
        self._store, self._wanted, self._call = store, wanted, call
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="listening", daemon=True)

    def start(self) -> None:
        """Listen until stopped."""
        self._thread.start()

    async def stop(self) -> None:
        """Hear no more. A thread that waits for a database that is away is not waited for."""
        self._stop.set()
        await asyncio.to_thread(self._thread.join, 2 * SHORTEST_PAUSE + 1)

    def _listen(self) -> None:
        pause = SHORTEST_PAUSE
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                for execution_id in self._store.listen(STRETCH_SECONDS, self._stop):
                    if self._wanted(execution_id):
                        self._loop.call_soon_threadsafe(self._call, execution_id)
            except FlowbuilderError as problem:
                logger.info("the store is not heard, it is looked at each second: %s", problem)
            except Exception:  # a listener that ends is missed by nobody: the poll would hide it
                logger.exception("listening to the store failed; it goes on")
            if time.monotonic() - begun > LONGEST_PAUSE:
                pause = SHORTEST_PAUSE
            self._stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
