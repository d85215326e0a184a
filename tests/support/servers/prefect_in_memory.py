"""A Prefect server in memory: the part of its API that flowbuilder calls. It survives simulated crashes of workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import ArtifactCreate, WorkPoolCreate
from prefect.client.schemas.objects import FlowRun, State, StateType, TaskRun
from prefect.client.schemas.responses import (
    DeploymentResponse,
    OrchestrationResult,
    SetStateStatus,
    StateAcceptDetails,
    StateRejectDetails,
)
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Scheduled

from tests.support.faults.crash_injection import CrashProxy

HERE = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


@dataclass
class PrefectMemory:
    """The methods are those of Prefect's client. Ids are derived from names."""

    runs: dict[UUID, FlowRun] = field(default_factory=dict)
    states: dict[UUID, list[State[Any]]] = field(default_factory=dict)
    deployments: dict[str, DeploymentResponse] = field(default_factory=dict)
    pools: set[str] = field(default_factory=set)
    tasks: dict[UUID, list[str]] = field(default_factory=dict)
    artifacts: list[str] = field(default_factory=list)
    writes: int = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> PrefectMemory:
        raise AssertionError("a crash does not copy the server: it is another process")

    def read_work_pool(self, name: str) -> str:
        if name not in self.pools:
            raise _missing(name)
        return name

    def create_work_pool(self, wanted: WorkPoolCreate) -> str:
        self.writes += 1
        self.pools.add(wanted.name)
        return wanted.name

    def create_flow_from_name(self, name: str) -> UUID:
        self.writes += 1
        return uuid5(HERE, name)

    def create_deployment(
        self, flow_id: UUID, name: str, *, schedules: Sequence[Any], entrypoint: str, **fields: Any
    ) -> UUID:
        self.writes += 1
        workflow = next(tag.partition(":")[2] for tag in fields["tags"] if tag.startswith("workflow:"))
        found = DeploymentResponse(
            id=uuid5(flow_id, name), flow_id=flow_id, name=name, entrypoint=entrypoint, **{**fields, "version": "1"}
        )
        self.deployments[f"{workflow}/{name}"] = found
        return found.id

    def update_deployment(self, deployment_id: UUID, update: Any) -> None:
        self.writes += 1

    def read_deployment_by_name(self, name: str) -> DeploymentResponse:
        if name not in self.deployments:
            raise _missing(name)
        return self.deployments[name]

    def read_deployment(self, deployment_id: UUID) -> DeploymentResponse:
        return next(found for found in self.deployments.values() if found.id == deployment_id)

    def create_flow_run_from_deployment(
        self, deployment_id: UUID, *, parameters: Any, name: str, tags: Sequence[str], idempotency_key: str
    ) -> FlowRun:
        run_id = uuid5(deployment_id, idempotency_key)
        if run_id not in self.runs:
            self.writes += 1
            deployment = self.read_deployment(deployment_id)
            self.runs[run_id] = FlowRun(
                id=run_id,
                flow_id=deployment.flow_id,
                deployment_id=deployment_id,
                work_pool_name=deployment.work_pool_name,
                parameters=parameters,
                name=name,
                tags=[*deployment.tags, *tags],
                idempotency_key=idempotency_key,
            )
            self._set(run_id, Scheduled())
        return self.runs[run_id]

    def scheduled(self) -> list[FlowRun]:
        """The runs that a worker's poll returns."""
        return [run for run in self.runs.values() if run.state is not None and run.state.is_scheduled()]

    def read_flow_run(self, run_id: UUID) -> FlowRun:
        if run_id not in self.runs:
            raise _missing(str(run_id))
        return self.runs[run_id].model_copy()

    def read_flow_runs(self, *, flow_run_filter: Any, limit: int, offset: int, **_: Any) -> list[FlowRun]:
        wanted = flow_run_filter.state.type.any_ if flow_run_filter.state else list(StateType)
        ids = flow_run_filter.id.any_ if flow_run_filter.id else list(self.runs)
        found = [run for run in self.runs.values() if run.id in ids and run.state and run.state.type in wanted]
        return found[offset : offset + limit]

    def read_flow_run_states(self, run_id: UUID) -> list[State[Any]]:
        return self.states[run_id]

    def set_flow_run_state(self, run_id: UUID, state: State[Any], force: bool = False) -> OrchestrationResult[Any]:
        """Rejects another state for a run that has ended or is being cancelled, unless `force`. A scheduled or
        suspended run has no process and is cancelled at once."""
        current = self.read_flow_run(run_id).state
        if state.is_cancelling() and current is not None and (current.is_scheduled() or current.is_paused()):
            state = Cancelled()
        ended = current is not None and (current.is_final() or (current.is_cancelling() and not state.is_final()))
        if ended and not force:
            return OrchestrationResult(
                state=current, status=SetStateStatus.REJECT, details=StateRejectDetails(reason="it has ended")
            )
        self._set(run_id, state)
        return OrchestrationResult(state=state, status=SetStateStatus.ACCEPT, details=StateAcceptDetails())

    def resume_flow_run(self, run_id: UUID) -> OrchestrationResult[Any]:
        current = self.read_flow_run(run_id).state
        if current is None or not current.is_paused():
            return OrchestrationResult(
                state=current, status=SetStateStatus.REJECT, details=StateRejectDetails(reason="it is not paused")
            )
        return self.set_flow_run_state(run_id, Scheduled(name="Resuming"))

    def set_flow_run_name(self, run_id: UUID, name: str) -> None:
        self.writes += 1
        self.runs[run_id] = self.runs[run_id].model_copy(update={"name": name})

    def create_artifact(self, artifact: ArtifactCreate) -> None:
        self.writes += 1
        self.artifacts.append(str(artifact.key))

    def read_task_run(self, task_run_id: UUID) -> TaskRun:
        raise _missing(str(task_run_id))  # the server stores task runs later than their events

    def task_run_became(self, run: TaskRun, before: State[Any] | None, after: State[Any], **_: Any) -> None:
        """The event that reports a task run's state."""
        self.writes += 1
        self.tasks.setdefault(run.id, []).append(after.name or "")

    def _set(self, run_id: UUID, state: State[Any]) -> None:
        self.writes += 1
        self.states.setdefault(run_id, []).append(state)
        self.runs[run_id] = self.runs[run_id].model_copy(update={"state": state})


class Client:
    """Prefect's asynchronous client of that server."""

    def __init__(self, server: CrashProxy) -> None:
        self._server = server
        self.loop = self._loop = asyncio.get_running_loop()

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """Prefect's contexts check the type of a client."""
        return PrefectClient

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._server, name)

        async def call(*given: Any, **named: Any) -> Any:
            return method(*given, **named)

        return call


def _missing(what: str) -> ObjectNotFound:
    return ObjectNotFound(http_exc=httpx.HTTPError(f"there is no {what}"))
