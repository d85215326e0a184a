"""Sensitive inputs with a real Prefect server: its database, artifacts and logs have none of them."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, LogFilter, LogFilterFlowRunId
from pytest_httpserver import HTTPServer

from flowbuilder.adapters.connections import FileConnections
from flowbuilder.adapters.ports import real_ports
from flowbuilder.errors import ConfigurationError
from flowbuilder.ports.sensitive import held_key
from flowbuilder.prefect import engine
from flowbuilder.prefect.deployments.sync import deploy_sites
from flowbuilder.settings import Settings
from flowbuilder.values import digest
from tests.support.planted_secrets import SECRETS, SENSITIVE, PlantedServers, document, found_in, rows_but_sensitive
from tests.support.servers.prefect_installation import PrefectInstallation, flow_run, prefect_state
from tests.support.servers.prefect_server import PrefectServer

pytestmark = pytest.mark.prefect
TOKENS = """
schema: flowbuilder/v1
name: tokens
inputs:
  label: {type: string, default: x}
  key: {type: string, sensitive: true}
steps: [{id: use, type: code, source: "[len(key), key]", with: {key: "{{ inputs.key }}"}}]
outputs: {used: "{{ steps.use.output }}"}
"""
KEY = "tok-4711-Plain"


async def test_planted_secrets_are_not_in_prefect(
    prefect: PrefectServer,
    installation: PrefectInstallation,
    settings: Settings,
    httpserver: HTTPServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRETS["environment key"])
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # the servers' own log
    servers = PlantedServers(httpserver, settings.home)
    real = settings.model_copy(update={"egress_allow": "127.0.0.1"})
    ports = real_ports(real, FileConnections(servers.home))
    whole = PrefectInstallation(store=installation.store, ports=ports, settings=real)
    workflow = whole.publish(document())
    whole.store.save_site("planted.example", servers.site())
    async with whole.worker():
        execution_id = await whole.start(workflow, {"label": "no secret", **SENSITIVE}, site="planted.example")
        await whole.decide(await whole.review(execution_id))
        await whole.status(execution_id, "completed", "failed")
        await prefect_state(execution_id, "Completed")
    run = await flow_run(execution_id)
    assert run.parameters == {"label": "no secret"}
    assert "no secret" in run.name
    async with get_client() as client:
        artifacts = await client.read_artifacts(artifact_filter=ArtifactFilter())
        logs = await client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])))
    assert [str(artifact.data) for artifact in artifacts if str(artifact.flow_run_id) == execution_id]
    assert logs
    assert found_in(repr([run, artifacts, logs]).encode()) == []
    assert found_in(rows_but_sensitive(settings.url)) == []
    assert found_in(caplog.text.encode()) == []
    files = list(Path(prefect.environment["PREFECT_HOME"]).rglob("*.db*"))
    assert files
    for file in files:
        content = file.read_bytes()
        assert found_in(content) == [], file
    assert any(execution_id.encode() in file.read_bytes() or b"planted" in file.read_bytes() for file in files)


async def test_a_worker_that_is_first_finds_the_inputs_of_a_start_that_broke_off(
    installation: PrefectInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    workflow, store = installation.publish(TOKENS), installation.store
    with monkeypatch.context() as patched:
        patched.setattr(engine, "create_execution", killed)
        with pytest.raises(KeyboardInterrupt):
            installation.app.start(workflow, {"key": KEY}, key="once")
    held = held_key(digest([store.install_id(), "once"]))
    assert store.sensitive(held) is not None
    async with installation.worker():
        (run,) = [item for item in await _runs() if item.parameters == {"label": "x"} and workflow in item.name]
        await prefect_state(str(run.id), "Completed")
    assert installation.app.execution(str(run.id)).outputs == {"used": [14, "[sensitive input key]"]}
    assert await installation.start(workflow, {"key": KEY}, key="once") == str(run.id)
    assert store.sensitive(held) is None


@pytest.mark.parametrize(("parameters", "message"), [({}, "key is missing"), ({"key": KEY}, "key is sensitive")])
async def test_a_run_that_prefect_started_has_no_sensitive_inputs(
    installation: PrefectInstallation, parameters: dict[str, str], message: str
) -> None:
    workflow = installation.publish(TOKENS)
    await asyncio.to_thread(lambda: deploy_sites(installation.store, installation.settings, [_site(workflow, None)]))
    async with get_client() as client:
        deployment = await client.read_deployment_by_name(f"{workflow}/one.example")
        assert list(deployment.parameter_openapi_schema["properties"]) == ["label"]
        run = await client.create_flow_run_from_deployment(deployment.id, parameters=parameters)
    async with installation.worker():
        state = await prefect_state(str(run.id), "Failed")
    assert message in str(state.message)


@pytest.mark.parametrize(("inputs", "message"), [({}, "cannot give it a value"), ({"key": KEY}, "gives it a value")])
async def test_a_schedule_of_a_workflow_with_a_sensitive_input_is_refused(
    installation: PrefectInstallation, inputs: dict[str, str], message: str
) -> None:
    record = _site(installation.publish(TOKENS), inputs)
    with pytest.raises(ConfigurationError, match=message) as caught:
        await asyncio.to_thread(lambda: deploy_sites(installation.store, installation.settings, [record]))
    assert KEY not in str(caught.value)


def _site(workflow: str, inputs: dict[str, str] | None) -> dict[str, object]:
    schedules = [] if inputs is None else [{"workflow": workflow, "cron": "0 6 * * 1", "inputs": inputs}]
    return {"site": "one.example", "title": "One", "timezone": "UTC", "schedules": schedules}


async def _runs() -> list[object]:
    async with get_client() as client:
        return list(await client.read_flow_runs(limit=50))
