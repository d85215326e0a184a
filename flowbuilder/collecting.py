"""Garbage is collected after a burst of work that keeps nearly all that it makes, not in the middle of it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_lock = Lock()
_bursts = 0
_collects = False


@contextmanager
def burst() -> Iterator[None]:
    """Collect nothing until the work is done: a third of the time, where many small objects are made and kept.

    Bursts may overlap, in threads and in each other; a collector that was off before stays off.
    """
    global _bursts, _collects  # noqa: PLW0603 (the collector is one for the process)
    with _lock:
        if not _bursts:
            _collects = gc.isenabled()
            gc.disable()
        _bursts += 1
    try:
        yield
    finally:
        with _lock:
            _bursts -= 1
            if not _bursts and _collects:
                gc.enable()
