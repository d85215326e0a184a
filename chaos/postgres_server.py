"""A temporary, durable PostgreSQL server that can be crashed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NoPostgres(Exception):
    """PostgreSQL is not installed."""


class PostgresServer:
    """A running server; `url` names its database."""

    def __init__(self, binaries: Path, data: Path, port: int) -> None:
        self._binaries, self._data = binaries, data
        self._lock = threading.Lock()
        self.url = f"postgresql://postgres@127.0.0.1:{port}/postgres"

    def crash(self) -> None:
        """Stop it without a checkpoint, as a power loss would, and start it again."""
        with self._lock:
            self.control("restart", "-m", "immediate")

    def control(self, *words: str) -> None:
        """Run `pg_ctl`."""
        run(self._binaries, "pg_ctl", "-D", str(self._data), "-w", *words)


@contextmanager
def start_postgres(folder: Path) -> Iterator[PostgresServer]:
    """Start a new server with its data in the folder; stop it at the end. `NoPostgres` when it is not installed."""
    binaries, data, port = find_binaries(), folder / "postgresql", free_port()
    data.mkdir(parents=True)
    if os.geteuid() == 0:  # its programs refuse to run as root
        shutil.chown(data, "postgres", "postgres")
    run(binaries, "initdb", "-D", str(data), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync")
    running = PostgresServer(binaries, data, port)
    options = f"-p {port} -h 127.0.0.1 -k '' -c max_connections=300 -c shared_buffers=64MB"
    running.control("start", "-o", options, "-l", str(data / "log"))
    try:
        yield running
    finally:
        running.control("stop", "-m", "immediate")


def find_binaries() -> Path:
    """The binaries of the newest PostgreSQL of the system, else of the package pgserver."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if found:
        return found[-1]
    on_path = shutil.which("pg_ctl")
    if on_path and shutil.which("initdb"):
        return Path(on_path).resolve().parent
    try:
        import pgserver
    except ImportError:
        raise NoPostgres("PostgreSQL is not installed: install it, or run with --database sqlite") from None
    return Path(pgserver.__file__).parent / "pginstall" / "bin"


def run(binaries: Path, program: str, *words: str) -> None:
    """Run one of PostgreSQL's programs; `RuntimeError` with the end of its output when it fails."""
    command = [str(binaries / program), *words]
    if os.geteuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60, cwd="/", check=False)
    if done.returncode:
        raise RuntimeError(f"{program} failed: {done.stderr.decode(errors='replace')[-500:]}")


def free_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
