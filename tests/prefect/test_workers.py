"""Worker processes: the warm one and Prefect's own, killed and stopped."""

import asyncio
import json
import signal
import subprocess
import time
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from flowbuilder.settings import Settings
from tests.support.documents import NOTE
from tests.support.prefect_installation import PrefectInstallation, flow_run, prefect_state, until
from tests.support.prefect_server import BIN, PrefectServer, program

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


async def test_an_execution_of_a_killed_worker_goes_on_in_the_next(
    shop: PrefectInstallation, prefect: PrefectServer, settings: Settings, tmp_path: Path, base: str
) -> None:
    workflow = shop.publish(SLOW)
    given = environment(prefect, settings)
    warm = [str(BIN / "flowbuilder"), "worker"]
    with program(warm, given, tmp_path / "first.log") as first:
        execution_id = await shop.start(workflow, {"base": base})
        await until(lambda: shop.events(execution_id, "step_started", "long"), what="the long step")
        first.kill()
        first.wait()
    # Prefect's own command starts it as well: the collection registers its type
    command = [str(BIN / "prefect"), "worker", "start", "--pool", settings.work_pool, "--type", "flowbuilder"]
    with program(command, given, tmp_path / "second.log"):
        await shop.status(execution_id, "completed")
        await prefect_state(execution_id, "Completed")
    assert len(shop.events(execution_id, "worker_lost")) == 1
    assert len(shop.events(execution_id, "step_started", "first")) == 1
    assert len(shop.events(execution_id, "step_completed", "long")) == 1


async def test_a_worker_that_is_stopped_finishes_its_step_and_hands_over(
    shop: PrefectInstallation, prefect: PrefectServer, settings: Settings, tmp_path: Path, base: str
) -> None:
    workflow = shop.publish(SLOW)
    given = environment(prefect, settings)
    with program([str(BIN / "flowbuilder"), "worker"], given, tmp_path / "first.log") as first:
        execution_id = await shop.start(workflow, {"base": base})
        await until(lambda: shop.events(execution_id, "step_started", "long"), what="the long step")
        first.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(first.wait, 40) == 0, (tmp_path / "first.log").read_text()[-2000:]
    assert shop.app.execution(execution_id).status == "queued"
    assert shop.events(execution_id, "step_completed", "long")
    async with shop.worker():
        await shop.status(execution_id, "completed")
    assert not shop.events(execution_id, "worker_lost")
    assert len(shop.events(execution_id, "step_started", "long")) == 1


async def test_an_execution_over_which_two_workers_died_runs_in_a_process_of_its_own(
    shop: PrefectInstallation, prefect: PrefectServer, settings: Settings, tmp_path: Path
) -> None:
    workflow = shop.publish(NOTE)
    execution_id = await shop.start(workflow, {"text": "hello"})
    shop.store.claim(execution_id, "the first to die", timedelta(milliseconds=1))
    await asyncio.sleep(0.05)
    shop.store.claim(execution_id, "the second to die", timedelta(milliseconds=1))
    await asyncio.sleep(0.05)
    log = tmp_path / "worker.log"
    with program([str(BIN / "flowbuilder"), "worker"], environment(prefect, settings), log):
        await shop.status(execution_id, "waiting")
        await until(lambda: f"{execution_id} ran in a process of its own" in log.read_text(), what="its end")
    assert len(shop.events(execution_id, "worker_lost")) == 2


async def test_the_same_deployment_runs_on_prefects_process_worker(
    shop: PrefectInstallation, prefect: PrefectServer, settings: Settings, tmp_path: Path
) -> None:
    given = environment(prefect, settings)
    pool = ["work-pool", "create", settings.work_pool, "--type", "process"]
    await asyncio.to_thread(subprocess.run, [str(BIN / "prefect"), *pool], env=given, check=True, capture_output=True)
    workflow = shop.publish(NOTE)
    execution_id = await shop.start(workflow, {"text": "hello"})
    once = [str(BIN / "prefect"), "worker", "start", "--pool", settings.work_pool, "--type", "process", "--run-once"]
    await asyncio.to_thread(subprocess.run, once, env=given, check=True, capture_output=True, timeout=120)
    assert shop.app.execution(execution_id).status == "waiting"
    await prefect_state(execution_id, "Suspended")
    await shop.decide(await shop.review(execution_id))
    await prefect_state(execution_id, "Resuming")
    await asyncio.to_thread(subprocess.run, once, env=given, check=True, capture_output=True, timeout=120)
    assert shop.app.execution(execution_id).outputs == {"result": ["approved", "HELLO!"]}
    await prefect_state(execution_id, "Completed")
    assert len(shop.events(execution_id, "step_started", "words")) == 1


async def test_run_waits_and_answers_with_one_json_document(
    shop: PrefectInstallation, prefect: PrefectServer, settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "note.yaml"
    file.write_text(NOTE)
    command = [str(BIN / "flowbuilder"), "run", str(file), "--input", "text=hello world", "--wait", "--format", "json"]
    async with shop.worker():
        done = await asyncio.to_thread(
            subprocess.run, command, env=environment(prefect, settings), capture_output=True, timeout=60
        )
        answer = json.loads(done.stdout)
        assert done.returncode == 0, done.stderr
        assert answer["status"] == "waiting"
        assert [item["path"] for item in answer["waiting"]] == ["review"]
        await shop.decide(await shop.review(answer["execution_id"]))
        await shop.status(answer["execution_id"], "completed")
    run = await flow_run(answer["execution_id"])
    assert run.name == "note hello world"
    assert "version:1" in run.tags


def test_without_a_server_a_command_says_so_at_once(settings: Settings, tmp_path: Path, prefect: PrefectServer) -> None:
    file = tmp_path / "note.yaml"
    file.write_text(NOTE)
    given = {**environment(prefect, settings), "PREFECT_API_URL": "http://127.0.0.1:9/api"}
    begun = time.monotonic()
    command = [str(BIN / "flowbuilder"), "run", str(file), "--input", "text=hello"]
    done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "the Prefect server at http://127.0.0.1:9/api does not answer" in done.stderr
    assert "Traceback" not in done.stderr
    assert time.monotonic() - begun < 30
