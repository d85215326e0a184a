"""Executions in a warm worker, from the start to the end."""

import asyncio
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import TaskRun

from flowbuilder.adapters.ports import SystemClock
from flowbuilder.errors import Refused
from flowbuilder.prefect.worker import warm_worker
from flowbuilder.testing import FakeHttp, fake_ports
from flowbuilder.testing.fakes import respond
from tests.support.documents import ITEMS, NOTE, TWO_REVIEWS
from tests.support.servers.prefect_installation import PrefectInstallation, flow_run, prefect_state, until

pytestmark = pytest.mark.prefect

RETRIED = """
schema: flowbuilder/v1
name: retried
title: Retried
steps:
  - {id: get, type: api, url: "https://service.example/x", retry: {attempts: 3, delay_seconds: 0.2}}
outputs:
  ok: "{{ steps.get.output.body.ok }}"
"""


async def test_an_execution_runs_to_its_review_and_then_to_its_end(installation: PrefectInstallation) -> None:
    workflow = installation.publish(NOTE)
    async with installation.worker():
        execution_id = await installation.start(workflow, {"text": "hello world"})
        review = await installation.review(execution_id)
        await installation.status(execution_id, "waiting")
        suspended = await prefect_state(execution_id, "Suspended")
        await installation.decide(review)
        await installation.status(execution_id, "completed")
        await prefect_state(execution_id, "Completed")
    execution = installation.app.execution(execution_id)
    assert execution.outputs == {"result": ["approved", "HELLO WORLD!!"]}
    assert "review (Is HELLO WORLD!! good?)" in (suspended.message or "")
    assert [event.path for event in installation.events(execution_id, "step_started")].count("words") == 1


async def test_runs_and_tasks_have_readable_names(installation: PrefectInstallation) -> None:
    workflow = installation.publish(NOTE)
    async with installation.worker():
        execution_id = await installation.start(workflow, {"text": "say it"})
        await installation.status(execution_id, "waiting")
    run = await flow_run(execution_id)
    assert run.name == f"{workflow} say it"
    assert f"workflow:{workflow}" in run.tags
    nodes = await graph(execution_id, 4)
    assert set(nodes) == {"words", "loud", "both", "review"}


async def test_the_run_graph_draws_the_true_dependencies(installation: PrefectInstallation) -> None:
    workflow = installation.publish(NOTE)
    async with installation.worker():
        execution_id = await installation.start(workflow, {"text": "hello"})
        await installation.decide(await installation.review(execution_id))
        await installation.status(execution_id, "completed")
    nodes = await graph(execution_id, 5)
    assert nodes == {
        "words": set(),
        "loud": set(),
        "both": {"words", "loud"},
        "review": {"both"},
        "after": {"review"},
    }


async def test_an_iteration_is_one_task_for_any_number_of_items(installation: PrefectInstallation) -> None:
    workflow = installation.publish(ITEMS)
    async with installation.worker():
        execution_id = await installation.start(workflow, {"numbers": [1, 2, 0, 3]})
        await installation.status(execution_id, "completed")
    assert installation.app.execution(execution_id).outputs == {"total": 3}
    assert await graph(execution_id, 2) == {"each": set(), "total": {"each"}}


async def test_two_reviews_may_be_decided_in_reverse(installation: PrefectInstallation) -> None:
    workflow = installation.publish(TWO_REVIEWS)
    async with installation.worker():
        execution_id = await installation.start(workflow)
        await installation.status(execution_id, "waiting")
        await installation.decide(await installation.review(execution_id, "second"))
        await until(lambda: installation.events(execution_id, "step_completed", "b"), what="what depends on the second")
        await installation.status(execution_id, "waiting")
        assert not installation.events(execution_id, "step_started", "a")
        await installation.decide(await installation.review(execution_id, "first"))
        await installation.status(execution_id, "completed")
    assert installation.app.execution(execution_id).outputs == {"a": "one a", "b": "two b"}


