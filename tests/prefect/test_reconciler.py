"""The reconciler corrects Prefect and the queue from the store alone."""

import asyncio
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Cancelled, Completed, Crashed, Failed, Running

from flowbuilder.model.review_rules import Answer
from flowbuilder.prefect.runs.reschedule import reschedule
from flowbuilder.prefect.worker.main import reconcile
from flowbuilder.prefect.worker.reconciler import Reconciler
from tests.support.documents import NOTE
from tests.support.servers.prefect_installation import PrefectInstallation, flow_run, prefect_state, until
from tests.support.store_contract import make_ready

pytestmark = pytest.mark.prefect


async def test_a_decision_whose_wake_up_was_lost_is_found(installation: PrefectInstallation) -> None:
    workflow = installation.publish(NOTE)
    async with installation.worker():
        execution_id = await installation.start(workflow, {"text": "hello"})
        review = await installation.review(execution_id)
        await installation.status(execution_id, "waiting")
        now = installation.app.review(review.id)
        installation.store.decide(review.id, Answer.to(now, kind="approved", by="ana"))
        await installation.status(execution_id, "completed")


async def test_an_overdue_review_expires(installation: PrefectInstallation) -> None:
    workflow = installation.publish(
        NOTE.replace('title: "Is', 'expires_in: PT1S\n    on_expire: rejected\n    title: "Is')
    )
    async with installation.worker():
        execution_id = await installation.start(workflow, {"text": "hello"})
        await installation.status(execution_id, "completed")
    assert installation.app.execution(execution_id).outputs == {"result": ["rejected", None]}


async def test_two_reconcilers_and_a_live_holder_run_each_step_once(installation: PrefectInstallation) -> None:
    workflow = installation.publish(NOTE)
    async with installation.worker(), installation.worker():
        ids = [await installation.start(workflow, {"text": f"number {n}"}) for n in range(4)]
        for execution_id in ids:
            await installation.decide(await installation.review(execution_id))
        for execution_id in ids:
            await installation.status(execution_id, "completed")
    for execution_id in ids:
        started = [event.path for event in installation.events(execution_id, "step_started")]
        assert sorted(started) == ["after", "both", "loud", "words"]
        assert not installation.events(execution_id, "worker_lost")


async def test_a_lost_final_state_is_reported_to_prefect_again(installation: PrefectInstallation) -> None:
    execution_id = await waiting(installation)
    installation.store.request_control(execution_id, "cancel", "ana")
    async with get_client() as client:
        reconciler = Reconciler(installation.store, client, not_accepted)
        reconciler.report_seconds = 0.0
        result = await reconciler.reconcile(complete=True)
    assert execution_id in result.corrected
    await prefect_state(execution_id, "Cancelled")


async def test_a_waiting_execution_shown_as_running_in_prefect_is_corrected(installation: PrefectInstallation) -> None:
    execution_id = await waiting(installation)
    async with get_client() as client:
        await client.set_flow_run_state(UUID(execution_id), Running(), force=True)
        reconciler = Reconciler(installation.store, client, not_accepted)
        reconciler.report_seconds = 0.0
        await reconciler.reconcile(complete=True)
    assert "review" in ((await prefect_state(execution_id, "Suspended")).message or "")


async def test_a_cancellation_in_prefect_that_no_worker_saw_is_applied(installation: PrefectInstallation) -> None:
    execution_id = await waiting(installation)
    async with get_client() as client:
        await client.set_flow_run_state(UUID(execution_id), Cancelled(), force=True)
    result = await asyncio.to_thread(reconcile, installation.store, installation.settings)
    assert execution_id in result.cancelled
    assert installation.app.execution(execution_id).status == "cancelled"


@pytest.mark.parametrize("state", [Crashed(), Failed(), Completed()], ids=["crashed", "failed", "completed"])
async def test_a_run_that_ended_only_in_prefect_is_rescheduled_after_a_delay(
    installation: PrefectInstallation, state: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = await waiting(installation)
    make_ready(installation.store, execution_id)
    async with get_client() as client:
        await client.set_flow_run_state(UUID(execution_id), state, force=True)  # type: ignore[arg-type]
        execution = installation.app.execution(execution_id)
        assert await reschedule(client, execution, await flow_run(execution_id)) == "left"
        monkeypatch.setattr("flowbuilder.prefect.runs.reschedule.CRASH_SECONDS", 0.0)
        assert await reschedule(client, execution, await flow_run(execution_id)) == "rescheduled"
    await prefect_state(execution_id, "AwaitingRetry")


async def test_an_execution_is_resumed_though_prefect_has_lost_its_run(installation: PrefectInstallation) -> None:
    execution_id = await waiting(installation)
    async with get_client() as client:
        await client.delete_flow_run(UUID(execution_id))
    async with installation.worker():
        await installation.decide(await installation.review(execution_id))
        await installation.status(execution_id, "completed")


async def waiting(installation: PrefectInstallation) -> str:
    """An execution that waits for its review, and no worker."""
    workflow = installation.publish(NOTE)
    async with installation.worker() as worker:
        execution_id = await installation.start(workflow, {"text": "hello"})
        await installation.status(execution_id, "waiting")
        await prefect_state(execution_id, "Suspended")
        await until(lambda: not worker.dispatcher.slots, what="an idle worker")
    return execution_id


async def not_accepted(_: object) -> bool:
    return False
