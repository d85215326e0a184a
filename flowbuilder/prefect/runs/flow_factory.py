"""Builds the Prefect flow of a stored workflow, for process, docker and kubernetes work pools and for programs.

The warm worker runs the same executions without these flows (`flow_run.run_in_warm_worker`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import cache
from inspect import Parameter, Signature
from typing import Any

from prefect import Flow
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.exceptions import Abort
from pydantic.fields import FieldInfo

from flowbuilder.engine.driver import RunResult
from flowbuilder.errors import Conflict, DefinitionError, LostLease, NotFound, Refused
from flowbuilder.model.execution import Execution, WorkflowVersion
from flowbuilder.ports import Store
from flowbuilder.ports.sensitive import sensitive_names
from flowbuilder.prefect.api.naming import FLOWS_MODULE, slug_of, workflow_of
from flowbuilder.prefect.deployments.parameter_schema import parameter_schema, signature_of
from flowbuilder.prefect.runs.create_from_flow_run import execution_of
from flowbuilder.prefect.runs.flow_run import run_flow_run, was_resumed
from flowbuilder.prefect.runs.state_mapping import failed, state_of
from flowbuilder.prefect.runs.state_reporter import StateReporter
from flowbuilder.prefect.runs.worker_context import OpenWorkerContext, WorkerContext

POLL_SECONDS = 1.0
"""Seconds between two checks whether an execution is ready, in a run without a deployment, which Prefect cannot
suspend."""


@cache
def worker_context_of(open_worker_context: OpenWorkerContext) -> WorkerContext:
    """The worker context of this process, opened once."""
    return open_worker_context()


def build_flow(slug: str, open_worker_context: OpenWorkerContext, *, running: bool) -> Flow[..., Any]:
    """The flow of the workflow with this slug; `NotFound` when there is none.

    Its signature is that of the published version, else of the newest. A flow that is about to run (`running`) accepts
    the inputs of every version: its execution decides which version it is.
    """
    worker_context = worker_context_of(open_worker_context)
    store, workflow = worker_context.store, workflow_of(slug)
    version = _shown(store, workflow)
    schema = worker_context.plans.plan_of(version).input_schema
    signature = _any_of(store, workflow) if running else signature_of(parameter_schema(schema))

    async def run(**inputs: Any) -> Any:
        return await _run(worker_context_of(open_worker_context), workflow, inputs)

    run.__name__ = run.__qualname__ = slug_of(workflow)
    run.__module__ = FLOWS_MODULE
    run.__doc__ = _doc(version, schema)
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    flow: Flow[..., Any] = Flow(
        run, name=workflow, version=str(version.number), validate_parameters=False, persist_result=False, retries=0
    )
    flow._entrypoint = f"{FLOWS_MODULE}.{run.__name__}"
    return flow


async def _run(worker_context: WorkerContext, workflow: str, given: Mapping[str, Any]) -> Any:
    context = FlowRunContext.get()
    assert context is not None
    assert context.flow_run is not None
    run, client = context.flow_run, context.client
    assert isinstance(client, PrefectClient)
    # an omitted input arrives as its FieldInfo from the signature
    inputs = {name: value for name, value in given.items() if not isinstance(value, FieldInfo)}
    try:
        execution = await execution_of(worker_context, run, client, inputs=inputs, workflow=workflow)
    except (DefinitionError, NotFound, Refused) as problem:
        return failed(problem)
    reporter = StateReporter(client, about=run.name)
    try:
        result = await _run_to_end(worker_context, run, client, execution, reporter)
    finally:
        await reporter.close()
    if run.deployment_id is None and result.status == "completed":
        return result.outputs  # a program called the flow and wants its result
    return state_of(result)


async def _run_to_end(
    worker_context: WorkerContext, run: FlowRun, client: PrefectClient, execution: Execution, reporter: StateReporter
) -> RunResult:
    """Run until the execution is released; without a deployment, which Prefect cannot suspend, until it has ended."""
    resumed = await was_resumed(client, execution)
    while True:
        try:
            result = await run_flow_run(worker_context, execution, reporter=reporter, resumed=resumed)
        except LostLease as problem:
            raise Abort(str(problem)) from None
        except Conflict:
            # another worker holds the lease, or was killed with it: then the lease expires
            await asyncio.sleep(worker_context.lease.total_seconds() / 3)
        else:
            if run.deployment_id is not None or result.status not in ("waiting", "paused"):
                return result
            await _until_ready(worker_context, execution.id)
        execution = await asyncio.to_thread(worker_context.store.execution, execution.id)
        resumed = False


async def _until_ready(worker_context: WorkerContext, execution_id: str) -> None:
    while True:
        execution = await asyncio.to_thread(worker_context.store.execution, execution_id)
        ready = execution.ready_at is not None and execution.ready_at <= worker_context.ports.clock.now()
        if ready or execution.status not in ("waiting", "paused"):
            return
        await asyncio.sleep(POLL_SECONDS)


def _shown(store: Store, workflow: str) -> WorkflowVersion:
    try:
        return store.version(workflow)
    except NotFound:
        return store.latest_version(workflow)


def _any_of(store: Store, workflow: str) -> Signature:
    """Every input that any version has and that is not sensitive, each optional."""
    names: dict[str, None] = {}
    for version in store.versions(workflow):
        inputs = version.document.get("inputs") or {}
        sensitive = sensitive_names({"properties": inputs})
        names |= {name: None for name in inputs if name not in sensitive}
    return Signature([Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=Any) for name in names])


def _doc(version: WorkflowVersion, schema: Mapping[str, Any]) -> str:
    about = str(version.document.get("description") or version.title or version.workflow)
    described = [
        f"    {name}: {' '.join(str(field['description']).split())}"
        for name, field in schema.get("properties", {}).items()
        if field.get("description")
    ]
    return "\n".join([about, "", "Args:", *described]) if described else about
