"""Files and folders that only their owner can read: the database, backups, logs, and the files of running processes.

The modes are 0600 and 0700 under every umask.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

FILE_MODE, FOLDER_MODE = 0o600, 0o700
UMASK = 0o077
"""The umask of programs that write private files for flowbuilder."""
_OTHERS = 0o077


def private_folder(path: Path) -> Path:
    """Create a folder and its missing parents, or close an existing one to others; returns it. `OSError`."""
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            path.mkdir(mode=FOLDER_MODE)
            path.chmod(FOLDER_MODE)
    close_to_others(path)
    return path


def open_private(path: Path, flags: int) -> int:
    """A descriptor of a file, created if it is missing; an existing one is closed to others. `OSError`."""
    descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    found = os.fstat(descriptor)
    if stat.S_IMODE(found.st_mode) != FILE_MODE and found.st_uid == os.geteuid():
        with suppress(OSError):  # a file system without modes
            os.fchmod(descriptor, FILE_MODE)
    return descriptor


def create_private_file(path: Path) -> None:
    """Create an empty file, or empty an existing one. `OSError`."""
    os.close(open_private(path, os.O_WRONLY | os.O_TRUNC))


def close_to_others(path: Path) -> None:
    """Take a file's or folder's permissions from all users but its owner. Changes nothing that belongs to another user,
    nor a folder that is shared by design (sticky), nor the user's own home folder."""
    with suppress(OSError):
        found = path.stat()
        mode = stat.S_IMODE(found.st_mode)
        if found.st_uid != os.geteuid() or mode & stat.S_ISVTX or not mode & _OTHERS:
            return
        if stat.S_ISDIR(found.st_mode) and path.resolve() in (Path.home().resolve(), Path("/")):
            return
        path.chmod(mode & ~_OTHERS)


def close_tree_to_others(folder: Path) -> None:
    """`close_to_others` for a folder and everything below it. Symbolic links are not followed."""
    close_to_others(folder)
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            if not path.is_symlink():
                close_to_others(path)


def is_open_to_others(path: Path) -> bool:
    """Whether users other than the owner have any permission on an existing file or folder."""
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & _OTHERS)
    except OSError:
        return False
