"""Backup of the database to a file, and restore from it.

A restored database lacks what happened since the backup. So all leases are void, and executions that were active are
marked: before they repeat an effect on a target that cannot recognise repetitions, a person has to approve it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from flowbuilder.errors import ConfigurationError, Refused, Unavailable
from flowbuilder.model.event_data import ExecutionReleased
from flowbuilder.model.execution import TERMINAL
from flowbuilder.ports import Clock
from flowbuilder.store.db.database import Database
from flowbuilder.store.db.migrations import revision
from flowbuilder.store.db.sqlite import library
from flowbuilder.store.db.tables import executions_table, installation_table
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.db.url import display_url

EPOCH_INCREMENT = 1_000_000
"""Added to the epoch of restored executions, so that every lease from after the backup is fenced out."""


def backup(url: str, file: Path) -> None:
    """Write a copy of the database to a file; it may be in use. `Refused` when the file exists."""
    if file.exists():
        raise Refused(f"{file} exists already; name another file")
    database = Database(url)
    try:
        if revision(database) is None:
            raise Refused(f"{display_url(database.url)} is empty: there is nothing to back up")
        part = file.with_name(file.name + ".part")
        part.unlink(missing_ok=True)
        _back_up_postgres(database, part) if database.on_postgres else _back_up_sqlite(database, part)
        _sync(part)
        part.rename(file)
        _sync(file.parent)
    finally:
        database.close()


def restore(url: str, file: Path, *, replace: bool = False, clock: Clock | None = None) -> int:
    """Restore the database from a backup; returns how many executions in it are active and will be resumed.

    Nothing else may use the database meanwhile. `Refused` when it exists already, unless `replace`. `clock` is for
    tests.
    """
    if not file.exists():
        raise Refused(f"there is no file {file}")
    database = Database(url, clock=clock)
    try:
        if database.on_postgres:
            _restore_postgres(database, file, replace=replace)
        else:
            _restore_sqlite(database, file, replace=replace)
        return database.write(_fence_and_requeue)
    finally:
        database.close()


def _back_up_sqlite(database: Database, part: Path) -> None:
    module, _ = library()
    source = database.engine.raw_connection()
    target = module.connect(part)
    try:
        _driver(source).backup(target)
        _ensure_intact(target, part)
    finally:
        target.close()
        source.close()


def _restore_sqlite(database: Database, file: Path, *, replace: bool) -> None:
    module, _ = library()
    place = Path(database.url.database or "")
    if place.exists() and not replace:
        raise Refused(f"{place} exists already; stop everything that uses it, then use --replace")
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(place.name + ".part")
    shutil.copyfile(file, part)
    copied = module.connect(part)
    try:
        _ensure_intact(copied, file)
    finally:
        copied.close()
    _sync(part)
    for leftover in ("-wal", "-shm", "-journal"):  # of the old file: SQLite would apply them to the new one
        place.with_name(place.name + leftover).unlink(missing_ok=True)
    part.rename(place)
    _sync(place.parent)


def _ensure_intact(connection: Any, file: Path) -> None:
    try:
        (answer,) = connection.execute("PRAGMA integrity_check").fetchone()
    except Exception as problem:  # the driver's own class, which depends on the library
        answer = str(problem)
    if answer != "ok":
        raise ConfigurationError(f"{file} is damaged: {answer}")


def _back_up_postgres(database: Database, part: Path) -> None:
    _tool("pg_dump", database, "--format=custom", "--no-owner", "--file", str(part))


def _restore_postgres(database: Database, file: Path, *, replace: bool) -> None:
    if revision(database) is not None and not replace:
        raise Refused(f"{display_url(database.url)} exists already; stop everything that uses it, then use --replace")
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


def _fence_and_requeue(transaction: Transaction) -> int:
    transaction.execute(update(installation_table).values(incarnation=installation_table.c.incarnation + 1))
    active = select(executions_table.c.flow_run_id).where(executions_table.c.status.not_in(sorted(TERMINAL)))
    ids = transaction.execute(active.order_by(executions_table.c.id)).scalars().all()
    for execution_id in ids:
        row = transaction.lock(execution_id)
        status = "queued" if row.status == "running" else row.status
        transaction.update_execution(
            row.id,
            status=status,
            epoch=row.epoch + EPOCH_INCREMENT,
            holder=None,
            lease_until=None,
            ready_at=None if status == "paused" else transaction.now(),
            restored=1,
        )
        event = ExecutionReleased(reason="restored from a backup").at()
        transaction.write_events(row, [event], epoch=row.epoch + EPOCH_INCREMENT)
    return len(ids)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _driver(connection: Any) -> Any:
    return connection.driver_connection