async def test_a_resume_without_a_decision_passes_no_review(installation: PrefectInstallation) -> None:
    workflow = installation.publish(NOTE)
    async with installation.worker() as worker:
        execution_id = await installation.start(workflow, {"text": "hello"})
        await installation.status(execution_id, "waiting")
        first = await prefect_state(execution_id, "Suspended")
        async with get_client() as client:
            await client.resume_flow_run(UUID(execution_id))
        await worker.get_and_submit_flow_runs()
        await until(lambda: installation.events(execution_id, "resumed_without_decision"), what="the event")
        again = await prefect_state(execution_id, "Suspended")
        assert again.state_details.pause_key != first.state_details.pause_key
        assert not installation.events(execution_id, "step_started", "after")
        await installation.decide(await installation.review(execution_id))
        await installation.status(execution_id, "completed")
    assert len(installation.events(execution_id, "resumed_without_decision")) == 1


async def test_eight_executions_start_and_resume_at_once(
    installation: PrefectInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm_worker, "STORE_POLL_SECONDS", 3600.0)  # each is woken, none found by a poll
    settings = installation.settings.model_copy(update={"sweep_seconds": 3600.0})
    installation = PrefectInstallation(store=installation.store, ports=installation.ports, settings=settings)
    workflow = installation.publish(NOTE)
    async with installation.worker():
        ids = await asyncio.gather(*(installation.start(workflow, {"text": f"number {n}"}) for n in range(8)))
        reviews = [await installation.review(execution_id) for execution_id in ids]
        for execution_id in ids:
            await installation.status(execution_id, "waiting")
        await asyncio.gather(*(installation.decide(review) for review in reviews))
        for execution_id in ids:
            await installation.status(execution_id, "completed")
    for execution_id, review in zip(ids, reviews, strict=True):
        decided = installation.app.review(review.id).decision
        [started] = installation.events(execution_id, "step_started", "after")
        assert decided is not None
        assert started.at >= decided.at


async def test_invalid_inputs_are_refused_before_a_run_is_created(installation: PrefectInstallation) -> None:
    workflow = installation.publish(NOTE)
    with pytest.raises(Refused, match="times"):
        await installation.start(workflow, {"text": "hello", "times": 9})


async def test_prefects_form_refuses_invalid_inputs(installation: PrefectInstallation) -> None:
    workflow = installation.publish(NOTE)
    await installation.start(workflow, {"text": "makes the deployment"})
    async with get_client() as client:
        deployment = await client.read_deployment_by_name(f"{workflow}/default")
        schema = deployment.parameter_openapi_schema
        assert schema is not None
        assert [(name, field["title"], field["position"]) for name, field in schema["properties"].items()] == [
            ("text", "Text of the note", 0),
            ("times", "How often", 1),
        ]
        for wrong in ({}, {"text": "hello", "times": "many"}, {"text": "hello", "times": 9}):
            with pytest.raises(Exception, match="409"):
                await client.create_flow_run_from_deployment(deployment.id, parameters=wrong)


async def test_a_run_created_in_prefects_ui_becomes_an_execution_with_a_readable_name(
    installation: PrefectInstallation,
) -> None:
    workflow = installation.publish(NOTE)
    await installation.start(workflow, {"text": "makes the deployment"})
    async with get_client() as client:
        deployment = await client.read_deployment_by_name(f"{workflow}/default")
        run = await client.create_flow_run_from_deployment(deployment.id, parameters={"text": "from the form"})
    async with installation.worker() as worker:
        await worker.get_and_submit_flow_runs()
        await until(installation.app.executions, what="the execution")
        await installation.review(str(run.id))
        await prefect_state(str(run.id), "Suspended")
    execution = installation.app.execution(str(run.id))
    assert execution.inputs == {"text": "from the form", "times": 2}
    assert (await flow_run(execution.id)).name == f"{workflow} from the form"


