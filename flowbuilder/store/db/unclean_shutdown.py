"""A SQLite file whose last users did not stop as they should is looked through before it is used again.

Whoever has the file open holds a shared lock on a small file beside it, which the kernel takes back however a process
ends. Who can have that lock alone is the first to come. A log that is there then was left by a crash or a power loss:
the last connection that closes takes it away.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import time
from pathlib import Path

from flowbuilder.errors import ConfigurationError
from flowbuilder.store.db.sqlite import library

logger = logging.getLogger(__name__)

BESIDE = "-users"
_LOGS = ("-wal", "-journal")


def enter(file: Path) -> int | None:
    """Be one of those that have the file open; `ConfigurationError` when it is damaged. The descriptor is for `leave`;
    None where there is no file yet, or no such lock."""
    if not file.exists():
        return None
    try:
        lock = os.open(file.with_name(file.name + BESIDE), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None  # such as a folder that is not ours: then it cannot have been written either
    try:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if any(_size(file.with_name(file.name + log)) for log in _LOGS):
                _ensure_sound(file)
        fcntl.flock(lock, fcntl.LOCK_SH)  # waits while the first one looks
    except BaseException:
        os.close(lock)
        raise
    return lock


def leave(lock: int | None) -> None:
    """Be no more one of them."""
    if lock is not None:
        os.close(lock)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _ensure_sound(file: Path) -> None:
    module, _ = library()
    begun = time.monotonic()
    try:
        connection = module.connect(file)
        try:
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            connection.close()
    except module.OperationalError as problem:
        logger.warning("%s was not closed properly and cannot be looked through: %s", file, problem)
        return  # it cannot be read at all, which whoever opens it is told
    except module.DatabaseError as problem:
        answer = str(problem)
    if answer != "ok":
        raise ConfigurationError(
            f"{file} was not closed properly and is damaged ({' '.join(str(answer).split())[:200]}): put it aside and "
            "make it from the newest backup, with flowbuilder restore"
        )
    logger.info("%s was not closed properly; it is sound (%.1f s)", file, time.monotonic() - begun)
