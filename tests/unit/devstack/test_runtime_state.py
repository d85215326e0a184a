"""The runtime state file is valid while the process that wrote it runs; a second stack in the same home is refused."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from flowbuilder.devstack.probes import ensure_free
from flowbuilder.devstack.runtime_state import (
    RuntimeState,
    read_runtime_state,
    remove_runtime_state,
    use_running_prefect,
    write_runtime_state,
)
from flowbuilder.devstack.up import start_dev_stack
from flowbuilder.errors import ConfigurationError, Refused
from flowbuilder.settings import Settings

STATE = RuntimeState(pid=os.getpid(), prefect="http://127.0.0.1:4200", review="http://127.0.0.1:8501")


def test_the_state_is_read_while_its_process_runs(tmp_path: Path) -> None:
    assert read_runtime_state(tmp_path) is None
    write_runtime_state(tmp_path, STATE)
    assert read_runtime_state(tmp_path) == STATE
    remove_runtime_state(tmp_path)
    assert read_runtime_state(tmp_path) is None


def test_the_state_of_an_exited_process_is_ignored(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    write_runtime_state(tmp_path, RuntimeState(pid=int(ended.stdout), prefect="http://x", review="http://y"))
    assert read_runtime_state(tmp_path) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}', '{"other": 1}'])
def test_an_unreadable_state_file_is_ignored(tmp_path: Path, content: str) -> None:
    (tmp_path / "running.json").write_text(content)
    assert read_runtime_state(tmp_path) is None


def test_commands_use_the_prefect_server_of_this_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    write_runtime_state(tmp_path, STATE)
    use_running_prefect(tmp_path)
    assert os.environ["PREFECT_API_URL"] == "http://127.0.0.1:4200/api"


def test_a_configured_prefect_server_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://elsewhere/api")
    write_runtime_state(tmp_path, STATE)
    use_running_prefect(tmp_path)
    assert os.environ["PREFECT_API_URL"] == "http://elsewhere/api"


def test_the_error_for_a_taken_port_says_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"cannot use port {port} for the review app.*--review-port PORT"):
            ensure_free(port, what="the review app", option="--review-port")


def test_a_second_stack_in_the_same_home_is_refused(tmp_path: Path) -> None:
    write_runtime_state(tmp_path, STATE)
    with (
        pytest.raises(Refused, match="already running"),
        start_dev_stack(Settings(home=tmp_path), prefect_port=1, review_port=2, on_progress=print),
    ):
        pass
