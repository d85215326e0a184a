"""Whether there is room on the disk: nothing begins that could not be written down to its end."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import URL

from flowbuilder.errors import Unavailable
from flowbuilder.store.db.url import location, shown

LEAST_FREE = 64_000_000
"""Bytes that must be free before an execution is taken up or an effect begun; what runs may use them to finish."""


class DiskSpace:
    """The room where an embedded database is. Of a server's disk nothing is known here: it refuses by itself."""

    def __init__(self, url: URL, least_free: int) -> None:
        self._place = None if url.get_backend_name() == "postgresql" else Path(url.database or "").absolute().parent
        self._shown, self.least_free = shown(url), least_free

    def ensure(self) -> None:
        """`Unavailable` while too little is free. It is looked at anew each time, so work goes on by itself."""
        lack = self.lack()
        if lack:
            raise Unavailable(f"{lack}; nothing begins until there is room")

    def lack(self) -> str:
        """What is missing, in words; empty when there is room."""
        if self._place is None:
            return ""
        free = free_bytes(self._place)
        if free is None or free >= self.least_free:
            return ""
        return (
            f"only {free / 1e6:.1f} MB are free where {self._shown} is, and {self.least_free / 1e6:.1f} MB are needed"
        )


def free_bytes(folder: Path) -> int | None:
    """What this user may still write there; None where nobody knows."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None  # the database itself will say what is wrong
    return found.f_bavail * found.f_frsize


def lack_of_disk_space(url: str, least_free: int = LEAST_FREE) -> str:
    """What is missing where the database of this URL is; empty when there is room."""
    return DiskSpace(location(url), least_free).lack()
