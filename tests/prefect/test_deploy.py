"""Deployments of sites, and what Prefect shows of them."""

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.responses import DeploymentResponse

from flowbuilder.definition.site_folder import site_records
from flowbuilder.errors import ConfigurationError, NotFound
from flowbuilder.prefect.api.sync_client import prefect_client
from flowbuilder.prefect.deployments.deployment import ensure_pool
from flowbuilder.prefect.deployments.sync import deploy_sites
from flowbuilder.settings import Settings
from tests.support.documents import NOTE, TWO_REVIEWS
from tests.support.servers.prefect_installation import GUARD_SECONDS, PrefectInstallation, prefect_state
from tests.support.servers.prefect_server import BIN, PrefectServer

pytestmark = pytest.mark.prefect
ROOT = Path(__file__).resolve().parents[2]


async def test_deploying_twice_changes_nothing_the_second_time(installation: PrefectInstallation) -> None:
    note, two = installation.publish(NOTE), installation.publish(TWO_REVIEWS)
    sites = [site("one.example", note), site("two.example", note)]
    first = await deploy(installation, sites)
    assert [(change.name, change.action) for change in first] == [
        (f"{note}/one.example", "created"),
        (f"{two}/one.example", "created"),
        (f"{note}/two.example", "created"),
        (f"{two}/two.example", "created"),
    ]
    assert {change.action for change in await deploy(installation, sites)} == {"unchanged"}


async def test_a_deployment_has_a_typed_form_tags_and_a_schedule_in_its_zone(installation: PrefectInstallation) -> None:
    note = installation.publish(NOTE)
    await deploy(installation, [site("one.example", note)])
    found = await read(f"{note}/one.example")
    assert found.parameter_openapi_schema is not None
    assert list(found.parameter_openapi_schema["properties"]) == ["text", "times"]
    assert found.parameter_openapi_schema["required"] == ["text"]
    assert found.tags == ["site:one.example", f"workflow:{note}"]
    assert found.work_pool_name == installation.settings.work_pool
    [schedule] = found.schedules
    assert (schedule.schedule.cron, schedule.schedule.timezone) == ("0 6 * * 1", "Europe/Berlin")  # type: ignore[union-attr]
    assert schedule.parameters == {"text": "weekly"}
    assert "Europe/Berlin time" in (found.description or "")
    assert installation.settings.review_url in (found.description or "")


async def test_a_changed_deployment_is_reported_with_its_changes(installation: PrefectInstallation) -> None:
    note = installation.publish(NOTE)
    await deploy(installation, [site("one.example", note)])
    [change] = await deploy(installation, [site("one.example", note, cron="30 7 * * *")])
    assert (change.action, change.fields) == ("changed", ("description", "schedules"))
    installation.app.push(NOTE.replace("name: note", f"name: {note}").replace("maximum: 5", "maximum: 6"))
    installation.app.publish(note)
    [change] = await deploy(installation, [site("one.example", note, cron="30 7 * * *")])
    assert (change.action, change.fields) == ("changed", ("version", "parameter_openapi_schema"))


async def test_an_obsolete_deployment_is_removed_unless_it_has_running_executions(
    installation: PrefectInstallation,
) -> None:
    note = installation.publish(NOTE)
    await deploy(installation, [site("one.example", note), site("two.example", note), site("three.example", note)])
    async with installation.worker():
        execution_id = await installation.start(note, {"text": "hello"}, site="two.example")
        await installation.status(execution_id, "waiting")
        await prefect_state(execution_id, "Suspended")
        changes = {change.name: change for change in await deploy(installation, [site("one.example", note)])}
        assert changes[f"{note}/three.example"].action == "removed"
        kept = changes[f"{note}/two.example"]
        assert (kept.action, kept.note) == ("kept", "1 unfinished execution; its schedules were removed")
        assert (await read(f"{note}/two.example")).schedules == []
        await installation.decide(await installation.review(execution_id))
        await installation.status(execution_id, "completed")
        await prefect_state(execution_id, "Completed")
    changes = {change.name: change for change in await deploy(installation, [site("one.example", note)])}
    assert changes[f"{note}/two.example"].action == "removed"


