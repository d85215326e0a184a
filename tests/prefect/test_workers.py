"""Worker processes, warm ones and Prefect's own: killed, stopped and isolated."""

import asyncio
import json
import signal
import subprocess
import time
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from flowbuilder.prefect.api.sync_client import DEADLINE_SECONDS
from flowbuilder.settings import Settings
from tests.support.documents import NOTE
from tests.support.servers.prefect_installation import (
    GUARD_SECONDS,
    PrefectInstallation,
    flow_run,
    prefect_state,
    until,
)
from tests.support.servers.prefect_server import BIN, PrefectServer, program

pytestmark = pytest.mark.prefect

SLOW = """
schema: flowbuilder/v1
name: slow
inputs: {base: {type: string}}
steps:
  - {id: first, type: code, source: "1"}
  - {id: long, type: api, url: "{{ inputs.base }}/long", depends_on: [first]}
  - {id: last, type: code, with: {body: "{{ steps.long.output.body }}"}, source: "body + '!'"}
outputs: {said: "{{ steps.last.output }}"}
"""


@pytest.fixture
def base(httpserver: HTTPServer) -> str:
    """A site that takes two seconds to answer."""

    def answer(_: Request) -> Response:
        time.sleep(2)
        return Response("done", content_type="text/plain")

    httpserver.expect_request("/long").respond_with_handler(answer)
    return httpserver.url_for("").rstrip("/")


def environment(prefect: PrefectServer, settings: Settings) -> dict[str, str]:
    return {
        **prefect.environment,
        "FLOWBUILDER_HOME": str(settings.home),
        "FLOWBUILDER_DATABASE_URL": settings.url,
        "FLOWBUILDER_WORK_POOL": settings.work_pool,
        "FLOWBUILDER_LEASE_SECONDS": "3",
        "FLOWBUILDER_SWEEP_SECONDS": "1",
        "FLOWBUILDER_EGRESS_ALLOW": "127.0.0.1,localhost",
    }


async def test_an_execution_of_a_killed_worker_is_resumed_by_the_next(
    installation: PrefectInstallation, prefect: PrefectServer, settings: Settings, tmp_path: Path, base: str
) -> None:
    workflow = installation.publish(SLOW)
    given = environment(prefect, settings)
    warm = [str(BIN / "flowbuilder"), "worker"]
    with program(warm, given, tmp_path / "first.log") as first:
        execution_id = await installation.start(workflow, {"base": base})
        await until(lambda: installation.events(execution_id, "step_started", "long"), what="the long step")
        first.kill()
        first.wait()
    # Prefect's own command starts it as well: the collection registers its type
    command = [str(BIN / "prefect"), "worker", "start", "--pool", settings.work_pool, "--type", "flowbuilder"]
    with program(command, given, tmp_path / "second.log"):
        await installation.status(execution_id, "completed")
        await prefect_state(execution_id, "Completed")
    assert len(installation.events(execution_id, "worker_lost")) == 1
    assert len(installation.events(execution_id, "step_started", "first")) == 1
    assert len(installation.events(execution_id, "step_completed", "long")) == 1


async def test_a_terminated_worker_finishes_its_step_and_releases_the_execution(
    installation: PrefectInstallation, prefect: PrefectServer, settings: Settings, tmp_path: Path, base: str
) -> None:
    workflow = installation.publish(SLOW)
    given = environment(prefect, settings)
    with program([str(BIN / "flowbuilder"), "worker"], given, tmp_path / "first.log") as first:
        execution_id = await installation.start(workflow, {"base": base})
        await until(lambda: installation.events(execution_id, "step_started", "long"), what="the long step")
        first.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(first.wait, GUARD_SECONDS) == 0, (tmp_path / "first.log").read_text()[-2000:]
    assert installation.app.execution(execution_id).status == "queued"
    assert installation.events(execution_id, "step_completed", "long")
    async with installation.worker():
        await installation.status(execution_id, "completed")
    assert not installation.events(execution_id, "worker_lost")
    assert len(installation.events(execution_id, "step_started", "long")) == 1


