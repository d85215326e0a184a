"""The supervisor restarts processes that exit, and stops all of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flowbuilder.devstack.probes import responds
from flowbuilder.devstack.process import ProcessSpec
from flowbuilder.devstack.supervisor import MAX_RESTARTS, Stopped, Supervisor
from flowbuilder.errors import Unavailable

SLEEPER = "import time\nprint('here', flush=True)\ntime.sleep(60)"


def spec(code: str, *, name: str = "part", health: str = "", start_timeout: float = 10.0) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        command=[sys.executable, "-c", code],
        environment=dict(os.environ),
        health=health,
        start_timeout=start_timeout,
    )


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


def test_a_process_that_exits_is_restarted(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(spec("raise SystemExit(3)"))
        wait_until(lambda: supervisor.watch_once() == ["part"])


def test_a_process_that_keeps_exiting_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor._exits["part"] = [time.monotonic()] * MAX_RESTARTS
        supervisor.start(spec("print('out of memory', flush=True); raise SystemExit(3)"))
        with pytest.raises(Unavailable, match="out of memory") as caught:
            supervisor.watch()
    assert "exited with code 3" in str(caught.value)


def test_a_process_killed_from_outside_is_restarted_without_limit(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(spec(SLEEPER))
        for _ in range(MAX_RESTARTS + 2):
            os.kill(supervisor._children["part"].pid, signal.SIGKILL)
            wait_until(lambda: supervisor.watch_once() == ["part"])


def test_the_children_of_a_process_are_stopped_with_it(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    code = f"""
import subprocess, sys, time, os, pathlib
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])
pathlib.Path({str(note)!r}).write_text(f'{{os.getpid()}} {{child.pid}}')
time.sleep(60)
"""
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(spec(code))
        wait_until(lambda: note.exists() and len(note.read_text().split()) == 2)
        pids = [int(pid) for pid in note.read_text().split()]
        assert not any(gone(pid) for pid in pids)
    wait_until(lambda: all(gone(pid) for pid in pids))


def test_a_process_that_does_not_get_ready_is_reported_with_its_log(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(spec(SLEEPER, health="http://127.0.0.1:9/", start_timeout=0.5))
        with pytest.raises(
            Unavailable, match=r"part did not respond within 0 seconds|part did not respond within 1 sec"
        ):
            supervisor.wait_until_ready(["part"])


def test_a_process_that_exits_while_starting_is_reported_at_once(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(spec("print('no such table', flush=True); raise SystemExit(1)", health="http://127.0.0.1:9/"))
        with pytest.raises(Unavailable, match="no such table"):
            supervisor.wait_until_ready(["part"])


def test_a_signal_stops_all_processes_even_when_started_with_sigint_ignored(tmp_path: Path) -> None:
    code = f"""
import os, sys, pathlib
from flowbuilder.devstack.supervisor import Supervisor, Stopped
from flowbuilder.devstack.process import ProcessSpec
folder = pathlib.Path({str(tmp_path)!r})
command = [sys.executable, '-c', {SLEEPER!r}]
try:
    with Supervisor(folder) as supervisor:
        supervisor.start(ProcessSpec(name='part', command=command, environment=dict(os.environ)))
        (folder / 'child').write_text(str(supervisor._children['part']._process.pid))
        supervisor.watch()
except Stopped as reason:
    print('stopped by', reason)
"""
    runner = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # noqa: PLW1509
    )
    try:
        wait_until(lambda: (tmp_path / "child").exists() and bool((tmp_path / "child").read_text()))
        child = int((tmp_path / "child").read_text())
        runner.send_signal(signal.SIGINT)
        said, _ = runner.communicate(timeout=15)
    finally:
        runner.kill()
    assert said.strip() == "stopped by SIGINT"
    assert runner.returncode == 0
    wait_until(lambda: gone(child))


def test_stopped_is_not_caught_by_except_exception() -> None:
    assert not issubclass(Stopped, Exception)


def test_a_closed_port_does_not_respond() -> None:
    assert responds("http://127.0.0.1:9/") is False
