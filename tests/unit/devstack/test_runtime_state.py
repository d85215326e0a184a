"""Where the parts are is written down for other commands, and forgotten with the process that wrote it."""

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
from flowbuilder.devstack.up import everything
from flowbuilder.errors import ConfigurationError, Refused
from flowbuilder.settings import Settings

HERE = RuntimeState(pid=os.getpid(), prefect="http://127.0.0.1:4200", review="http://127.0.0.1:8501")


def test_addresses_are_found_while_their_process_lives(tmp_path: Path) -> None:
    assert read_runtime_state(tmp_path) is None
    write_runtime_state(tmp_path, HERE)
    assert read_runtime_state(tmp_path) == HERE
    remove_runtime_state(tmp_path)
    assert read_runtime_state(tmp_path) is None


def test_addresses_of_a_process_that_is_gone_mean_nothing(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    write_runtime_state(tmp_path, RuntimeState(pid=int(ended.stdout), prefect="http://x", review="http://y"))
    assert read_runtime_state(tmp_path) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}', '{"other": 1}'])
def test_a_broken_file_of_addresses_means_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "running.json").write_text(content)
    assert read_runtime_state(tmp_path) is None


def test_commands_mean_the_prefect_server_of_this_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    write_runtime_state(tmp_path, HERE)
    use_running_prefect(tmp_path)
    assert os.environ["PREFECT_API_URL"] == "http://127.0.0.1:4200/api"


def test_a_prefect_server_that_was_named_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://elsewhere/api")
    write_runtime_state(tmp_path, HERE)
    use_running_prefect(tmp_path)
    assert os.environ["PREFECT_API_URL"] == "http://elsewhere/api"


def test_a_taken_port_says_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port}, meant for the review app.*--review-port PORT"):
            ensure_free(port, what="the review app", option="--review-port")


def test_a_second_one_in_the_same_home_is_refused(tmp_path: Path) -> None:
    write_runtime_state(tmp_path, HERE)
    with (
        pytest.raises(Refused, match="runs already"),
        everything(Settings(home=tmp_path), prefect_port=1, review_port=2, tell=print),
    ):
        pass
