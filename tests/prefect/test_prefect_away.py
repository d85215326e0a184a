"""Prefect's server is unavailable, or has lost a run: executions run all the same."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from prefect.client.orchestration import PrefectClient, get_client
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from flowbuilder.errors import Unavailable
from flowbuilder.model.review_rules import Answer
from flowbuilder.prefect.api.availability import PrefectUnavailable, prefect_call
from flowbuilder.prefect.api.cached_reads import DeploymentLimits
from flowbuilder.prefect.api.sync_client import DEADLINE_SECONDS
from flowbuilder.prefect.runs.process_liveness import this_machine
from flowbuilder.prefect.runs.worker_context import WorkerContext, new_holder
from tests.support.documents import NOTE
from tests.support.servers.prefect_installation import PrefectInstallation, until

pytestmark = pytest.mark.prefect

NOWHERE = "http://127.0.0.1:9/api"
EXPIRING = NOTE.replace('title: "Is', 'expires_in: PT1S\n    on_expire: rejected\n    title: "Is')


@contextmanager
def prefect_away(api: str = NOWHERE, *, tries: int = 0) -> Iterator[None]:
    """Send calls to Prefect to a closed port within this block."""
    with temporary_settings({PREFECT_API_URL: api, PREFECT_CLIENT_MAX_RETRIES: tries}):
        yield


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """The address of a server that reads requests and answers none."""

    async def hear(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    silent = await asyncio.start_server(hear, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/api"
    silent.close()


async def waiting(installation: PrefectInstallation, document: str = NOTE) -> str:
    """An execution that waits for its review, and no worker that knows its run."""
    workflow = installation.publish(document)
    async with installation.worker():
        execution_id = await installation.start(workflow, {"text": "hello"})
        await installation.status(execution_id, "waiting")
    return execution_id


def decide(installation: PrefectInstallation, execution_id: str) -> None:
    [review] = installation.app.reviews_of(execution_id)
    installation.store.decide(review.id, Answer.to(review, kind="approved", by="ana"))


async def test_a_worker_that_starts_without_prefect_resumes_decided_executions(
    installation: PrefectInstallation,
) -> None:
    execution_id = await waiting(installation)
    with prefect_away():
        async with installation.worker():
            decide(installation, execution_id)
            await installation.status(execution_id, "completed")


async def test_an_execution_of_a_dead_worker_is_resumed_without_prefect(installation: PrefectInstallation) -> None:
    execution_id = await waiting(installation)
    decide(installation, execution_id)
    installation.store.claim(execution_id, new_holder("test"), timedelta(milliseconds=1))
    with prefect_away():
        async with installation.worker():
            await installation.status(execution_id, "completed")
    assert len(installation.events(execution_id, "worker_lost")) == 1


async def test_reviews_expire_without_prefect(installation: PrefectInstallation) -> None:
    execution_id = await waiting(installation, EXPIRING)
    with prefect_away():
        async with installation.worker():
            await installation.status(execution_id, "completed")
    assert installation.app.execution(execution_id).outputs == {"result": ["rejected", None]}


async def test_an_execution_of_another_kind_of_worker_waits_for_prefect(
    installation: PrefectInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = await waiting(installation)
    monkeypatch.setattr("flowbuilder.prefect.worker.dispatcher.COOLDOWN_SECONDS", 3600.0)
    lease = installation.store.claim(execution_id, new_holder("flow"), timedelta(milliseconds=1))
    with prefect_away():
        async with installation.worker() as worker:
            worker.dispatcher.wake(execution_id)
            await until(lambda: worker.dispatcher.slots, what="the execution's slot")
            await worker.dispatcher.wait_idle()
            assert installation.app.execution(execution_id).epoch == lease.epoch
            worker.dispatcher.wake(execution_id, polled=True)
            assert not worker.dispatcher.slots  # it is in its cool-down


async def test_a_worker_survives_an_unanswered_poll(installation: PrefectInstallation) -> None:
    with prefect_away():
        async with installation.worker() as worker:
            for _ in range(2):
                assert await worker.get_and_submit_flow_runs() == []
                await worker.sync_with_backend()


async def test_a_deployment_missing_in_prefect_has_no_limit(installation: PrefectInstallation) -> None:
    async with get_client() as client:
        assert await DeploymentLimits(client).has(uuid4()) is False


async def test_a_server_that_does_not_answer_counts_as_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowbuilder.prefect.api.availability.ANSWER_SECONDS", 0.2)
    async with silent_server() as api, PrefectClient(api=api) as client:
        with pytest.raises(PrefectUnavailable, match="does not answer"):
            async with prefect_call():
                await client.read_flow_run(uuid4())


def test_a_wake_up_does_not_wait_for_an_unreachable_server(installation: PrefectInstallation) -> None:
    began = time.monotonic()
    with prefect_away(tries=40), pytest.raises(Unavailable, match="does not answer"):
        installation.app.engine.wake(str(uuid4()))
    assert time.monotonic() - began < DEADLINE_SECONDS


def test_a_wake_up_does_not_wait_for_a_server_that_dies_during_the_request(installation: PrefectInstallation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as dying, ThreadPoolExecutor(1) as pool:
        asked: list[None] = []

        def hang_up() -> None:
            while True:
                try:
                    dying.accept()[0].close()
                except OSError:
                    return
                asked.append(None)

        pool.submit(hang_up)
        with prefect_away(f"http://127.0.0.1:{dying.getsockname()[1]}/api", tries=40), pytest.raises(Unavailable):
            installation.app.engine.wake(str(uuid4()))
        assert 1 <= len(asked) <= 2
        dying.shutdown(socket.SHUT_RDWR)


async def test_a_worker_waits_for_a_starting_database(
    installation: PrefectInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowbuilder.prefect.worker.warm_worker.SHORTEST_PAUSE", 0.05)
    tries: list[None] = []

    def open_worker_context(open_now: Callable[[], WorkerContext]) -> WorkerContext:
        tries.append(None)
        if len(tries) < 3:
            raise Unavailable("the database is starting up")
        return open_now()

    execution_id = await waiting(installation)
    async with installation.worker(opening=open_worker_context):
        decide(installation, execution_id)
        await installation.status(execution_id, "completed")
    assert len(tries) == 3


async def test_a_starting_worker_is_not_delayed_by_a_server_that_does_not_answer(
    installation: PrefectInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = await waiting(installation)
    decide(installation, execution_id)
    monkeypatch.setattr("flowbuilder.prefect.worker.warm_worker.HEARTBEAT_SECONDS", 0.5)
    monkeypatch.setattr("flowbuilder.prefect.api.availability.ANSWER_SECONDS", 0.5)
    async with silent_server() as api:
        with prefect_away(api):
            async with installation.worker():
                await installation.status(execution_id, "completed")


async def test_executions_of_a_dead_process_are_resumed_while_prefect_does_not_answer(
    installation: PrefectInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = await waiting(installation)
    decide(installation, execution_id)
    other = await asyncio.create_subprocess_exec("sleep", "60")
    installation.store.claim(execution_id, f"test:{this_machine()}:{other.pid}:other", timedelta(minutes=10))
    monkeypatch.setattr("flowbuilder.prefect.worker.warm_worker.HEARTBEAT_SECONDS", 0.5)
    monkeypatch.setattr("flowbuilder.prefect.api.availability.ANSWER_SECONDS", 0.5)
    async with silent_server() as api:
        with prefect_away(api):
            async with installation.worker():
                await asyncio.sleep(1.5)  # its reconciler waits for Prefect by now
                other.kill()
                await other.wait()
                await installation.status(execution_id, "completed")
