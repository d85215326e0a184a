"""Backup and restore of an embedded database.

A restore builds the new database beside the old one and renames it into place. The old one keeps a second name until
the new one has been opened.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flowbuilder.errors import ConfigurationError, Refused, Unavailable
from flowbuilder.ports import Clock
from flowbuilder.ports.private_files import create_private_file, open_private, private_folder
from flowbuilder.ports.sql.sqlite_library import library
from flowbuilder.store.db.database import Database
from flowbuilder.store.db.migrations import ensure_usable, upgrade
from flowbuilder.store.db.sqlite import LOG_SUFFIXES
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.db.unclean_shutdown import LOCK_SUFFIX
from flowbuilder.store.db.url import display_url, parse_url

MAGIC = b"SQLite format 3\x00"
_COPY, _OLD = ".part", ".before-restore"
"""Suffixes: of the copy that is prepared; of the second name of the old database."""


def back_up(database: Database, part: Path) -> None:
    """Copy an open database to a file, and check the copy."""
    module, _ = library()
    source = database.engine.raw_connection()
    target = module.connect(part)
    try:
        _driver(source).backup(target)
        _ensure_intact(target, part)
    finally:
        target.close()
        source.close()


def restore(url: str, file: Path, prepare: Callable[[Transaction], int], *, replace: bool, clock: Clock | None) -> int:
    """Restore from a backup; `prepare` is done to the new database before it is in place, and its result returned."""
    place = Path(parse_url(url).database or "")
    if place.exists() and not replace:
        raise Refused(f"{place} exists already; stop everything that uses it, then use --replace")
    if place.exists() and place.samefile(file):
        raise Refused(f"{file} is the database itself; name a backup")
    if not place.parent.is_dir():
        private_folder(place.parent)
    part = place.with_name(place.name + _COPY)
    _remove(part)
    try:
        _copy_checked(file, part)
        with _exclusive(place):
            result = _prepared(part, prepare, clock)
            _swap(part, place)
    finally:
        _remove(part)
    return result


def sync(path: Path) -> None:
    """Write a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _exclusive(place: Path) -> Iterator[None]:
    """Nothing else uses an existing database in this block; processes that open it wait. `Refused` when it is used."""
    if not place.exists():
        yield
        return
    lock = open_private(place.with_name(place.name + LOCK_SUFFIX), os.O_RDWR)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"{place} is in use; stop all workers and review apps first") from None
        yield
    finally:
        os.close(lock)


def _copy_checked(file: Path, part: Path) -> None:
    _ensure_complete(file)
    create_private_file(part)
    # without a log, a backup is read as it is: opened normally, it would get files beside it
    logged = any(_size(file.with_name(file.name + suffix)) for suffix in LOG_SUFFIXES if suffix != "-shm")
    options = "mode=ro" if logged else "mode=ro&immutable=1"
    module, _ = library()
    source = module.connect(f"file:{quote(str(file.absolute()))}?{options}", uri=True)
    target = module.connect(part)
    try:
        source.backup(target)
        _ensure_intact(target, file)
        names = {name for (name,) in target.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"flowbuilder_schema", "installation"} <= names:
            raise ConfigurationError(f"{file} is not a backup of flowbuilder: it is a database of something else")
        (revision,) = target.execute("SELECT version_num FROM flowbuilder_schema").fetchone() or ("",)
        (generation,) = target.execute("SELECT min_code FROM installation").fetchone() or (0,)
        ensure_usable(str(revision), int(generation), str(file))
    except module.DatabaseError as problem:
        raise ConfigurationError(f"{file} is damaged: {problem}") from None
    finally:
        target.close()
        source.close()


def _ensure_complete(file: Path) -> None:
    with file.open("rb") as opened:
        header = opened.read(100)
    if header.startswith(b"PGDMP"):
        raise ConfigurationError(f"{file} is a backup of a PostgreSQL database, and this one is SQLite")
    if not header.startswith(MAGIC):
        raise ConfigurationError(f"{file} is {'no backup: it is not a SQLite database' if header else 'empty'}")
    page = int.from_bytes(header[16:18]) if len(header) == 100 else 0
    whole = (65536 if page == 1 else page) * int.from_bytes(header[28:32])
    if _size(file) < max(whole, 100):
        raise ConfigurationError(f"{file} is damaged: it has {_size(file):,} of {whole:,} bytes")


def _ensure_intact(connection: Any, file: Path) -> None:
    try:
        (answer,) = connection.execute("PRAGMA integrity_check").fetchone()
    except Exception as problem:  # the driver's own class, which depends on the library
        answer = str(problem)
    if answer != "ok":
        raise ConfigurationError(f"{file} is damaged: {' '.join(str(answer).split())[:200]}")


def _prepared(part: Path, prepare: Callable[[Transaction], int], clock: Clock | None) -> int:
    url = f"sqlite:///{part}"
    upgrade(url)
    database = Database(url, clock=clock)
    try:
        result = database.write(prepare)
    finally:
        database.close()
    if any(_size(part.with_name(part.name + suffix)) for suffix in LOG_SUFFIXES if suffix != "-shm"):
        raise Unavailable(f"{part} could not be completed; try again")
    sync(part)
    return result


def _swap(part: Path, place: Path) -> None:
    old = place.with_name(place.name + _OLD)
    logs = [place.with_name(place.name + suffix) for suffix in LOG_SUFFIXES]
    _remove(old)
    if place.exists():
        _finish_log(place)
        for path in (place, *logs):
            if path.exists():
                _second_name(path, old.with_name(path.name.replace(place.name, old.name, 1)))
        sync(place.parent)
    for log in logs:  # SQLite would apply them to the new file
        log.unlink(missing_ok=True)
    os.replace(part, place)
    sync(place.parent)
    try:
        _ensure_opens(place)
    except BaseException:
        if old.exists():
            os.replace(old, place)
        raise
    _remove(old)
    sync(place.parent)


def _finish_log(place: Path) -> None:
    """Move the commits of an intact database's log into the database: then it is one file."""
    module, _ = library()
    try:
        connection = module.connect(place)
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.close()
    except module.OperationalError as problem:
        raise Unavailable(f"the old database {place} cannot be closed properly: {problem}") from None
    except module.DatabaseError:
        return  # it is damaged: it is kept as it is, with its logs


def _ensure_opens(place: Path) -> None:
    module, _ = library()
    try:
        connection = module.connect(place)
        try:
            connection.execute("SELECT incarnation FROM installation").fetchone()
        finally:
            connection.close()
    except module.DatabaseError as problem:
        raise Unavailable(f"the restored {display_url(f'sqlite:///{place}')} does not open: {problem}") from None


def _second_name(path: Path, other: Path) -> None:
    try:
        os.link(path, other)
    except OSError:  # a file system without hard links
        create_private_file(other)
        shutil.copyfile(path, other)
        sync(other)


def _remove(database: Path) -> None:
    for suffix in ("", *LOG_SUFFIXES, LOCK_SUFFIX):
        database.with_name(database.name + suffix).unlink(missing_ok=True)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _driver(connection: Any) -> Any:
    return connection.driver_connection
