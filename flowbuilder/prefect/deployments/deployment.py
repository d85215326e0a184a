"""Creates and updates one Prefect deployment, and the work pool that its runs are in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate, WorkPoolCreate
from prefect.client.schemas.objects import DeploymentSchedule, WorkPool
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from flowbuilder.prefect.api.naming import deployment_name, deployment_tags, entrypoint_of
from flowbuilder.prefect.deployments.parameter_schema import parameter_schema
from flowbuilder.values import JsonObject, digest

WORKER_TYPE = "flowbuilder"
"""The type of the warm worker and of its work pools."""
POOL_DESCRIPTION = "Runs of stored workflows: many at once in one warm process (`flowbuilder worker`)."


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A schedule of a deployment: a cron expression in a time zone, and the inputs of its runs."""

    cron: str
    timezone: str
    inputs: JsonObject = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Equal for equal schedules."""
        return digest([self.cron, self.timezone, self.inputs])


@dataclass(frozen=True, kw_only=True)
class DeploymentSpec:
    """A deployment as it should be. `schedules` None leaves the server's unchanged."""

    workflow: str
    site: str | None
    input_schema: JsonObject
    version: int
    pool: str
    description: str
    draft: bool = False
    schedules: tuple[Schedule, ...] | None = None

    @property
    def name(self) -> str:
        """The name of the deployment, without that of its flow."""
        return deployment_name(self.site, draft=self.draft)

    @property
    def full_name(self) -> str:
        """`workflow/deployment`, as Prefect writes it."""
        return f"{self.workflow}/{self.name}"

    def fields(self) -> dict[str, Any]:
        """The fields of the deployment by Prefect's names."""
        return {
            "version": str(self.version),
            "description": self.description,
            "tags": deployment_tags(self.workflow, self.site, draft=self.draft),
            "entrypoint": entrypoint_of(self.workflow),
            "path": None,
            "work_pool_name": self.pool,
            "parameters": {},
            "parameter_openapi_schema": parameter_schema(self.input_schema),
            "enforce_parameter_schema": True,
        }


@dataclass(frozen=True, kw_only=True)
class DeploymentChange:
    """A change of a deployment: `action` is created, changed (its `fields`), unchanged, removed, or kept because it
    still has executions; `note` says how many."""

    name: str
    action: str
    fields: tuple[str, ...] = ()
    deployment_id: str = ""
    note: str = ""


def ensure_deployment(client: SyncPrefectClient, spec: DeploymentSpec) -> DeploymentChange:
    """Create or update the deployment; a second call changes nothing."""
    try:
        existing = client.read_deployment_by_name(spec.full_name)
    except ObjectNotFound:
        return _create(client, spec)
    fields = spec.fields()
    different = tuple(name for name, value in fields.items() if _differs(getattr(existing, name), value))
    if different:
        client.update_deployment(existing.id, DeploymentUpdate(**{name: fields[name] for name in (*different, "tags")}))
    if spec.schedules is not None and _sync_schedules(client, existing, spec.schedules):
        different += ("schedules",)
    return DeploymentChange(
        name=spec.full_name,
        action="changed" if different else "unchanged",
        fields=different,
        deployment_id=str(existing.id),
    )


def ensure_pool(client: SyncPrefectClient, name: str) -> WorkPool:
    """The work pool of this name, created for warm workers if it is missing; one of another type is left as it is."""
    try:
        return client.read_work_pool(name)
    except ObjectNotFound:
        pass
    wanted = WorkPoolCreate(name=name, type=WORKER_TYPE, description=POOL_DESCRIPTION, base_job_template=job_template())
    try:
        return client.create_work_pool(wanted)
    except ObjectAlreadyExists:  # another process created it meanwhile
        return client.read_work_pool(name)


def job_template() -> dict[str, Any]:
    """The base job template of a warm worker's pool. Runs have the worker's own environment, but Prefect demands a
    variable."""
    name = {"type": "string", "title": "Name", "description": "Not used by warm workers", "default": ""}
    return {
        "job_configuration": {"name": "{{ name }}"},
        "variables": {"type": "object", "properties": {"name": name}},
    }


def _create(client: SyncPrefectClient, spec: DeploymentSpec) -> DeploymentChange:
    flow_id = client.create_flow_from_name(spec.workflow)
    schedules = [_schedule_create(schedule) for schedule in spec.schedules or ()]
    deployment_id = client.create_deployment(flow_id, spec.name, schedules=schedules, **spec.fields())
    return DeploymentChange(name=spec.full_name, action="created", deployment_id=str(deployment_id))


def _sync_schedules(client: SyncPrefectClient, existing: DeploymentResponse, wanted: Iterable[Schedule]) -> bool:
    """Delete the schedules that are not wanted and add the missing ones; whether there were any. One that a person has
    paused in Prefect's UI stays paused."""
    present = {_key(schedule): schedule for schedule in existing.schedules}
    by_key = {schedule.key: schedule for schedule in wanted}
    obsolete = [schedule for key, schedule in present.items() if key not in by_key]
    missing = [_schedule_create(schedule) for key, schedule in by_key.items() if key not in present]
    for schedule in obsolete:
        client.delete_deployment_schedule(existing.id, _id(schedule))
    if missing:
        client.create_deployment_schedules(existing.id, missing)
    return bool(obsolete or missing)


def _schedule_create(schedule: Schedule) -> DeploymentScheduleCreate:
    return DeploymentScheduleCreate(
        schedule=CronSchedule(cron=schedule.cron, timezone=schedule.timezone), parameters=schedule.inputs
    )


def _key(schedule: DeploymentSchedule) -> str:
    """The `Schedule.key` of a schedule on the server; its id when it is not a cron schedule: flowbuilder makes only
    those."""
    cron = schedule.schedule
    if not isinstance(cron, CronSchedule):
        return str(schedule.id)
    return Schedule(cron=cron.cron, timezone=cron.timezone or "UTC", inputs=schedule.parameters).key


def _id(schedule: DeploymentSchedule) -> UUID:
    assert schedule.id is not None
    return schedule.id


def _differs(existing: object, wanted: object) -> bool:
    if isinstance(existing, list) and isinstance(wanted, list):
        return sorted(map(str, existing)) != sorted(map(str, wanted))
    return _without_empty_parts(existing) != _without_empty_parts(wanted)


def _without_empty_parts(value: object) -> object:
    """A value without empty parts of a schema, which Prefect sometimes leaves out; None for an empty value."""
    if isinstance(value, dict):
        return {
            name: inner for name, inner in value.items() if inner or name not in ("definitions", "required")
        } or None
    return value or None
