"""Time windows of the dispatcher: executions that are not tried again yet, and errors that are not logged again yet."""

from __future__ import annotations

import asyncio
import logging


class Cooldown:
    """A set of keys, each of which leaves it `seconds` after it came. To be used in one event loop."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: dict[str, float] = {}

    def start(self, key: str) -> None:
        """Start the cool-down of a key, or start it again."""
        now = asyncio.get_running_loop().time()
        self._until = {other: until for other, until in self._until.items() if until > now}
        self._until[key] = now + self._seconds

    def end(self, key: str) -> None:
        """End the cool-down of a key, if it has one."""
        self._until.pop(key, None)

    def is_active(self, key: str) -> bool:
        """Whether the key cools down."""
        return key in self._until and self._until[key] > asyncio.get_running_loop().time()


class LogOnce:
    """Logs an error that many executions have in common, such as a full disk, once in `seconds`."""

    def __init__(self, logger: logging.Logger, seconds: float) -> None:
        self._logger = logger
        self._logged = Cooldown(seconds)

    def warning(self, message: str, execution_id: str, problem: Exception) -> None:
        """Log `message % (execution_id, problem)` as a warning; as debug output when the same problem was logged."""
        text = str(problem)
        if self._logged.is_active(text):
            self._logger.debug(message, execution_id, text)
        else:
            self._logger.warning(message, execution_id, text)
            self._logged.start(text)