async def test_a_run_cannot_be_tagged_into_another_workflow_or_version(installation: PrefectInstallation) -> None:
    workflow, other = installation.publish(NOTE), installation.publish(TWO_REVIEWS)
    installation.app.push(NOTE.replace("name: note", f"name: {workflow}").replace("'!'", "'?'"))
    await installation.start(workflow, {"text": "makes the deployment"})
    async with get_client() as client:
        deployment = await client.read_deployment_by_name(f"{workflow}/default")
        run = await client.create_flow_run_from_deployment(
            deployment.id, parameters={"text": "hello"}, tags=[f"workflow:{other}", "version:2", "site:elsewhere"]
        )
    async with installation.worker() as worker:
        await worker.get_and_submit_flow_runs()
        await installation.review(str(run.id))
    execution = installation.app.execution(str(run.id))
    assert (execution.workflow, execution.version, execution.site) == (workflow, 1, None)


async def test_a_failed_step_fails_the_run_with_a_message_that_names_it(installation: PrefectInstallation) -> None:
    workflow = installation.publish(NOTE.replace("source: \"len(text.split(' '))\"", 'source: "1 // 0"'))
    async with installation.worker():
        execution_id = await installation.start(workflow, {"text": "hello"})
        await installation.status(execution_id, "failed")
        state = await prefect_state(execution_id, "Failed")
    assert (state.message or "").startswith("words: ")


async def test_a_review_is_an_artifact_with_a_link_to_its_page(installation: PrefectInstallation) -> None:
    workflow = installation.publish(NOTE)
    async with installation.worker():
        execution_id = await installation.start(workflow, {"text": "hello"})
        review = await installation.review(execution_id)
        await prefect_state(execution_id, "Suspended")
    async with get_client() as client:
        response = await client._client.post("/artifacts/filter", json={"flow_runs": {"id": {"any_": [execution_id]}}})
    [artifact] = response.json()
    assert artifact["type"] == "markdown"
    assert artifact["key"] == f"review-{workflow}-review"
    assert f"{installation.settings.review_url}/review?item={review.id}" in artifact["data"]
    assert "Is HELLO! good?" in artifact["description"].replace("\\", "")


async def graph(execution_id: str, count: int) -> dict[str, set[str]]:
    """The run graph in Prefect, by the labels of the tasks before each task; waits until it has `count` tasks."""
    for _ in range(3000):
        async with get_client() as client:
            response = await client._client.get(f"/flow_runs/{execution_id}/graph-v2")
        nodes = {node["id"]: node for _, node in response.json()["nodes"]}
        if len(nodes) == count:
            break
        await asyncio.sleep(0.1)
    return {node["label"]: {nodes[parent["id"]]["label"] for parent in node["parents"]} for node in nodes.values()}


async def test_a_retry_is_a_retry_of_the_task_run_in_prefect(installation: PrefectInstallation) -> None:
    answers = iter([respond("busy", status=503), respond({"ok": True})])
    fetched = "https://service.example/x"
    installation.ports = fake_ports(clock=SystemClock(), http=FakeHttp({fetched: lambda _request: next(answers)}))
    workflow = installation.publish(RETRIED)
    async with installation.worker():
        execution_id = await installation.start(workflow)
        await installation.status(execution_id, "completed")
    async with get_client() as client:
        runs: list[TaskRun] = []
        for _ in range(3000):
            where = FlowRunFilter(id=FlowRunFilterId(any_=[UUID(execution_id)]))
            runs = await client.read_task_runs(flow_run_filter=where)
            if runs and runs[0].state is not None and runs[0].state.is_completed():
                break
            await asyncio.sleep(0.1)
        assert [(run.name, run.run_count) for run in runs] == [("get", 2)]
        states = await client.read_task_run_states(runs[0].id)
    assert "AwaitingRetry" in {state.name for state in states}
    assert [event.data["attempt"] for event in installation.events(execution_id, "step_retrying")] == [1]
    assert [outcome.attempt for outcome in installation.app.outcomes(execution_id)] == [2]
