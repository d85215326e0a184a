"""A disk that loses power: every write, sync, truncation and deletion is logged; what was not synced may be lost.

An image is what the disk holds after a loss: of each file what was synced, and of what came after it nothing, all, or
any of it, where a write may be torn between sectors.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import apsw

SECTOR = 512
Deed = Literal["write", "sync", "truncate", "delete"]
Kept = Literal["nothing", "all", "some"]
"""What a loss leaves of that which was not synced. All of it: as if only the process had died."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One deed. `seen` is what the witness said right before it."""

    deed: Deed
    file: str
    at: int = 0
    data: bytes = b""
    seen: Any = None


@dataclass
class Journal:
    """All that was done to the files of one database."""

    witness: Callable[[], Any] = lambda: None
    entries: list[Entry] = field(default_factory=list)

    def note(self, deed: Deed, file: str, at: int = 0, data: bytes = b"") -> None:
        self.entries.append(Entry(deed, file, at, data, self.witness()))


class RecordingVfs(apsw.VFS):
    """The operating system's files, with a journal beside them."""

    def __init__(self, name: str, journal: Journal) -> None:
        super().__init__(name, "")
        self.journal = journal

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        file = name.filename() if isinstance(name, apsw.URIFilename) else name
        return _File(name, flags, self.journal, Path(file).name if file else "")

    def xDelete(self, filename: str, syncdir: bool) -> None:
        name = Path(filename).name
        self.journal.note("delete", name)
        super().xDelete(filename, syncdir)
        if syncdir:
            self.journal.note("sync", name)


class _File(apsw.VFSFile):
    def __init__(self, name: Any, flags: list[int], journal: Journal, short: str) -> None:
        super().__init__("", name, flags)
        self._journal, self._name = journal, short

    def xWrite(self, data: Any, offset: int) -> None:
        self._journal.note("write", self._name, offset, bytes(data))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._journal.note("truncate", self._name, newsize)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self._journal.note("sync", self._name)


class Disk:
    """What is on the disk: of each file what was synced (None: it is not there), and the deeds since."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._synced: dict[str, bytearray | None] = {name: bytearray(content) for name, content in files.items()}
        self._pending: dict[str, list[Entry]] = {}

    def do(self, entry: Entry) -> None:
        if entry.deed == "sync":
            content = self._synced.get(entry.file)
            for deed in self._pending.pop(entry.file, []):
                content = _done(content, deed)
            self._synced[entry.file] = content
        else:
            self._pending.setdefault(entry.file, []).append(entry)

    def image(self, kept: Kept, dice: random.Random) -> dict[str, bytes]:
        """The files after a loss of power now."""
        found: dict[str, bytes] = {}
        for name in sorted(self._synced.keys() | self._pending.keys()):
            synced = self._synced.get(name)
            content = None if synced is None else bytearray(synced)
            for entry in self._pending.get(name, []):
                left = list(_lost(entry, kept, dice))
                if entry.deed == "delete" and not left:
                    break  # the old file is still there; what was written since went to one that no name leads to
                for deed in left:
                    content = _done(content, deed)
            if content is not None:
                found[name] = bytes(content)
        return found


def losses(
    files: dict[str, bytes], journal: Journal, wanted: Callable[[int], list[Kept]], dice: random.Random
) -> Iterator[tuple[int, Any, Kept, dict[str, bytes]]]:
    """For each moment (after so many deeds) the losses wanted there: `(moment, what was seen, kept, image)`."""
    disk = Disk(files)
    for moment, entry in enumerate(journal.entries):
        for kept in wanted(moment):
            yield moment, entry.seen, kept, disk.image(kept, dice)
        disk.do(entry)


def _done(content: bytearray | None, entry: Entry) -> bytearray | None:
    if entry.deed == "delete":
        return None
    content = bytearray() if content is None else content
    if entry.deed == "truncate":
        del content[entry.at :]
    else:
        content.extend(bytes(max(0, entry.at - len(content))))
        content[entry.at : entry.at + len(entry.data)] = entry.data
    return content


def _lost(entry: Entry, kept: Kept, dice: random.Random) -> Iterator[Entry]:
    """What is left of a deed that was not synced."""
    luck = {"nothing": 1.0, "all": 0.0, "some": dice.random()}[kept]
    if luck < 0.4:
        yield entry
    elif luck < 0.6 and entry.deed == "write":
        first = -entry.at % SECTOR
        cuts = [0, *range(first or SECTOR, len(entry.data), SECTOR), len(entry.data)]
        for start, end in pairwise(cuts):
            if dice.random() < 0.5:
                yield Entry("write", entry.file, entry.at + start, entry.data[start:end])
