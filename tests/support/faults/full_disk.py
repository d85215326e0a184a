"""Real file systems of a few hundred kilobytes, where the tests may mount one."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A file system mounted at `place`."""

    place: Path

    @property
    def free(self) -> int:
        """Free space, in bytes."""
        found = os.statvfs(self.place)
        return found.f_bavail * found.f_frsize

    def fill(self, *, leave: int = 0) -> None:
        """Write a file that leaves `leave` bytes free."""
        with (self.place / "filler").open("wb") as file:
            file.write(bytes(max(self.free - leave, 0)))

    def empty(self) -> None:
        """Delete that file."""
        (self.place / "filler").unlink(missing_ok=True)

    def read_only(self) -> None:
        """Remount it read-only."""
        _run("mount", "-o", "remount,ro", str(self.place))


@contextmanager
def small_disk(place: Path, *, kilobytes: int = 1024) -> Iterator[Disk]:
    """A tmpfs of so many kilobytes; the test is skipped where it may not be mounted."""
    place.mkdir()
    try:
        _run("mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place))
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a disk can only be mounted by root")
    try:
        yield Disk(place=place)
    finally:
        _run("umount", "--lazy", str(place))


def _run(program: str, *words: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise OSError(f"there is no {program}")
    subprocess.run([found, *words], check=True, capture_output=True)