async def test_an_execution_that_killed_two_workers_runs_in_its_own_process(
    installation: PrefectInstallation, prefect: PrefectServer, settings: Settings, tmp_path: Path
) -> None:
    workflow = installation.publish(NOTE)
    execution_id = await installation.start(workflow, {"text": "hello"})
    installation.store.claim(execution_id, "the first to die", timedelta(milliseconds=1))
    await asyncio.sleep(0.05)
    installation.store.claim(execution_id, "the second to die", timedelta(milliseconds=1))
    await asyncio.sleep(0.05)
    log = tmp_path / "worker.log"
    with program([str(BIN / "flowbuilder"), "worker"], environment(prefect, settings), log):
        await installation.status(execution_id, "waiting")
        await until(lambda: f"{execution_id} ran in a process of its own" in log.read_text(), what="its end")
    assert len(installation.events(execution_id, "worker_lost")) == 2


async def test_the_same_deployment_runs_on_prefects_process_worker(
    installation: PrefectInstallation, prefect: PrefectServer, settings: Settings, tmp_path: Path
) -> None:
    given = {**environment(prefect, settings), "PREFECT_WORKER_QUERY_SECONDS": "1"}
    async with get_client() as client:
        await client.create_work_pool(WorkPoolCreate(name=settings.work_pool, type="process"))
    workflow = installation.publish(NOTE)
    command = [str(BIN / "prefect"), "worker", "start", "--pool", settings.work_pool, "--type", "process"]
    with program(command, given, tmp_path / "process-worker.log"):
        execution_id = await installation.start(workflow, {"text": "hello"})
        await installation.status(execution_id, "waiting")
        await prefect_state(execution_id, "Suspended")
        await installation.decide(await installation.review(execution_id))
        await installation.status(execution_id, "completed")
        await prefect_state(execution_id, "Completed")
    assert installation.app.execution(execution_id).outputs == {"result": ["approved", "HELLO!"]}
    assert len(installation.events(execution_id, "step_started", "words")) == 1


async def test_run_waits_and_answers_with_one_json_document(
    installation: PrefectInstallation, prefect: PrefectServer, settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "note.yaml"
    file.write_text(NOTE)
    command = [str(BIN / "flowbuilder"), "run", str(file), "--input", "text=hello world", "--wait", "--format", "json"]
    async with installation.worker():
        done = await asyncio.to_thread(
            subprocess.run, command, env=environment(prefect, settings), capture_output=True, timeout=GUARD_SECONDS
        )
        answer = json.loads(done.stdout)
        assert done.returncode == 0, done.stderr
        assert answer["status"] == "waiting"
        assert [item["path"] for item in answer["waiting"]] == ["review"]
        await installation.decide(await installation.review(answer["execution_id"]))
        await installation.status(answer["execution_id"], "completed")
    run = await flow_run(answer["execution_id"])
    assert run.name == "note hello world"
    assert "version:1" in run.tags


def test_a_command_without_a_server_fails_at_once(settings: Settings, tmp_path: Path, prefect: PrefectServer) -> None:
    file = tmp_path / "note.yaml"
    file.write_text(NOTE)
    given = {**environment(prefect, settings), "PREFECT_API_URL": "http://127.0.0.1:9/api"}
    begun = time.monotonic()
    push = [str(BIN / "flowbuilder"), "push", str(file)]
    subprocess.run(push, env=given, capture_output=True, timeout=GUARD_SECONDS, check=True)
    without_prefect = time.monotonic() - begun  # as fast as a command is on this machine now
    begun = time.monotonic()
    command = [str(BIN / "flowbuilder"), "run", str(file), "--input", "text=hello"]
    done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=GUARD_SECONDS, check=False)
    assert done.returncode == 2
    assert "the Prefect server at http://127.0.0.1:9/api does not answer" in done.stderr
    assert "Traceback" not in done.stderr
    assert time.monotonic() - begun < DEADLINE_SECONDS + 5 * without_prefect
