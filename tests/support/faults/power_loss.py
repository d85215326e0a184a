"""Power loss: every write, sync, truncation and deletion of a file is logged; unsynced operations may be lost.

An image is the content of the disk after a loss: of each file the synced content, and of later operations none, all or
a random part, where a write may be torn between sectors.
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
OperationKind = Literal["write", "sync", "truncate", "delete"]
Kept = Literal["nothing", "all", "some"]
"""Which unsynced operations survive a loss. With `all`, as if only the process had died."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation on a file. `snapshot` was taken right before it."""

    kind: OperationKind
    file: str
    at: int = 0
    data: bytes = b""
    snapshot: Any = None


@dataclass
class Journal:
    """The operations on the files of one database."""

    take_snapshot: Callable[[], Any] = lambda: None
    operations: list[Operation] = field(default_factory=list)

    def record(self, kind: OperationKind, file: str, at: int = 0, data: bytes = b"") -> None:
        self.operations.append(Operation(kind, file, at, data, self.take_snapshot()))


class RecordingVfs(apsw.VFS):
    """The operating system's file system, with a journal of operations."""

    def __init__(self, name: str, journal: Journal) -> None:
        super().__init__(name, "")
        self.journal = journal

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        file = name.filename() if isinstance(name, apsw.URIFilename) else name
        return _File(name, flags, self.journal, Path(file).name if file else "")

    def xDelete(self, filename: str, syncdir: bool) -> None:
        name = Path(filename).name
        self.journal.record("delete", name)
        super().xDelete(filename, syncdir)
        if syncdir:
            self.journal.record("sync", name)


class _File(apsw.VFSFile):
    def __init__(self, name: Any, flags: list[int], journal: Journal, short: str) -> None:
        super().__init__("", name, flags)
        self._journal, self._name = journal, short

    def xWrite(self, data: Any, offset: int) -> None:
        self._journal.record("write", self._name, offset, bytes(data))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._journal.record("truncate", self._name, newsize)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self._journal.record("sync", self._name)


class Disk:
    """The disk: of each file the synced content (None: it does not exist), and the operations since."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._synced: dict[str, bytearray | None] = {name: bytearray(content) for name, content in files.items()}
        self._pending: dict[str, list[Operation]] = {}

    def do(self, operation: Operation) -> None:
        if operation.kind == "sync":
            content = self._synced.get(operation.file)
            for unsynced in self._pending.pop(operation.file, []):
                content = _applied(content, unsynced)
            self._synced[operation.file] = content
        else:
            self._pending.setdefault(operation.file, []).append(operation)

    def image(self, kept: Kept, rng: random.Random) -> dict[str, bytes]:
        """The files after a power loss now."""
        found: dict[str, bytes] = {}
        for name in sorted(self._synced.keys() | self._pending.keys()):
            synced = self._synced.get(name)
            content = None if synced is None else bytearray(synced)
            for operation in self._pending.get(name, []):
                left = list(_surviving(operation, kept, rng))
                if operation.kind == "delete" and not left:
                    break  # the deletion is lost: the old file exists, and later writes went to an unlinked one
                for part in left:
                    content = _applied(content, part)
            if content is not None:
                found[name] = bytes(content)
        return found


def losses(
    files: dict[str, bytes], journal: Journal, wanted: Callable[[int], list[Kept]], rng: random.Random
) -> Iterator[tuple[int, Any, Kept, dict[str, bytes]]]:
    """For each moment (after so many operations) the wanted losses: `(moment, snapshot, kept, image)`."""
    disk = Disk(files)
    for moment, operation in enumerate(journal.operations):
        for kept in wanted(moment):
            yield moment, operation.snapshot, kept, disk.image(kept, rng)
        disk.do(operation)


def _applied(content: bytearray | None, operation: Operation) -> bytearray | None:
    if operation.kind == "delete":
        return None
    content = bytearray() if content is None else content
    if operation.kind == "truncate":
        del content[operation.at :]
    else:
        content.extend(bytes(max(0, operation.at - len(content))))
        content[operation.at : operation.at + len(operation.data)] = operation.data
    return content


def _surviving(operation: Operation, kept: Kept, rng: random.Random) -> Iterator[Operation]:
    """The part of an unsynced operation that survives."""
    luck = {"nothing": 1.0, "all": 0.0, "some": rng.random()}[kept]
    if luck < 0.4:
        yield operation
    elif luck < 0.6 and operation.kind == "write":
        first = -operation.at % SECTOR
        cuts = [0, *range(first or SECTOR, len(operation.data), SECTOR), len(operation.data)]
        for start, end in pairwise(cuts):
            if rng.random() < 0.5:
                yield Operation("write", operation.file, operation.at + start, operation.data[start:end])
