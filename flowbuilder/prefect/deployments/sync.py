"""Sync of sites to Prefect: one deployment for each site and published workflow, with its schedules."""

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
from flowbuilder.prefect.api.sync_client import prefect_client
from flowbuilder.prefect.deployments.deployment import (
    DeploymentChange,
    DeploymentSpec,
    Schedule,
    ensure_deployment,
    ensure_pool,
)
from flowbuilder.prefect.deployments.schedule_checks import ensure_schedules_fit
from flowbuilder.settings import Settings
from flowbuilder.values import JsonObject

PAGE_SIZE = 200
UNFINISHED = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING]


def deploy_sites(
    store: Store,
    settings: Settings,
    sites: Iterable[JsonObject],
    *,
    workflow: str | None = None,
    remove: bool = True,
) -> list[DeploymentChange]:
    """Create and update the deployments of these sites, of all workflows or of one; returns the change of each.

    With `remove`, deletes the deployments of sites that are not in `sites` and of workflows that are not published; one
    with unfinished executions is kept, and its change says so. Raises `ConfigurationError` when a schedule names a
    workflow that is not published, or gives inputs that do not fit it.
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
    plans = PlanCache(store)
    _ensure_no_scheduled_is_sensitive(store, plans, records)
    ensure_schedules_fit(store, plans, records)
    changes: list[DeploymentChange] = []
    with prefect_client() as client:
        ensure_pool(client, settings.work_pool)
        for record in records:
            for version in published:
                schema = plans.plan_of(version).input_schema
                changes.append(ensure_deployment(client, deployment_spec(version, schema, record, settings)))
        if remove:
            changes += _remove_others(client, {change.deployment_id for change in changes}, workflow)
    return changes


def deployment_spec(
    version: WorkflowVersion,
    input_schema: JsonObject,
    site: JsonObject | None,
    settings: Settings,
    *,
    draft: bool = False,
    scheduled: bool = True,
) -> DeploymentSpec:
    """The deployment of a workflow for a site; without `scheduled` the server's schedules are left unchanged."""
    schedules = None if draft or site is None or not scheduled else _schedules(version.workflow, site)
    return DeploymentSpec(
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
    """The description in Prefect's UI. It names the time zone of each schedule, which the UI does not."""
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


def _ensure_no_scheduled_is_sensitive(store: Store, plans: PlanCache, records: Iterable[JsonObject]) -> None:
    """`ConfigurationError` for a schedule that gives or needs a sensitive input: Prefect shows parameters."""
    for record in records:
        for entry in record.get("schedules") or ():
            plan = plans.plan_of(store.version(entry["workflow"]))
            given = sorted(plan.sensitive_inputs & (entry.get("inputs") or {}).keys())
            needed = sorted(plan.sensitive_inputs - plan.defaults.keys())
            for name in (*given, *needed):
                reason = "gives it a value" if name in given else "cannot give it a value"
                raise ConfigurationError(
                    f"the input {name} of workflow {entry['workflow']} is sensitive, and the schedule of site "
                    f"{record['site']} {reason}: Prefect shows the parameters of a schedule; keep the secret in a "
                    "connection that a step names"
                )


def _remove_others(client: SyncPrefectClient, kept: set[str], workflow: str | None) -> list[DeploymentChange]:
    """Remove the site deployments of flowbuilder whose ids are not in `kept`."""
    changes = []
    for deployment in _own_deployments(client):
        name = tagged(deployment.tags, "workflow")
        if str(deployment.id) in kept or tagged(deployment.tags, "site") is None or DRAFT in deployment.tags:
            continue
        if workflow in (None, name):
            changes.append(_remove(client, deployment, f"{name}/{deployment.name}"))
    return changes


def _remove(client: SyncPrefectClient, deployment: DeploymentResponse, name: str) -> DeploymentChange:
    """Delete a deployment. One with unfinished executions only loses its schedules: Prefect cannot resume the runs of a
    deleted deployment."""
    unfinished = client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=UNFINISHED))),
        limit=PAGE_SIZE,
    )
    scheduled = [run for run in unfinished if run.auto_scheduled and run.state_type == StateType.SCHEDULED]
    if len(scheduled) == len(unfinished):
        client.delete_deployment(deployment.id)
        return DeploymentChange(name=name, action="removed", deployment_id=str(deployment.id))
    for schedule in deployment.schedules:
        if schedule.id is not None:
            client.delete_deployment_schedule(deployment.id, schedule.id)
    count = len(unfinished) - len(scheduled)
    note = f"{count} unfinished execution{'' if count == 1 else 's'}; its schedules were removed"
    return DeploymentChange(name=name, action="kept", deployment_id=str(deployment.id), note=note)


def _own_deployments(client: SyncPrefectClient) -> list[DeploymentResponse]:
    """All deployments that flowbuilder has created."""
    found: list[DeploymentResponse] = []
    offset = 0
    while page := client.read_deployments(limit=PAGE_SIZE, offset=offset):
        found += [item for item in page if _is_own(item)]
        offset += PAGE_SIZE
    return found


def _is_own(deployment: Any) -> bool:
    name = tagged(deployment.tags, "workflow")
    return name is not None and deployment.entrypoint == entrypoint_of(name)
