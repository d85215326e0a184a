"""Pause, resume and cancel: from our side and from Prefect's UI alike."""

from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Cancelling, Suspended

from tests.support.documents import NOTE
from tests.support.prefect_installation import PrefectInstallation, prefect_state, until
from tests.support.slow_step import SLOW, slow_shop

pytestmark = pytest.mark.prefect


@pytest.fixture
def slow(shop: PrefectInstallation) -> PrefectInstallation:
    """A shop whose pages take a second to answer."""
    return slow_shop(shop, seconds=1.2)


async def test_a_pause_stops_at_the_next_step_and_resume_goes_on(slow: PrefectInstallation) -> None:
    workflow = slow.publish(SLOW)
    async with slow.worker():
        execution_id = await slow.start(workflow)
        await until(lambda: slow.events(execution_id, "step_started", "first"), what="the first step")
        slow.app.pause(execution_id, by="ana")
        await slow.status(execution_id, "paused")
        await prefect_state(execution_id, "Suspended")
        assert slow.events(execution_id, "step_completed", "first")
        assert not slow.events(execution_id, "step_started", "second")
        slow.app.resume(execution_id, by="ana")
        await slow.status(execution_id, "completed")
        await prefect_state(execution_id, "Completed")


async def test_a_cancellation_starts_no_further_step(slow: PrefectInstallation) -> None:
    workflow = slow.publish(SLOW)
    async with slow.worker():
        execution_id = await slow.start(workflow)
        await until(lambda: slow.events(execution_id, "step_started", "first"), what="the first step")
        slow.app.cancel(execution_id, by="ana")
        await slow.status(execution_id, "cancelled")
        await prefect_state(execution_id, "Cancelled")
    assert not slow.events(execution_id, "step_started", "second")


async def test_pause_pressed_in_prefect_pauses_ours_and_resume_there_goes_on(slow: PrefectInstallation) -> None:
    workflow = slow.publish(SLOW)
    async with slow.worker() as worker:
        execution_id = await slow.start(workflow)
        await prefect_state(execution_id, "Running")
        async with get_client() as client:
            await client.set_flow_run_state(UUID(execution_id), Suspended(timeout_seconds=3600))
            await slow.status(execution_id, "paused")
            [asked] = slow.events(execution_id, "control_requested")
            assert asked.data == {"action": "pause", "by": "Prefect's UI"}
            await client.resume_flow_run(UUID(execution_id))
        await worker.get_and_submit_flow_runs()
        await slow.status(execution_id, "completed")


async def test_cancel_pressed_in_prefect_cancels_what_runs(slow: PrefectInstallation) -> None:
    workflow = slow.publish(SLOW)
    async with slow.worker():
        execution_id = await slow.start(workflow)
        await prefect_state(execution_id, "Running")
        async with get_client() as client:
            await client.set_flow_run_state(UUID(execution_id), Cancelling())
        await slow.status(execution_id, "cancelled")
        await prefect_state(execution_id, "Cancelled")


async def test_cancel_pressed_in_prefect_cancels_what_waits(shop: PrefectInstallation) -> None:
    workflow = shop.publish(NOTE)
    async with shop.worker():
        execution_id = await shop.start(workflow, {"text": "hello"})
        review = await shop.review(execution_id)
        await prefect_state(execution_id, "Suspended")
        async with get_client() as client:
            await client.set_flow_run_state(UUID(execution_id), Cancelling())
        await shop.status(execution_id, "cancelled")
    closed = shop.app.review(review.id).decision
    assert closed is not None
    assert closed.kind == "withdrawn"


async def test_a_waiting_execution_that_is_cancelled_is_cancelled_in_prefect(shop: PrefectInstallation) -> None:
    workflow = shop.publish(NOTE)
    async with shop.worker():
        execution_id = await shop.start(workflow, {"text": "hello"})
        await shop.status(execution_id, "waiting")
        await prefect_state(execution_id, "Suspended")
        shop.app.cancel(execution_id, by="ana")
        await prefect_state(execution_id, "Cancelled")
    assert shop.app.execution(execution_id).status == "cancelled"
