"""The wake-up channel of one machine."""

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun

from flowbuilder.prefect.api.wakeup_channel import MAX_BYTES, WakeUpListener, wake_workers
from tests.support.documents import NOTE
from tests.support.servers.prefect_installation import PrefectInstallation, until


class Received(list[tuple[str, FlowRun | None]]):
    """The wake-ups that a listener has received."""

    def __call__(self, execution_id: str, run: FlowRun | None) -> None:
        self.append((execution_id, run))


async def test_a_wake_up_reaches_every_listed_worker(tmp_path: Path) -> None:
    received = Received()
    async with WakeUpListener(tmp_path, received), WakeUpListener(tmp_path, received):
        assert await asyncio.to_thread(wake_workers, tmp_path, "abc")
        await until(lambda: len(received) == 2, what="both wake-ups")
    assert received == [("abc", None), ("abc", None)]
    assert list((tmp_path / "workers").iterdir()) == []


async def test_a_wake_up_carries_the_flow_run_if_it_is_short(tmp_path: Path) -> None:
    received = Received()
    run = FlowRun(id=uuid4(), flow_id=uuid4(), name="über uns, two words")
    long = FlowRun(id=uuid4(), flow_id=uuid4(), name=MAX_BYTES * "x")
    async with WakeUpListener(tmp_path, received):
        for sent in (run, long):
            assert await asyncio.to_thread(wake_workers, tmp_path, str(sent.id), sent.model_dump_json())
        await until(lambda: len(received) == 2, what="both wake-ups")
    assert dict(received) == {str(run.id): run, str(long.id): None}


async def test_a_flow_run_that_cannot_be_read_or_is_another_one_does_not_stop_the_wake_up(tmp_path: Path) -> None:
    received = Received()
    other = FlowRun(id=uuid4(), flow_id=uuid4(), name="other")
    async with WakeUpListener(tmp_path, received):
        for execution_id, text in (("abc", "{}"), ("def", "no JSON"), ("ghi", other.model_dump_json())):
            assert await asyncio.to_thread(wake_workers, tmp_path, execution_id, text)
        await until(lambda: len(received) == 3, what="the wake-ups")
    assert dict(received) == {"abc": None, "def": None, "ghi": None}


@pytest.mark.prefect
async def test_a_worker_does_not_read_a_flow_run_that_came_with_the_wake_up(
    installation: PrefectInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    async with installation.worker() as worker:
        for loop in worker._loops:  # only the wake-up reaches it
            loop.cancel()
        await worker._notifications.stop()
        monkeypatch.setattr(worker.dispatcher.client, "read_flow_run", asked.append)
        execution_id = await installation.start(installation.publish(NOTE), {"text": "hello"})
        await installation.status(execution_id, "waiting")
    assert asked == []


async def test_a_wake_up_without_the_token_is_ignored(tmp_path: Path) -> None:
    received = Received()
    async with WakeUpListener(tmp_path, received):
        [file] = (tmp_path / "workers").glob("*.json")
        port = json.loads(file.read_text())["port"]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"guess abc\n")
        await writer.drain()
        assert await reader.read() == b""
        writer.close()
    assert received == []


async def test_only_the_user_may_read_the_token(tmp_path: Path) -> None:
    async with WakeUpListener(tmp_path, Received()):
        [file] = (tmp_path / "workers").glob("*.json")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_without_workers_no_wake_up_is_received(tmp_path: Path) -> None:
    assert not wake_workers(tmp_path, "abc")


def test_the_file_of_a_killed_worker_is_deleted(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    folder = tmp_path / "workers"
    folder.mkdir()
    record = {"host": socket.gethostname(), "pid": child.pid, "port": 1, "token": "t"}
    (folder / "killed.json").write_text(json.dumps(record))
    (folder / "elsewhere.json").write_text(json.dumps({**record, "host": "elsewhere", "pid": os.getpid()}))
    assert not wake_workers(tmp_path, "abc")
    assert [file.name for file in folder.iterdir()] == ["elsewhere.json"]
