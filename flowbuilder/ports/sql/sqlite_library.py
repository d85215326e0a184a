"""Which SQLite library to use. A process must open a file with one library only: closing it in another one would drop
the first one's locks."""

from __future__ import annotations

import sqlite3
from types import ModuleType

Version = tuple[int, int, int]


def is_safe(version: Version) -> bool:
    """Whether this release is safe in WAL mode with several connections.

    In releases 3.7.0 to 3.51.2, except two branches with the fix, a commit that races a checkpoint may be lost or
    corrupt the file.
    """
    major, minor, patch = version
    return version >= (3, 51, 3) or (major == 3 and (minor, patch) in _FIXED)


_FIXED = {(44, patch) for patch in range(6, 40)} | {(50, patch) for patch in range(7, 40)}


def library() -> tuple[ModuleType, bool]:
    """The SQLite driver to use, and whether it is safe in WAL mode: Python's own if it is, else pysqlite3."""
    if is_safe(sqlite3.sqlite_version_info):
        return sqlite3, True
    try:
        from pysqlite3 import dbapi2  # type: ignore[import-untyped]
    except ImportError:
        return sqlite3, False
    return dbapi2, is_safe(dbapi2.sqlite_version_info)
