"""The least speed of an answer: a server that sends a byte at a time must not hold a connection until its deadline."""

from __future__ import annotations

import re
from collections.abc import Callable
from time import monotonic

MIN_BYTES_PER_SECOND = 100.0
"""The least average speed of a body, or of one event of an event stream."""
GRACE_SECONDS = 20.0
"""Seconds after the first byte of a body or an event before its speed is judged."""
_END_OF_EVENT = re.compile(rb"\r\n\r\n|\n\n|\r\r")


class TooSlow(Exception):
    """An answer arrives more slowly than `MIN_BYTES_PER_SECOND`."""

    def __init__(self) -> None:
        super().__init__(f"the answer arrives at less than {MIN_BYTES_PER_SECOND:g} bytes a second")


class Pace:
    """Judges the speed of one body. White space before the first byte of content, and the pauses between the events of
    an event stream, keep a connection alive while a server works: they are not judged."""

    def __init__(self, *, events: bool = False, clock: Callable[[], float] = monotonic) -> None:
        self._events, self._clock = events, clock
        self._since: float | None = None
        self._size = 0
        self._tail = b""
        """The end of the chunk before: the end of an event may be in two chunks."""

    def add(self, chunk: bytes) -> None:
        """Count a chunk that has arrived; raises `TooSlow`."""
        if self._since is None and not chunk.strip():
            return
        now = self._clock()
        if self._events:
            text = self._tail + chunk
            ends = [found.end() for found in _END_OF_EVENT.finditer(text)]
            self._tail = text[ends[-1] if ends else 0 :][-3:]
            if ends:
                rest = len(text) - ends[-1]
                self._since, self._size = (now if rest else None), rest
                return
        if self._since is None:
            self._since = now
        self._size += len(chunk)
        took = now - self._since
        if took > GRACE_SECONDS and self._size < took * MIN_BYTES_PER_SECOND:
            raise TooSlow
