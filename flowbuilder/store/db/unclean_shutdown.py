"""Integrity check of a SQLite file after an unclean shutdown, before it is used again.

Every process that has the file open holds a shared lock on a small file beside it, which the kernel releases however
the process ends. A process that gets the lock exclusively is the first one. A SQLite log that exists then was left by
a crash or a power loss, because the last connection that closes deletes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import time
from pathlib import Path

from flowbuilder.errors import ConfigurationError
from flowbuilder.ports.private_files import open_private
from flowbuilder.ports.sql.sqlite_library import library

logger = logging.getLogger(__name__)

LOCK_SUFFIX = "-users"
_LOGS = ("-wal", "-journal")


def open_file(file: Path) -> int | None:
    """Take the shared lock of a file; `ConfigurationError` when the file is damaged. Returns the lock's descriptor, for
    `close_file`; None when the file does not exist yet or its folder is not writable."""
    if not file.exists():
        return None
    try:
        lock = open_private(file.with_name(file.name + LOCK_SUFFIX), os.O_RDWR)
    except OSError:
        return None  # such as a read-only folder: then the database cannot have been written either
    try:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if any(_size(file.with_name(file.name + log)) for log in _LOGS):
                _check(file)
        fcntl.flock(lock, fcntl.LOCK_SH)  # waits while the first process checks
    except BaseException:
        os.close(lock)
        raise
    return lock


def close_file(lock: int | None) -> None:
    """Release the lock."""
    if lock is not None:
        os.close(lock)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _check(file: Path) -> None:
    module, _ = library()
    begun = time.monotonic()
    try:
        connection = module.connect(file)
        try:
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            connection.close()
    except module.OperationalError as problem:
        logger.warning("%s was not closed properly and cannot be checked: %s", file, problem)
        return  # it cannot be read at all: opening it reports that
    except module.DatabaseError as problem:
        answer = str(problem)
    if answer != "ok":
        raise ConfigurationError(
            f"{file} was not closed properly and is damaged ({' '.join(str(answer).split())[:200]}): move it away "
            "and restore the newest backup, with flowbuilder restore"
        )
    logger.info("%s was not closed properly; it is intact (%.1f s)", file, time.monotonic() - begun)
