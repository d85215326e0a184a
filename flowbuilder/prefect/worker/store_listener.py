"""Listener to the store's notifications: an execution that becomes ready on any machine starts here at once."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable

from flowbuilder.errors import FlowbuilderError
from flowbuilder.ports import Store

logger = logging.getLogger(__name__)

RECONNECT_SECONDS = 3600.0
"""After how long the listening connection is replaced."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds between attempts while the database is unavailable. The worker polls the store as well."""


class StoreListener:
    """Calls `wake` in the event loop with the id of every execution that becomes ready and for which `is_interested`,
    called in the listener's thread, is true.

    Notifications are hints: a connection pool may not forward them, and those sent while a connection is lost are lost
    too. The worker's poll finds executions whose notification was lost.
    """

    def __init__(self, store: Store, *, is_interested: Callable[[str], bool], wake: Callable[[str], None]) -> None:
        self._store, self._is_interested, self._wake = store, is_interested, wake
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="store listener", daemon=True)

    def start(self) -> None:
        """Listen until stopped."""
        self._thread.start()

    async def stop(self) -> None:
        """Stop listening. Does not wait for a thread that is blocked by an unavailable database."""
        self._stop.set()
        await asyncio.to_thread(self._thread.join, 2 * SHORTEST_PAUSE + 1)

    def _listen(self) -> None:
        pause = SHORTEST_PAUSE
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                for execution_id in self._store.listen(RECONNECT_SECONDS, self._stop):
                    if self._is_interested(execution_id):
                        self._loop.call_soon_threadsafe(self._wake, execution_id)
            except FlowbuilderError as problem:
                logger.info("the store sends no notifications, it is polled each second: %s", problem)
            except Exception:  # the poll would hide that the thread has ended
                logger.exception("listening to the store failed and is tried again")
            if time.monotonic() - begun > LONGEST_PAUSE:
                pause = SHORTEST_PAUSE
            self._stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
