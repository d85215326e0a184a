"""Executions through Prefect, from the start to the end, in a warm worker."""

import asyncio
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import TaskRun

from flowbuilder.adapters.ports import SystemClock
from flowbuilder.errors import Refused
from flowbuilder.testing import FakeHttp, fake_ports
from flowbuilder.testing.fakes import respond
from tests.support.documents import ITEMS, NOTE, TWO_REVIEWS
from tests.support.prefect_installation import PrefectInstallation, flow_run, prefect_state, until

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


async def test_an_execution_runs_to_its_review_and_on_to_its_end(shop: PrefectInstallation) -> None:
    workflow = shop.publish(NOTE)
    async with shop.worker():
        execution_id = await shop.start(workflow, {"text": "hello world"})
        review = await shop.review(execution_id)
        await shop.status(execution_id, "waiting")
        suspended = await prefect_state(execution_id, "Suspended")
        await shop.decide(review)
        await shop.status(execution_id, "completed")
        await prefect_state(execution_id, "Completed")
    execution = shop.app.execution(execution_id)
    assert execution.outputs == {"result": ["approved", "HELLO WORLD!!"]}
    assert "review (Is HELLO WORLD!! good?)" in (suspended.message or "")
    assert [event.path for event in shop.events(execution_id, "step_started")].count("words") == 1


async def test_runs_and_their_tasks_are_named_as_people_name_them(shop: PrefectInstallation) -> None:
    workflow = shop.publish(NOTE)
    async with shop.worker():
        execution_id = await shop.start(workflow, {"text": "say it"})
        await shop.status(execution_id, "waiting")
    run = await flow_run(execution_id)
    assert run.name == f"{workflow} say it"
    assert f"workflow:{workflow}" in run.tags
    nodes = await graph(execution_id, 4)
    assert set(nodes) == {"words", "loud", "both", "review"}


async def test_the_run_graph_draws_the_true_dependencies(shop: PrefectInstallation) -> None:
    workflow = shop.publish(NOTE)
    async with shop.worker():
        execution_id = await shop.start(workflow, {"text": "hello"})
        await shop.decide(await shop.review(execution_id))
        await shop.status(execution_id, "completed")
    nodes = await graph(execution_id, 5)
    assert nodes == {
        "words": set(),
        "loud": set(),
        "both": {"words", "loud"},
        "review": {"both"},
        "after": {"review"},
    }


async def test_an_iteration_is_one_task_whatever_the_number_of_its_items(shop: PrefectInstallation) -> None:
    workflow = shop.publish(ITEMS)
    async with shop.worker():
        execution_id = await shop.start(workflow, {"numbers": [1, 2, 0, 3]})
        await shop.status(execution_id, "completed")
    assert shop.app.execution(execution_id).outputs == {"total": 3}
    assert await graph(execution_id, 2) == {"each": set(), "total": {"each"}}


async def test_two_reviews_may_be_decided_in_reverse(shop: PrefectInstallation) -> None:
    workflow = shop.publish(TWO_REVIEWS)
    async with shop.worker():
        execution_id = await shop.start(workflow)
        await shop.status(execution_id, "waiting")
        await shop.decide(await shop.review(execution_id, "second"))
        await until(lambda: shop.events(execution_id, "step_completed", "b"), what="what depends on the second")
        await shop.status(execution_id, "waiting")
        assert not shop.events(execution_id, "step_started", "a")
        await shop.decide(await shop.review(execution_id, "first"))
        await shop.status(execution_id, "completed")
    assert shop.app.execution(execution_id).outputs == {"a": "one a", "b": "two b"}


async def test_a_resume_without_a_decision_passes_no_review(shop: PrefectInstallation) -> None:
    workflow = shop.publish(NOTE)
    async with shop.worker() as worker:
        execution_id = await shop.start(workflow, {"text": "hello"})
        await shop.status(execution_id, "waiting")
        first = await prefect_state(execution_id, "Suspended")
        async with get_client() as client:
            await client.resume_flow_run(UUID(execution_id))
        await worker.get_and_submit_flow_runs()
        await until(lambda: shop.events(execution_id, "resumed_without_decision"), what="the event")
        again = await prefect_state(execution_id, "Suspended")
        assert again.state_details.pause_key != first.state_details.pause_key
        assert not shop.events(execution_id, "step_started", "after")
        await shop.decide(await shop.review(execution_id))
        await shop.status(execution_id, "completed")
    assert len(shop.events(execution_id, "resumed_without_decision")) == 1


async def test_eight_at_once_begin_and_go_on(shop: PrefectInstallation) -> None:
    workflow = shop.publish(NOTE)
    async with shop.worker():
        ids = await asyncio.gather(*(shop.start(workflow, {"text": f"number {n}"}) for n in range(8)))
        reviews = [await shop.review(execution_id) for execution_id in ids]
        for execution_id in ids:
            await shop.status(execution_id, "waiting")
        await asyncio.gather(*(shop.decide(review) for review in reviews))
        for execution_id in ids:
            await shop.status(execution_id, "completed")
    for execution_id, review in zip(ids, reviews, strict=True):
        decided = shop.app.review(review.id).decision
        [started] = shop.events(execution_id, "step_started", "after")
        assert decided is not None
        assert (started.at - decided.at).total_seconds() < 5


