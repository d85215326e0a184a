"""Backup of the database to a file, and restore from it.

A restored database lacks what happened since the backup. So all leases are void, and executions that were active are
marked: before they repeat an effect on a target that cannot recognise repetitions, a person has to approve it.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select, update

from flowbuilder.errors import Refused, Unavailable
from flowbuilder.model.event_data import ExecutionReleased
from flowbuilder.model.execution import TERMINAL
from flowbuilder.ports import Clock
from flowbuilder.ports.private_files import create_private_file
from flowbuilder.store import postgres_backup, sqlite_backup
from flowbuilder.store.db.database import Database
from flowbuilder.store.db.migrations import revision
from flowbuilder.store.db.tables import executions_table, installation_table
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.db.url import display_url, parse_url
from flowbuilder.store.sqlite_backup import sync

EPOCH_INCREMENT = 1_000_000
"""Added to the epoch of restored executions, so that every lease from after the backup is fenced out."""


def backup(url: str, file: Path) -> None:
    """Write a copy of the database to a file that only this user can read; the database may be in use. `Refused` when
    the file exists."""
    if file.exists():
        raise Refused(f"{file} exists already; name another file")
    database = Database(url)
    part = file.with_name(file.name + ".part")
    try:
        if revision(database) is None:
            raise Refused(f"{display_url(database.url)} is empty: there is nothing to back up")
        part.unlink(missing_ok=True)
        create_private_file(part)
        (postgres_backup if database.on_postgres else sqlite_backup).back_up(database, part)
        sync(part)
        part.rename(file)
        sync(file.parent)
    except OSError as problem:
        raise Unavailable(f"the backup {file} cannot be written: {problem.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
        database.close()


def restore(url: str, file: Path, *, replace: bool = False, clock: Clock | None = None) -> int:
    """Restore the database from a backup; returns how many executions in it are active and will be resumed.

    The backup is checked and prepared before the database is touched, and takes its place in one step: a process that
    is killed leaves the old database or the new one. `Refused` when a database exists already, unless `replace`, and
    when a process uses an embedded one; `ConfigurationError` when the file is no backup that this release can use.
    `clock` is for tests.
    """
    try:
        if not file.is_file():
            raise Refused(f"{file} is no file" if file.exists() else f"there is no file {file}")
        if parse_url(url).get_backend_name() != "sqlite":
            return postgres_backup.restore(url, file, _fence_and_requeue, replace=replace, clock=clock)
        return sqlite_backup.restore(url, file, _fence_and_requeue, replace=replace, clock=clock)
    except OSError as problem:
        raise Unavailable(f"cannot restore {file}: {problem.filename or file}: {problem.strerror}") from None


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
