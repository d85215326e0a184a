"""Free disk space where an embedded database is: new work is refused while there is too little to finish it."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import URL

from flowbuilder.errors import Unavailable
from flowbuilder.store.db.url import display_url, parse_url

LEAST_FREE = 64_000_000
"""Bytes that must be free before an execution is claimed or an effect begins; running work may use them to finish."""


class DiskSpace:
    """Checks the disk of a SQLite file. A PostgreSQL server's disk is not checked: the server reports it itself."""

    def __init__(self, url: URL, least_free: int) -> None:
        self._folder = None if url.get_backend_name() == "postgresql" else Path(url.database or "").absolute().parent
        self._url, self.least_free = display_url(url), least_free

    def ensure(self) -> None:
        """`Unavailable` while too little is free. Measured at every call, so that work resumes by itself."""
        if shortage := self.shortage():
            raise Unavailable(f"{shortage}; no new work starts until there is more")

    def shortage(self) -> str:
        """The shortage, in words; empty when enough is free."""
        if self._folder is None:
            return ""
        free = free_bytes(self._folder)
        if free is None or free >= self.least_free:
            return ""
        return f"only {free / 1e6:.1f} MB are free where {self._url} is, and {self.least_free / 1e6:.1f} MB are needed"


def free_bytes(folder: Path) -> int | None:
    """Bytes that this user may still write there; None when that cannot be determined."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None  # the database itself reports what is wrong
    return found.f_bavail * found.f_frsize


def lack_of_disk_space(url: str, least_free: int = LEAST_FREE) -> str:
    """The shortage where the database of this URL is, in words; empty when enough is free."""
    return DiskSpace(parse_url(url), least_free).shortage()
