"""One server for all processes of a test run."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def shared(
    folders: pytest.TempPathFactory, name: str, start: Callable[[Path], tuple[dict[str, Any], list[int]]]
) -> Iterator[dict[str, Any]]:
    """What is known of the server `name`. The first process of the test run starts it: `start` gets a folder and
    returns what the others must know, and the ids of its processes in the order of their start. The last ends them."""
    mine = folders.getbasetemp()
    folder = (mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine) / name
    folder.mkdir(exist_ok=True)
    with _locked(folder) as state:
        if not state:
            known, processes = start(folder)
            state.update(known=known, processes=processes, users=0)
        state["users"] += 1
        known = state["known"]
    try:
        yield known
    finally:
        with _locked(folder) as state:
            state["users"] -= 1
            if state["users"] == 0:
                for process in reversed(state["processes"]):
                    os.kill(process, signal.SIGTERM)
                state.clear()


@contextmanager
def _locked(folder: Path) -> Iterator[dict[str, Any]]:
    """What the processes know in common, for one of them at a time."""
    with (folder / "lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file = folder / "state.json"
        state: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
        try:
            yield state
        finally:
            file.write_text(json.dumps(state))
