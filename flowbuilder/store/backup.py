"""A copy of the database as it was in one moment, and a database made from such a copy.

What is restored has forgotten what happened since. So leases are void, and each execution that was active is marked: an
effect on a target that cannot tell a repetition is confirmed by a person before such an execution makes it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from flowbuilder.errors import ConfigurationError, Refused, Unavailable
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import TERMINAL
from flowbuilder.ports import Clock
from flowbuilder.store.db.database import Database
from flowbuilder.store.db.migrations import revision
from flowbuilder.store.db.sqlite import library
from flowbuilder.store.db.tables import executions, installation
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.db.url import shown

EPOCHS = 1_000_000
"""How far restored executions are ahead of any worker that still holds a lease of the time after the backup."""


def backup(url: str, file: Path) -> None:
    """Write a copy of the database to a file, while others go on writing. `Refused` when the file is there already."""
    if file.exists():
        raise Refused(f"{file} is there already; name another file")
    database = Database(url)
    try:
        if revision(database) is None:
            raise Refused(f"{shown(database.url)} is empty: there is nothing to back up")
        part = file.with_name(file.name + ".part")
        part.unlink(missing_ok=True)
        _dump(database, part) if database.on_postgres else _copy(database, part)
        _sync(part)
        part.rename(file)
        _sync(file.parent)
    finally:
        database.close()


def restore(url: str, file: Path, *, replace: bool = False, clock: Clock | None = None) -> int:
    """Make the database from a backup; returns how many executions were active in it and go on.

    Nothing may work on it meanwhile. `Refused` when there is a database already, unless it is to be replaced.
    `clock` is for tests.
    """
    if not file.exists():
        raise Refused(f"there is no file {file}")
    database = Database(url, clock=clock)
    try:
        if database.on_postgres:
            _load(database, file, replace=replace)
        else:
            _put(database, file, replace=replace)
        return database.write(_mark)
    finally:
        database.close()


def _copy(database: Database, part: Path) -> None:
    module, _ = library()
    source = database.engine.raw_connection()
    target = module.connect(part)
    try:
        _driver(source).backup(target)
        _ensure_sound(target, part)
    finally:
        target.close()
        source.close()


def _put(database: Database, file: Path, *, replace: bool) -> None:
    module, _ = library()
    place = Path(database.url.database or "")
    if place.exists() and not replace:
        raise Refused(f"{place} is there already; stop everything that uses it, then say --replace")
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(place.name + ".part")
    shutil.copyfile(file, part)
    copied = module.connect(part)
    try:
        _ensure_sound(copied, file)
    finally:
        copied.close()
    _sync(part)
    for leftover in ("-wal", "-shm", "-journal"):  # of the old file: they would be taken for those of the new one
        place.with_name(place.name + leftover).unlink(missing_ok=True)
    part.rename(place)
    _sync(place.parent)


def _ensure_sound(connection: Any, file: Path) -> None:
    try:
        (answer,) = connection.execute("PRAGMA integrity_check").fetchone()
    except Exception as problem:  # the driver's own class, which depends on the library
        answer = str(problem)
    if answer != "ok":
        raise ConfigurationError(f"{file} is damaged: {answer}")


def _dump(database: Database, part: Path) -> None:
    _tool("pg_dump", database, "--format=custom", "--no-owner", "--file", str(part))


def _load(database: Database, file: Path, *, replace: bool) -> None:
    if revision(database) is not None and not replace:
        raise Refused(f"{shown(database.url)} is there already; stop everything that uses it, then say --replace")
    _tool(
        "pg_restore", database, "--no-owner", "--clean", "--if-exists", "--single-transaction", str(file), to="--dbname"
    )


def _tool(program: str, database: Database, *words: str, to: str = "--dbname") -> None:
    found = shutil.which(program)
    if found is None:
        raise ConfigurationError(f"{program} is not installed here; install PostgreSQL's client programs")
    plain = database.url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    environment = {**os.environ, **({"PGPASSWORD": database.url.password} if database.url.password else {})}
    done = subprocess.run([found, *words, to, plain], capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise Unavailable(f"{program} failed: {' '.join(done.stderr.split())[:400]}")


def _mark(transaction: Transaction) -> int:
    transaction.run(update(installation).values(incarnation=installation.c.incarnation + 1))
    active = select(executions.c.flow_run_id).where(executions.c.status.not_in(sorted(TERMINAL)))
    ids = transaction.run(active.order_by(executions.c.id)).scalars().all()
    for execution_id in ids:
        row = transaction.lock(execution_id)
        status = "queued" if row.status == "running" else row.status
        transaction.change(
            row.id,
            status=status,
            epoch=row.epoch + EPOCHS,
            holder=None,
            lease_until=None,
            ready_at=None if status == "paused" else transaction.now(),
            restored=1,
        )
        event = NewEvent(type="execution_released", data={"reason": "restored from a backup"})
        transaction.write(row, [event], epoch=row.epoch + EPOCHS)
    return len(ids)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _driver(connection: Any) -> Any:
    return connection.driver_connection
