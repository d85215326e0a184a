"""One Prefect deployment: what it should be, and how the server's becomes that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectNotFound

from flowbuilder.prefect.api.naming import deployment_name, deployment_tags, entrypoint_of
from flowbuilder.prefect.deployments.parameter_schema import parameter_schema
from flowbuilder.values import JsonObject, digest


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When a deployment runs by itself: a cron line in a time zone, and the inputs of those runs."""

    cron: str
    timezone: str
    inputs: JsonObject = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The same for the same schedule."""
        return digest([self.cron, self.timezone, self.inputs])


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A deployment as it should be. `schedules` None leaves the server's as they are."""

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
        """What it is called, beside its flow's name."""
        return deployment_name(self.site, draft=self.draft)

    @property
    def full_name(self) -> str:
        """`workflow/deployment`, as Prefect writes it."""
        return f"{self.workflow}/{self.name}"

    def fields(self) -> dict[str, Any]:
        """Its fields, as Prefect calls them."""
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
class Change:
    """What became of a deployment: created, changed (its `fields`), unchanged, removed, or kept though not wanted."""

    name: str
    what: str
    fields: tuple[str, ...] = ()
    deployment_id: str = ""
    note: str = ""


def ensure_deployment(client: SyncPrefectClient, wanted: Wanted) -> Change:
    """Make the deployment what it should be. Doing it again changes nothing."""
    try:
        there = client.read_deployment_by_name(wanted.full_name)
    except ObjectNotFound:
        return _create(client, wanted)
    fields = wanted.fields()
    different = tuple(name for name, value in fields.items() if _differs(getattr(there, name), value))
    if different:
        client.update_deployment(there.id, DeploymentUpdate(**{name: fields[name] for name in (*different, "tags")}))
    if wanted.schedules is not None and _reschedule(client, there, wanted.schedules):
        different += ("schedules",)
    return Change(
        name=wanted.full_name,
        what="changed" if different else "unchanged",
        fields=different,
        deployment_id=str(there.id),
    )


def _create(client: SyncPrefectClient, wanted: Wanted) -> Change:
    flow_id = client.create_flow_from_name(wanted.workflow)
    schedules = [_schedule(schedule) for schedule in wanted.schedules or ()]
    deployment_id = client.create_deployment(flow_id, wanted.name, schedules=schedules, **wanted.fields())
    return Change(name=wanted.full_name, what="created", deployment_id=str(deployment_id))


def _reschedule(client: SyncPrefectClient, there: DeploymentResponse, wanted: Iterable[Schedule]) -> bool:
    """Take away the schedules that are not wanted, and add those that are missing. One that a person has switched off
    in Prefect's UI stays so."""
    known = {_key(schedule): schedule for schedule in there.schedules}
    want = {schedule.key: schedule for schedule in wanted}
    gone = [schedule for key, schedule in known.items() if key not in want]
    new = [_schedule(schedule) for key, schedule in want.items() if key not in known]
    for schedule in gone:
        client.delete_deployment_schedule(there.id, _id(schedule))
    if new:
        client.create_deployment_schedules(there.id, new)
    return bool(gone or new)


def _schedule(schedule: Schedule) -> DeploymentScheduleCreate:
    return DeploymentScheduleCreate(
        schedule=CronSchedule(cron=schedule.cron, timezone=schedule.timezone), parameters=schedule.inputs
    )


def _key(schedule: DeploymentSchedule) -> str:
    """The key of a schedule of the server's; its id where it is none of ours, such as an interval."""
    when = schedule.schedule
    if not isinstance(when, CronSchedule):
        return str(schedule.id)
    return Schedule(cron=when.cron, timezone=when.timezone or "UTC", inputs=schedule.parameters).key


def _id(schedule: DeploymentSchedule) -> UUID:
    assert schedule.id is not None
    return schedule.id


def _differs(have: object, want: object) -> bool:
    if isinstance(have, list) and isinstance(want, list):
        return sorted(map(str, have)) != sorted(map(str, want))
    return _plain(have) != _plain(want)


def _plain(value: object) -> object:
    """A value without what means nothing: Prefect leaves empty parts of a schema out, or does not."""
    if isinstance(value, dict):
        return {
            name: inner for name, inner in value.items() if inner or name not in ("definitions", "required")
        } or None
    return value or None
