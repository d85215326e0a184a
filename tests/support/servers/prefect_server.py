"""A Prefect server for the tests: one per test run, on a free port, with its data in a temporary folder."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_HOME,
    PREFECT_LOGGING_LEVEL,
    PREFECT_SERVER_ANALYTICS_ENABLED,
    PREFECT_SERVER_EPHEMERAL_ENABLED,
    temporary_settings,
)

from tests.support.servers.shared import shared

BIN = Path(sys.executable).parent
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class PrefectServer:
    """A running server, and the environment in which child processes use it."""

    api: str
    environment: dict[str, str]


@contextmanager
def prefect_server(folders: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """The Prefect server of this test run, which this process's Prefect settings name as well."""
    with shared(folders, "prefect", _start) as given:
        settings = {
            PREFECT_API_URL: given["PREFECT_API_URL"],
            PREFECT_HOME: Path(given["PREFECT_HOME"]),
            PREFECT_SERVER_ANALYTICS_ENABLED: False,
            PREFECT_SERVER_EPHEMERAL_ENABLED: False,
            PREFECT_LOGGING_LEVEL: "WARNING",
        }
        with temporary_settings(settings):
            yield PrefectServer(api=given["PREFECT_API_URL"], environment={**os.environ, **given})


def _start(folder: Path) -> tuple[dict[str, str], list[int]]:
    port = free_port()
    given = {
        "PREFECT_HOME": str(folder / "home"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
        "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        "DO_NOT_TRACK": "1",
    }
    command = [str(BIN / "prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "server.log").open("ab") as log:
        server = subprocess.Popen(
            command,
            env={**os.environ, **given},
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        wait_until(lambda: answers(port), what="Prefect's server")
    except BaseException:
        server.kill()
        raise
    return given, [server.pid]


@contextmanager
def program(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A running child process, stopped at the end of the block; its output is appended to the file `log`."""
    with log.open("ab") as file:
        child = subprocess.Popen(
            command, env=environment, stdout=file, stderr=file, stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            yield child
        finally:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                try:
                    child.wait(15)
                except subprocess.TimeoutExpired:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait(5)


def wait_until(question: Callable[[], T | None], *, seconds: float = 300, what: str = "it") -> T:
    """Poll until the answer is true, and return it."""
    until = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > until:
            raise AssertionError(f"{what} did not come within {seconds} s")
        time.sleep(0.03)


def answers(port: int) -> bool:
    """Whether the server answers its health check."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/api/health", timeout=2) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
