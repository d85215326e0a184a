"""Sites become deployments: one for each site and published workflow, with its schedules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import DeploymentResponse

from flowbuilder.engine.stored_plans import PlanCache
from flowbuilder.errors import ConfigurationError, NotFound
from flowbuilder.model.execution import WorkflowVersion
from flowbuilder.ports import Store
from flowbuilder.prefect.api.naming import DRAFT, entrypoint_of, tagged
from flowbuilder.prefect.api.sync_client import server
from flowbuilder.prefect.api.work_pool import ensure_pool
from flowbuilder.prefect.deployments.deployment import Change, Schedule, Wanted, ensure_deployment
from flowbuilder.settings import Settings
from flowbuilder.values import JsonObject

PAGE = 200
GOING = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING]


def deploy_sites(
    store: Store,
    settings: Settings,
    sites: Iterable[JsonObject],
    *,
    workflow: str | None = None,
    remove: bool = True,
) -> list[Change]:
    """Make the deployments of these sites what their records say; returns what became of each.

    With `workflow` only of that one. With `remove`, deployments of sites that are not among these and of workflows that
    are no longer published are taken away; those with executions under way are kept, and the change says so.
    `ConfigurationError` when a schedule names a workflow that is not published.
    """
    records = list(sites)
    published = [
        store.version(summary.name)
        for summary in store.workflows()
        if summary.published is not None and workflow in (None, summary.name)
    ]
    if workflow is not None and not published:
        raise NotFound(f"workflow {workflow} has no published version; `flowbuilder publish {workflow}` makes one")
    _ensure_scheduled_are_published(store, records)
    changes: list[Change] = []
    plans = PlanCache(store)
    with server() as client:
        ensure_pool(client, settings.work_pool)
        for record in records:
            for version in published:
                schema = plans.plan_of(version).input_schema
                changes.append(ensure_deployment(client, wanted_deployment(version, schema, record, settings)))
        if remove:
            changes += _remove_others(client, {change.deployment_id for change in changes}, workflow)
    return changes


def wanted_deployment(
    version: WorkflowVersion,
    input_schema: JsonObject,
    site: JsonObject | None,
    settings: Settings,
    *,
    draft: bool = False,
    scheduled: bool = True,
) -> Wanted:
    """The deployment of a workflow for a site; without `scheduled` its schedules are left as they are."""
    schedules = None if draft or site is None or not scheduled else _schedules(version.workflow, site)
    return Wanted(
        workflow=version.workflow,
        site=str(site["site"]) if site else None,
        input_schema=input_schema,
        version=version.number,
        pool=settings.work_pool,
        description=_description(version, site, schedules or (), settings),
        draft=draft,
        schedules=schedules,
    )


def _schedules(workflow: str, site: JsonObject) -> tuple[Schedule, ...]:
    zone = str(site.get("timezone") or "UTC")
    return tuple(
        Schedule(cron=str(entry["cron"]), timezone=zone, inputs=dict(entry.get("inputs") or {}))
        for entry in site.get("schedules") or ()
        if entry["workflow"] == workflow
    )


def _description(
    version: WorkflowVersion, site: JsonObject | None, schedules: Sequence[Schedule], settings: Settings
) -> str:
    """What Prefect's UI says of a deployment. It shows a schedule without its zone, so this names it."""
    lines = [version.title or version.workflow, ""]
    if site:
        lines.append(
            f"* site: {site.get('title') or site['site']}" + (f", {site['base_url']}" if site.get("base_url") else "")
        )
        lines.append(f"* time zone: {site.get('timezone') or 'UTC'}")
    lines += [f"* runs at `{schedule.cron}`, {schedule.timezone} time" for schedule in schedules]
    lines.append(f"* [its reviews]({settings.review_url.rstrip('/')}/review?workflow={version.workflow})")
    return "\n".join(lines)


def _ensure_scheduled_are_published(store: Store, records: Iterable[JsonObject]) -> None:
    published = {summary.name for summary in store.workflows() if summary.published is not None}
    for record in records:
        for entry in record.get("schedules") or ():
            if entry["workflow"] not in published:
                raise ConfigurationError(
                    f"site {record['site']} schedules workflow {entry['workflow']}, which is not published; "
                    f"`flowbuilder push FILE` and `flowbuilder publish {entry['workflow']}` first"
                )


def _remove_others(client: SyncPrefectClient, kept: set[str], workflow: str | None) -> list[Change]:
    changes = []
    for deployment in _ours(client):
        name = tagged(deployment.tags, "workflow")
        if str(deployment.id) in kept or tagged(deployment.tags, "site") is None or DRAFT in deployment.tags:
            continue
        if workflow in (None, name):
            changes.append(_remove(client, deployment, f"{name}/{deployment.name}"))
    return changes


def _remove(client: SyncPrefectClient, deployment: DeploymentResponse, name: str) -> Change:
    """Prefect cannot resume the runs of a deployment that is gone, so one with executions under way only loses its
    schedules."""
    under_way = client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=GOING))),
        limit=PAGE,
    )
    auto = [run for run in under_way if run.auto_scheduled and run.state_type == StateType.SCHEDULED]
    if len(auto) == len(under_way):
        client.delete_deployment(deployment.id)
        return Change(name=name, what="removed", deployment_id=str(deployment.id))
    for schedule in deployment.schedules:
        if schedule.id is not None:
            client.delete_deployment_schedule(deployment.id, schedule.id)
    count = len(under_way) - len(auto)
    note = f"{count} execution{'' if count == 1 else 's'} under way; its schedules are taken away"
    return Change(name=name, what="kept", deployment_id=str(deployment.id), note=note)


def _ours(client: SyncPrefectClient) -> list[DeploymentResponse]:
    found: list[DeploymentResponse] = []
    offset = 0
    while page := client.read_deployments(limit=PAGE, offset=offset):
        found += [item for item in page if _is_ours(item)]
        offset += PAGE
    return found


def _is_ours(deployment: Any) -> bool:
    name = tagged(deployment.tags, "workflow")
    return name is not None and deployment.entrypoint == entrypoint_of(name)
