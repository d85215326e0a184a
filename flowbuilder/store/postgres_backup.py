"""Backup and restore of a PostgreSQL database, by `pg_dump` and `pg_restore`.

A restore is one transaction: `pg_restore` only turns the backup into SQL, which is executed here together with what has
to be done to the restored rows.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from sqlalchemy import text

from flowbuilder.errors import ConfigurationError, Refused, Unavailable
from flowbuilder.ports import Clock
from flowbuilder.store.db.database import Database
from flowbuilder.store.db.indexes import metadata
from flowbuilder.store.db.migrations import NEWEST, VERSION_TABLE, ensure_usable, migrate, revision, revision_in
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.db.url import display_url

_COPY = re.compile(rb"COPY (?:\S+\.)?\"?(\w+)\"? \((.*)\) FROM stdin;\n")
_END_OF_ROWS = b"\\.\n"
_OF_PSQL = (b"\\restrict ", b"\\unrestrict ")
"""The commands in a script that are for psql only."""


def back_up(database: Database, part: Path) -> None:
    """Write a backup to an existing file."""
    plain = database.url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    environment = {**os.environ, **({"PGPASSWORD": database.url.password} if database.url.password else {})}
    command = [_program("pg_dump"), "--format=custom", "--no-owner", "--file", str(part), "--dbname", plain]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise Unavailable(f"pg_dump failed: {' '.join(done.stderr.split())[:400]}")


def restore(url: str, file: Path, prepare: Callable[[Transaction], int], *, replace: bool, clock: Clock | None) -> int:
    """Restore from a backup, in one transaction with `prepare`, whose result is returned."""
    _check(file)
    database = Database(url, clock=clock)
    try:
        if revision(database) is not None and not replace:
            raise Refused(
                f"{display_url(database.url)} exists already; stop everything that uses it, then use --replace"
            )

        def work(transaction: Transaction) -> int:
            _replace_tables(transaction, file)
            if revision_in(transaction.connection) != NEWEST:
                migrate(database, "upgrade", "head", connection=transaction.connection)
            return prepare(transaction)

        return database.write(work)
    finally:
        database.close()


def _check(file: Path) -> None:
    """Read the whole backup. `ConfigurationError` when it is damaged, or of no release that this one can use."""
    with file.open("rb") as opened:
        header = opened.read(16)
    if header.startswith(b"SQLite format 3"):
        raise ConfigurationError(f"{file} is a backup of a SQLite database, and this one is PostgreSQL")
    if not header.startswith(b"PGDMP"):
        raise ConfigurationError(f"{file} is {'no backup of a PostgreSQL database' if header else 'empty'}")
    found: dict[tuple[str, str], str] = {}
    with _script(file) as script:
        for table, columns, _, rows in _parts(script, file):
            for row in rows:
                if table in (VERSION_TABLE, "installation"):
                    values = row.decode("utf-8", "replace").rstrip("\n").split("\t")
                    found |= {(table, name): value for name, value in zip(columns, values, strict=True)}
    if (VERSION_TABLE, "version_num") not in found:
        raise ConfigurationError(f"{file} is not a backup of flowbuilder: it is a database of something else")
    generation = int(found.get(("installation", "min_code"), "0"))
    ensure_usable(found[VERSION_TABLE, "version_num"], generation, str(file))


def _replace_tables(transaction: Transaction, file: Path) -> None:
    for name in (*metadata.tables, VERSION_TABLE):  # those of a newer release too, which the script does not name
        transaction.connection.execute(text(f'DROP TABLE IF EXISTS "{name}" CASCADE'))
    connection: Any = transaction.connection.connection.driver_connection
    with _script(file) as script, connection.cursor() as cursor:
        for table, _, statement, rows in _parts(script, file):
            if not table:
                cursor.execute(statement)
                continue
            with cursor.copy(statement) as copy:
                for row in rows:
                    copy.write(row)
        cursor.execute("RESET search_path")  # which the script empties


@contextmanager
def _script(file: Path) -> Iterator[IO[bytes]]:
    """The backup as SQL. `ConfigurationError` when it cannot be read to its end."""
    command = [_program("pg_restore"), "--no-owner", "--clean", "--if-exists", "--file=-", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        yield process.stdout
        problem = process.stderr.read().decode(errors="replace")
    if process.returncode:
        raise ConfigurationError(f"{file} is damaged: {' '.join(problem.split())[:300]}")


def _parts(script: IO[bytes], file: Path) -> Iterator[tuple[str, list[str], bytes, Iterator[bytes]]]:
    """The parts of a script: statements (without a table), and for each table its columns, COPY statement and rows."""
    statements: list[bytes] = []
    for line in script:
        if copied := _COPY.fullmatch(line):
            yield "", [], b"".join(statements), iter(())
            statements = []
            columns = [name.strip().strip('"') for name in copied[2].decode().split(",")]
            yield copied[1].decode(), columns, line.rstrip(b";\n"), _rows(script, file)
        elif not line.startswith(_OF_PSQL):
            statements.append(line)
    yield "", [], b"".join(statements), iter(())


def _rows(script: IO[bytes], file: Path) -> Iterator[bytes]:
    for line in script:
        if line == _END_OF_ROWS:
            return
        yield line
    raise ConfigurationError(f"{file} is damaged: it ends within a table")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ConfigurationError(f"{name} is not installed here; install PostgreSQL's client programs")
    return found