async def test_inputs_that_do_not_fit_are_refused_before_there_is_a_run(shop: PrefectInstallation) -> None:
    workflow = shop.publish(NOTE)
    with pytest.raises(Refused, match="times"):
        await shop.start(workflow, {"text": "hello", "times": 9})


async def test_prefects_form_refuses_inputs_that_do_not_fit(shop: PrefectInstallation) -> None:
    workflow = shop.publish(NOTE)
    await shop.start(workflow, {"text": "makes the deployment"})
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


async def test_a_run_made_in_prefects_ui_becomes_an_execution_with_a_telling_name(shop: PrefectInstallation) -> None:
    workflow = shop.publish(NOTE)
    await shop.start(workflow, {"text": "makes the deployment"})
    async with get_client() as client:
        deployment = await client.read_deployment_by_name(f"{workflow}/default")
        run = await client.create_flow_run_from_deployment(deployment.id, parameters={"text": "from the form"})
    async with shop.worker() as worker:
        await worker.get_and_submit_flow_runs()
        await until(shop.app.executions, what="the execution")
        await shop.review(str(run.id))
        await prefect_state(str(run.id), "Suspended")
    execution = shop.app.execution(str(run.id))
    assert execution.inputs == {"text": "from the form", "times": 2}
    assert (await flow_run(execution.id)).name == f"{workflow} from the form"


async def test_a_run_cannot_be_tagged_into_another_workflow_or_version(shop: PrefectInstallation) -> None:
    workflow, other = shop.publish(NOTE), shop.publish(TWO_REVIEWS)
    shop.app.push(NOTE.replace("name: note", f"name: {workflow}").replace("'!'", "'?'"))
    await shop.start(workflow, {"text": "makes the deployment"})
    async with get_client() as client:
        deployment = await client.read_deployment_by_name(f"{workflow}/default")
        run = await client.create_flow_run_from_deployment(
            deployment.id, parameters={"text": "hello"}, tags=[f"workflow:{other}", "version:2", "site:elsewhere"]
        )
    async with shop.worker() as worker:
        await worker.get_and_submit_flow_runs()
        await shop.review(str(run.id))
    execution = shop.app.execution(str(run.id))
    assert (execution.workflow, execution.version, execution.site) == (workflow, 1, None)


async def test_a_failed_step_fails_the_run_with_a_message_that_says_which(shop: PrefectInstallation) -> None:
    workflow = shop.publish(NOTE.replace("source: \"len(text.split(' '))\"", 'source: "1 // 0"'))
    async with shop.worker():
        execution_id = await shop.start(workflow, {"text": "hello"})
        await shop.status(execution_id, "failed")
        state = await prefect_state(execution_id, "Failed")
    assert (state.message or "").startswith("words: ")


async def test_the_review_is_an_artifact_that_leads_to_its_page(shop: PrefectInstallation) -> None:
    workflow = shop.publish(NOTE)
    async with shop.worker():
        execution_id = await shop.start(workflow, {"text": "hello"})
        review = await shop.review(execution_id)
        await prefect_state(execution_id, "Suspended")
    async with get_client() as client:
        response = await client._client.post("/artifacts/filter", json={"flow_runs": {"id": {"any_": [execution_id]}}})
    [artifact] = response.json()
    assert artifact["type"] == "markdown"
    assert artifact["key"] == f"review-{workflow}-review"
    assert f"{shop.settings.review_url}/review?item={review.id}" in artifact["data"]
    assert "Is HELLO! good?" in artifact["description"].replace("\\", "")


async def graph(execution_id: str, count: int) -> dict[str, set[str]]:
    """The run graph that Prefect draws: the tasks before each task. It writes tasks down some time later."""
    for _ in range(150):
        async with get_client() as client:
            response = await client._client.get(f"/flow_runs/{execution_id}/graph-v2")
        nodes = {node["id"]: node for _, node in response.json()["nodes"]}
        if len(nodes) == count:
            break
        await asyncio.sleep(0.1)
    return {node["label"]: {nodes[parent["id"]]["label"] for parent in node["parents"]} for node in nodes.values()}


async def test_a_retry_is_a_retry_of_the_task_run_in_prefect(shop: PrefectInstallation) -> None:
    answers = iter([respond("busy", status=503), respond({"ok": True})])
    fetched = "https://service.example/x"
    shop.ports = fake_ports(clock=SystemClock(), http=FakeHttp({fetched: lambda _request: next(answers)}))
    workflow = shop.publish(RETRIED)
    async with shop.worker():
        execution_id = await shop.start(workflow)
        await shop.status(execution_id, "completed")
    async with get_client() as client:
        runs: list[TaskRun] = []
        for _ in range(100):
            where = FlowRunFilter(id=FlowRunFilterId(any_=[UUID(execution_id)]))
            runs = await client.read_task_runs(flow_run_filter=where)
            if runs and runs[0].state is not None and runs[0].state.is_completed():
                break
            await asyncio.sleep(0.1)
        assert [(run.name, run.run_count) for run in runs] == [("get", 2)]
        states = await client.read_task_run_states(runs[0].id)
    assert "AwaitingRetry" in {state.name for state in states}
    assert [event.data["attempt"] for event in shop.events(execution_id, "step_retrying")] == [1]
    assert [outcome.attempt for outcome in shop.app.outcomes(execution_id)] == [2]
