"""Pause, resume and cancel, by the application and in Prefect's UI."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Cancelling, Suspended

from flowbuilder.ports import HttpRequest, HttpResponse
from tests.support.documents import NOTE
from tests.support.servers.prefect_installation import PrefectInstallation, prefect_state, until

pytestmark = pytest.mark.prefect

THREE_PAGES = """
schema: flowbuilder/v1
name: pages
steps:
  - {id: first, type: api, url: "https://slow.example/first"}
  - {id: second, type: api, url: "https://slow.example/second", depends_on: [first]}
  - {id: third, type: api, url: "https://slow.example/third", depends_on: [second]}
outputs: {last: "{{ steps.third.output.body }}"}
"""


class HeldHttp:
    """An HTTP client whose answers the test releases."""

    def __init__(self) -> None:
        self.answers = False

    async def send(self, request: HttpRequest) -> HttpResponse:
        while not self.answers:
            await asyncio.sleep(0.02)
        return HttpResponse(status=200, headers={"content-type": "text/plain"}, body=b"ok", url=request.url)


@pytest.fixture
def http() -> Iterator[HeldHttp]:
    held = HeldHttp()
    yield held
    held.answers = True


@pytest.fixture
def held(installation: PrefectInstallation, http: HeldHttp) -> PrefectInstallation:
    """An installation whose HTTP answers the test releases."""
    return PrefectInstallation(
        store=installation.store, ports=replace(installation.ports, http=http), settings=installation.settings
    )


async def in_first_step(installation: PrefectInstallation) -> str:
    """An execution whose first step waits for its page."""
    execution_id = await installation.start(installation.publish(THREE_PAGES))
    await until(lambda: installation.events(execution_id, "step_started", "first"), what="the first step")
    return execution_id


async def test_a_pause_stops_before_the_next_step_and_resume_continues(
    held: PrefectInstallation, http: HeldHttp
) -> None:
    async with held.worker():
        execution_id = await in_first_step(held)
        held.app.pause(execution_id, by="ana")
        http.answers = True
        await held.status(execution_id, "paused")
        await prefect_state(execution_id, "Suspended")
        assert held.events(execution_id, "step_completed", "first")
        assert not held.events(execution_id, "step_started", "second")
        held.app.resume(execution_id, by="ana")
        await held.status(execution_id, "completed")
        await prefect_state(execution_id, "Completed")


async def test_a_cancellation_starts_no_further_step(held: PrefectInstallation, http: HeldHttp) -> None:
    async with held.worker():
        execution_id = await in_first_step(held)
        held.app.cancel(execution_id, by="ana")
        http.answers = True
        await held.status(execution_id, "cancelled")
        await prefect_state(execution_id, "Cancelled")
    assert not held.events(execution_id, "step_started", "second")


async def test_a_pause_and_a_resume_in_prefect_pause_and_resume_the_execution(
    held: PrefectInstallation, http: HeldHttp
) -> None:
    async with held.worker() as worker:
        execution_id = await in_first_step(held)
        await prefect_state(execution_id, "Running")
        async with get_client() as client:
            await client.set_flow_run_state(UUID(execution_id), Suspended(timeout_seconds=3600))
            [asked] = await until(lambda: held.events(execution_id, "control_requested"), what="the request")
            assert asked.data == {"action": "pause", "by": "Prefect's UI"}
            http.answers = True
            await held.status(execution_id, "paused")
            assert len(held.events(execution_id, "control_requested")) == 1
            await client.resume_flow_run(UUID(execution_id))
        await worker.get_and_submit_flow_runs()
        await held.status(execution_id, "completed")


async def test_a_cancellation_in_prefect_cancels_a_running_execution(held: PrefectInstallation, http: HeldHttp) -> None:
    async with held.worker():
        execution_id = await in_first_step(held)
        await prefect_state(execution_id, "Running")
        async with get_client() as client:
            await client.set_flow_run_state(UUID(execution_id), Cancelling())
        await until(lambda: held.events(execution_id, "control_requested"), what="the request")
        http.answers = True
        await held.status(execution_id, "cancelled")
        await prefect_state(execution_id, "Cancelled")


async def test_a_cancellation_in_prefect_cancels_a_waiting_execution(installation: PrefectInstallation) -> None:
    workflow = installation.publish(NOTE)
    async with installation.worker():
        execution_id = await installation.start(workflow, {"text": "hello"})
        review = await installation.review(execution_id)
        await prefect_state(execution_id, "Suspended")
        async with get_client() as client:
            await client.set_flow_run_state(UUID(execution_id), Cancelling())
        await installation.status(execution_id, "cancelled")
    closed = installation.app.review(review.id).decision
    assert closed is not None
    assert closed.kind == "withdrawn"


async def test_a_waiting_execution_that_is_cancelled_is_cancelled_in_prefect(installation: PrefectInstallation) -> None:
    workflow = installation.publish(NOTE)
    async with installation.worker():
        execution_id = await installation.start(workflow, {"text": "hello"})
        await installation.status(execution_id, "waiting")
        await prefect_state(execution_id, "Suspended")
        installation.app.cancel(execution_id, by="ana")
        await prefect_state(execution_id, "Cancelled")
    assert installation.app.execution(execution_id).status == "cancelled"
