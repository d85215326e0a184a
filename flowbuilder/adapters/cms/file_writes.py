"""Reads and writes content files below an open folder: no link is followed, and a file keeps its mode and owner."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from flowbuilder.errors import StepError
from flowbuilder.values import digest_text

MAX_BYTES = 8 * 1024 * 1024
NEW_FILE = 0o644
_LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:"
NEW_FOLDER = 0o755


def read_text(folder: int, name: str, url: str) -> str:
    """The text of a file, with its BOM and line endings. `FileNotFoundError`; `StepError` (`too_large`, `not_text`,
    `symlink`, `not_readable`)."""
    with _explained(name, "read"):
        descriptor = _opened(folder, name, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise FileNotFoundError(name)
            content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise StepError(f"the page {url:.200} is larger than {MAX_BYTES:,} bytes", code="too_large")
    if b"\0" in content:
        raise StepError(f"the page {url:.200} has the character NUL, which text does not have", code="not_text")
    if content.startswith(_LFS_POINTER):
        message = f"the page {url:.200} is in Git LFS, and its file here holds only the pointer: run git lfs pull"
        raise StepError(message, code="not_text")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise StepError(f"the page {url:.200} is not UTF-8 text", code="not_text") from None


@contextmanager
def open_folder(root: int, parts: tuple[str, ...], *, make: bool = False) -> Iterator[int]:
    """A folder below `root`, opened without following links; with `make`, made where it is missing."""
    current = os.dup(root)
    try:
        for part in parts:
            if make:
                with suppress(FileExistsError), _explained(part, "written"):
                    os.mkdir(part, NEW_FOLDER, dir_fd=current)
            following = _opened(current, part, os.O_RDONLY | os.O_DIRECTORY)
            os.close(current)
            current = following
        yield current
    finally:
        os.close(current)


def create_file(folder: int, name: str, text: str) -> None:
    """Write a new file durably; `FileExistsError` when there is one."""
    with _explained(name, "written"), _draft(folder, name, text.encode(), None) as draft:
        os.link(draft, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        os.unlink(draft, dir_fd=folder)
        os.fsync(folder)


def replace_file(folder: int, name: str, text: str) -> None:
    """Replace the content of a file, atomically and durably, and keep its mode, owner, group and extended attributes.

    `StepError`, and nothing is written, where it is read-only (`read_only`, also for root), has several names
    (`hard_link`), or belongs to a user or group that cannot be kept (`owner`).
    """
    with _explained(name, "written"):
        held = _opened(folder, name, os.O_RDONLY | os.O_NONBLOCK)
        try:
            _ensure_replaceable(folder, name, os.fstat(held))
            with _draft(folder, name, text.encode(), held) as draft:
                os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
                os.fsync(folder)
        finally:
            os.close(held)


def refusal_of(folder: int, name: str) -> StepError | None:
    """The error with which `replace_file` refuses the file as it is, as far as its mode and names tell."""
    try:
        with _explained(name, "written"):
            _ensure_replaceable(folder, name, os.stat(name, dir_fd=folder, follow_symlinks=False))
    except StepError as problem:
        return problem
    return None


def remove_file(folder: int, name: str) -> None:
    """Delete a file durably. `StepError` (`read_only`) where it is read-only."""
    with _explained(name, "deleted"):
        _ensure_writable(folder, name, os.stat(name, dir_fd=folder, follow_symlinks=False))
        os.unlink(name, dir_fd=folder)
        os.fsync(folder)


def _ensure_replaceable(folder: int, name: str, held: os.stat_result) -> None:
    _ensure_writable(folder, name, held)
    if held.st_nlink > 1:
        raise _refusal(
            f"{name} has {held.st_nlink} names (hard links), and a write would separate them: "
            f"make it a file of its own (cp -p {name} copy && mv copy {name})",
            "hard_link",
        )


def _ensure_writable(folder: int, name: str, held: os.stat_result) -> None:
    user = os.geteuid()
    is_owner = user in (0, held.st_uid)  # root may write everything: for root the mode of the owner counts
    allowed = held.st_mode & stat.S_IWUSR if is_owner else os.access(name, os.W_OK, dir_fd=folder, effective_ids=True)
    if not allowed:
        mode = f"{stat.S_IMODE(held.st_mode):04o}"
        raise _refusal(f"{name} is read-only (mode {mode}): chmod u+w it to let it be changed", "read_only")


@contextmanager
def _draft(folder: int, name: str, content: bytes, held: int | None) -> Iterator[str]:
    """The name of a file beside it that has the content, with mode, owner and attributes of the open file `held`.

    One name for each file: what a crash leaves behind, the next write removes. The caller holds the lock of the root.
    """
    draft = f".{digest_text(name)[:16]}.flowbuilder"  # short, where the name is as long as a name can be
    with suppress(FileNotFoundError):
        os.unlink(draft, dir_fd=folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(draft, flags, NEW_FILE if held is None else 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if held is not None:
                _copy_attributes(held, descriptor, name)
            os.fsync(descriptor)
        yield draft
    finally:
        with suppress(FileNotFoundError):
            os.unlink(draft, dir_fd=folder)


def _copy_attributes(held: int, draft: int, name: str) -> None:
    known, made = os.fstat(held), os.fstat(draft)
    if (known.st_uid, known.st_gid) != (made.st_uid, made.st_gid):
        try:
            os.fchown(draft, known.st_uid, known.st_gid)
        except PermissionError:
            raise _refusal(
                f"{name} belongs to user {known.st_uid} and group {known.st_gid}, which this process (user "
                f"{os.geteuid()}) cannot keep: run it as that user, or give it the file",
                "owner",
            ) from None
    os.fchmod(draft, stat.S_IMODE(known.st_mode))
    if hasattr(os, "listxattr"):
        with suppress(OSError):  # a file system without them
            for attribute in os.listxattr(held):
                with suppress(OSError):  # some are the system's own
                    os.setxattr(draft, attribute, os.getxattr(held, attribute))


def _opened(folder: int, name: str, flags: int) -> int:
    try:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except OSError as problem:
        # a symbolic link gives ELOOP, with O_DIRECTORY ENOTDIR; a file in place of a folder means there is no page
        if problem.errno == errno.ENOTDIR and not _is_link(folder, name):
            raise FileNotFoundError(name) from None
        if problem.errno in (errno.ELOOP, errno.ENOTDIR):
            raise StepError(f"{name} is a symbolic link; links are not followed", code="symlink") from None
        raise


def _is_link(folder: int, name: str) -> bool:
    return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)


@contextmanager
def _explained(name: str, work: str) -> Iterator[None]:
    """Errors of the system as errors of the step; a missing or existing file stays what it is."""
    try:
        yield
    except (FileNotFoundError, FileExistsError):
        raise
    except OSError as problem:
        code = "not_readable" if work == "read" else "not_writable"
        raise _refusal(f"{name} cannot be {work}: {problem.strerror}", code) from None


def _refusal(message: str, code: str) -> StepError:
    return StepError(message, code=code, definitive=True)
