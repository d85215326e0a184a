"""SQLite as the store uses it: a library without the WAL-reset bug, every commit on the disk, one writer at a time."""

from __future__ import annotations

import sqlite3
from types import ModuleType
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from flowbuilder.errors import ConfigurationError

BUSY_SECONDS = 10.0
_SWITCH_MILLISECONDS = 2000
WRITES = "flowbuilder_writes"
"""The execution option of a connection whose transaction is going to write."""

Version = tuple[int, int, int]


def is_safe(version: Version) -> bool:
    """Whether this release can be trusted in WAL mode with several connections.

    From 3.7.0 to 3.51.2 a commit that races a checkpoint may be lost or corrupt the file, but for two branches with
    the fix.
    """
    major, minor, patch = version
    return version >= (3, 51, 3) or (major == 3 and (minor, patch) in _FIXED)


_FIXED = {(44, patch) for patch in range(6, 40)} | {(50, patch) for patch in range(7, 40)}


def library() -> tuple[ModuleType, bool]:
    """The SQLite to use, and whether it is safe in WAL mode: Python's own if it is, else the bundled one."""
    if is_safe(sqlite3.sqlite_version_info):
        return sqlite3, True
    try:
        from pysqlite3 import dbapi2  # type: ignore[import-untyped]
    except ImportError:
        return sqlite3, False
    return dbapi2, is_safe(dbapi2.sqlite_version_info)


def sqlite_engine(url: URL, *, durable: bool) -> Engine:
    """An engine whose connections are set up as the store needs them.

    Without a safe library the file is used with a rollback journal, which does not have the bug and is slower.
    """
    module, safe = library()
    engine = create_engine(
        url, module=module, pool_size=8, max_overflow=32, pool_use_lifo=True, connect_args={"timeout": BUSY_SECONDS}
    )
    journal, synchronous = ("WAL", "FULL") if safe else ("DELETE", "EXTRA")

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver begins no transaction of its own
        connection.text_factory = _text
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={_SWITCH_MILLISECONDS}")
        if _journal(cursor, "") != journal and _journal(cursor, f"={journal}") != journal:
            raise ConfigurationError(_in_use(module))
        for pragma in (f"synchronous={synchronous if durable else 'OFF'}", "foreign_keys=ON", "temp_store=MEMORY"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _text(value: bytes) -> str:
    """Text with flipped bits is text all the same, or no row of a query could be read for one."""
    return str(value, "utf-8", "replace")


def _journal(cursor: Any, wanted: str) -> str:
    try:
        (mode,) = cursor.execute(f"PRAGMA journal_mode{wanted}").fetchone()
    except Exception as problem:  # the driver's own class, which depends on the library
        if "locked" in str(problem):
            return "IN USE"
        raise
    return str(mode).upper()


def _in_use(module: ModuleType) -> str:
    return (
        f"this file is in use in WAL mode, and the SQLite here ({module.sqlite_version}) may lose data in that mode; "
        "install pysqlite3, or a Python with SQLite 3.51.3 or later"
    )
