"""SQLite: a library without the WAL-reset bug, every commit synced to disk, one writer at a time."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, func
from sqlalchemy.dialects import sqlite

from flowbuilder.errors import ConfigurationError
from flowbuilder.ports.private_files import close_to_others, open_private
from flowbuilder.ports.sql.sqlite_library import library
from flowbuilder.store.db.transaction import Dialect

BUSY_SECONDS = 10.0
_SWITCH_MILLISECONDS = 2000
WRITES = "flowbuilder_writes"
"""The execution option of a connection whose transaction writes."""

SQLITE = Dialect(has_clock=False, insert=sqlite.insert, notify=lambda *_: None, position=func.instr)

LOG_SUFFIXES = ("-wal", "-shm", "-journal")
"""The suffixes of the files that SQLite keeps beside a database. A log (`-wal`, `-journal`) belongs to its content."""


def close_database_to_others(url: URL) -> None:
    """Take the permissions on an embedded database's files from all users but their owner."""
    for suffix in ("", *LOG_SUFFIXES, "-users"):
        close_to_others(Path(f"{url.database}{suffix}"))


def sqlite_engine(url: URL, *, durable: bool) -> Engine:
    """An engine with the store's PRAGMAs. Without a safe library the file gets a rollback journal, which is slower and
    does not have the bug."""
    module, safe = library()
    engine = create_engine(
        url, module=module, pool_size=8, max_overflow=32, pool_use_lifo=True, connect_args={"timeout": BUSY_SECONDS}
    )
    journal, synchronous = ("WAL", "FULL") if safe else ("DELETE", "EXTRA")

    @event.listens_for(engine, "do_connect")
    def _create(_dialect: object, _record: object, arguments: Any, _options: object) -> None:
        # SQLite would create it with the umask's mode; its log files get the mode of the database
        file = Path(arguments[0])
        if not file.exists():
            with suppress(OSError):  # then SQLite reports it
                os.close(open_private(file, os.O_RDWR))

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
    """Decodes text with flipped bits too: otherwise one such row would make a whole query fail."""
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
        f"this file is in use in WAL mode, and this SQLite ({module.sqlite_version}) may lose data in that mode; "
        "install pysqlite3, or a Python with SQLite 3.51.3 or later"
    )
