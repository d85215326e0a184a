"""An execution: one occurrence of a workflow, its legal states, its outcomes, and the lease that a worker holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from flowbuilder.errors import Conflict
from flowbuilder.values import Json, JsonObject

Status = Literal["queued", "running", "waiting", "paused", "completed", "failed", "cancelled"]
OutcomeStatus = Literal["completed", "failed", "needs_review"]
Control = Literal["pause", "cancel"]

TERMINAL: frozenset[Status] = frozenset({"completed", "failed", "cancelled"})
ACTIVE: frozenset[Status] = frozenset({"queued", "running", "waiting", "paused"})
TRANSITIONS: dict[Status, frozenset[Status]] = {
    "queued": frozenset({"running", "paused", "cancelled", "failed"}),
    "running": frozenset({"waiting", "paused", "completed", "failed", "cancelled", "queued"}),
    "waiting": frozenset({"running", "paused", "cancelled", "failed", "queued"}),
    "paused": frozenset({"queued", "running", "waiting", "cancelled", "failed"}),
    "completed": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The outcome of one step run. `path` is its StepPath. Only completed and failed are final and stored: a step run
    that `needs_review` runs again after the decision."""

    path: str
    status: OutcomeStatus
    output: Json = None
    error: JsonObject | None = None
    attempt: int = 1
    seconds: float = 0.0
    usage: JsonObject = field(default_factory=dict)
    task_run_id: str | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """One occurrence of a workflow. `id` is the Prefect flow run's id; times are in UTC.

    `version` and `digest` are frozen at the start. `progress` is `{done, total}` of the steps at the top. `control` is
    the pending request of a person: pause or cancel.
    """

    id: str
    workflow: str
    version: int
    digest: str
    status: Status
    inputs: JsonObject
    site: str | None = None
    site_record: JsonObject = field(default_factory=dict)
    account: str = "default"
    outputs: Json = None
    error: JsonObject | None = None
    progress: JsonObject = field(default_factory=dict)
    control: Control | None = None
    trigger: str = "manual"
    parent_execution_id: str | None = None
    attempt: int = 0
    deaths: int = 0
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    ready_at: datetime | None = None
    lease_until: datetime | None = None
    holder: str | None = None
    epoch: int = 0
    damaged: str = ""
    """The parts of the execution's rows that cannot be read, as text; these fields are empty. Empty when all can be
    read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """The right to write for an execution: valid while the row's epoch equals `epoch`. Every write checks it."""

    execution_id: str
    holder: str
    epoch: int


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkflowVersion:
    """One version of a workflow. Its document never changes; its status goes draft -> published -> archived."""

    workflow: str
    number: int
    status: Literal["draft", "published", "archived"]
    title: str
    document: JsonObject
    source: str
    digest: str
    account: str = "default"
    created_at: datetime
    published_at: datetime | None = None
    author: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkflowSummary:
    """A workflow as lists show it: the numbers of its latest, draft and published versions, None where none is."""

    name: str
    title: str
    latest: int
    draft: int | None
    published: int | None
    archived: bool
    account: str = "default"
    updated_at: datetime


def other_start(key: str) -> Conflict:
    """The error of a start whose key was used for another one."""
    return Conflict(f"the idempotency key {key} was used to start something else; give every start a key of its own")