async def test_a_schedule_of_a_workflow_that_is_not_published_is_refused(installation: PrefectInstallation) -> None:
    installation.publish(NOTE)
    with pytest.raises(ConfigurationError, match="schedules workflow nothing-such"):
        await deploy(installation, [site("one.example", "nothing-such")])


async def test_prefect_deploy_makes_the_same_deployments(
    installation: PrefectInstallation, prefect: PrefectServer, settings: Settings, tmp_path: Path
) -> None:
    sites = ROOT / "deployments" / "sites"
    done = await prefect_deploy(installation, prefect, settings, tmp_path, sites)
    assert done.returncode == 0, done.stdout + done.stderr
    options = settings.model_copy(update={"work_pool": "flowbuilder"})
    records = site_records(sites)
    assert [installation.store.site(record["site"]) for record in records] == records
    changes = await asyncio.to_thread(deploy_sites, installation.store, options, records, remove=False)
    assert len(changes) == 6
    assert {(change.action, change.fields) for change in changes} == {("changed", ("description",))}


async def test_prefect_deploy_refuses_a_site_without_the_reviewers_of_a_workflow(
    installation: PrefectInstallation, prefect: PrefectServer, settings: Settings, tmp_path: Path
) -> None:
    sites = tmp_path / "sites"
    sites.mkdir()
    for file in (ROOT / "deployments" / "sites").glob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        (sites / file.name).write_text(text.replace("{editors:", "{writers:"), encoding="utf-8")
    done = await prefect_deploy(installation, prefect, settings, tmp_path, sites)
    assert done.returncode != 0
    assert "site example.com has no group editors (its groups: writers)" in done.stderr
    with pytest.raises(NotFound):
        installation.store.site("example.com")


async def prefect_deploy(
    installation: PrefectInstallation, prefect: PrefectServer, settings: Settings, folder: Path, sites: Path
) -> subprocess.CompletedProcess[str]:
    """`prefect deploy --all` of the sample workflows, with these site files."""
    given = {
        **prefect.environment,
        "FLOWBUILDER_HOME": str(settings.home),
        "FLOWBUILDER_DATABASE_URL": settings.url,
        "FLOWBUILDER_SITES": str(sites),
    }
    for name in ("refresh-page", "decay-refresh", "decay-refresh-all"):
        installation.app.push((ROOT / "deployments" / "workflows" / f"{name}.yaml").read_text())
        installation.app.publish(name)
    with prefect_client() as client:
        ensure_pool(client, "flowbuilder")
    shutil.copyfile(ROOT / "prefect.yaml", folder / "prefect.yaml")
    command = [str(BIN / "prefect"), "--no-prompt", "deploy", "--all"]
    return await asyncio.to_thread(
        subprocess.run, command, env=given, cwd=folder, capture_output=True, text=True, timeout=GUARD_SECONDS
    )


def site(name: str, workflow: str, *, cron: str = "0 6 * * 1") -> dict[str, Any]:
    inputs = {"text": "weekly"}
    return {
        "site": name,
        "title": name,
        "timezone": "Europe/Berlin",
        "schedules": [{"workflow": workflow, "cron": cron, "inputs": inputs}],
    }


async def deploy(installation: PrefectInstallation, sites: list[dict[str, Any]]) -> list[Any]:
    """Deploy, and keep the deployments of other tests on the same server."""
    for record in sites:
        installation.store.save_site(record["site"], record)
    mine = {summary.name for summary in installation.app.workflows()}
    changes = []
    for workflow in sorted(mine) if len(mine) == 1 else [None]:
        changes += await asyncio.to_thread(
            deploy_sites,
            installation.store,
            installation.settings,
            sites,
            workflow=workflow,
            remove=workflow is not None,
        )
    return changes


async def read(name: str) -> DeploymentResponse:
    async with get_client() as client:
        return await client.read_deployment_by_name(name)
