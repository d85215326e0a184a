"""Creates the execution of a flow run on its first start, with its version and site frozen."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from flowbuilder.engine.start import create_execution, json_inputs
from flowbuilder.engine.stored_plans import PlanCache
from flowbuilder.errors import NotFound, Refused
from flowbuilder.model.execution import Execution, WorkflowVersion
from flowbuilder.ports import Clock, Store
from flowbuilder.prefect.api.availability import prefect_call
from flowbuilder.prefect.api.naming import DRAFT, tagged
from flowbuilder.prefect.runs.worker_context import WorkerContext


async def execution_of(
    worker_context: WorkerContext,
    run: FlowRun,
    client: PrefectClient,
    *,
    inputs: Mapping[str, Any],
    workflow: str | None = None,
) -> Execution:
    """The execution of a flow run, created now unless it exists; see `create_from_flow_run`."""
    try:
        return await asyncio.to_thread(worker_context.store.execution, str(run.id))
    except NotFound:
        return await create_from_flow_run(worker_context, run, client, inputs=inputs, workflow=workflow)


async def create_from_flow_run(
    worker_context: WorkerContext,
    run: FlowRun,
    client: PrefectClient,
    *,
    inputs: Mapping[str, Any],
    workflow: str | None = None,
) -> Execution:
    """Create the execution of a flow run. `workflow` is the default when neither the deployment nor the run has a tag
    that names one. `Refused`, `NotFound` or `DefinitionError` when it cannot be created, `PrefectUnavailable` when
    Prefect does not answer."""
    deployment = await _deployment_of(client, run)
    return await asyncio.to_thread(
        create_from_tags,
        worker_context.store,
        worker_context.ports.clock,
        execution_id=str(run.id),
        deployment_tags=deployment.tags if deployment else None,
        run_tags=run.tags,
        inputs=inputs,
        workflow=workflow,
        trigger="schedule" if run.auto_scheduled else "manual",
        plans=worker_context.plans,
    )


async def _deployment_of(client: PrefectClient, run: FlowRun) -> DeploymentResponse | None:
    if run.deployment_id is None:
        return None
    try:
        async with prefect_call():
            return await client.read_deployment(run.deployment_id)
    except ObjectNotFound:
        # its tags named the workflow and the site, and the run's own are not trusted
        raise NotFound("the deployment of this run was deleted; start the workflow again") from None


def create_from_tags(
    store: Store,
    clock: Clock,
    *,
    execution_id: str,
    deployment_tags: Collection[str] | None,
    run_tags: Collection[str],
    inputs: Mapping[str, Any],
    workflow: str | None = None,
    trigger: str = "manual",
    plans: PlanCache | None = None,
) -> Execution:
    """Create the execution that tags describe: the deployment's, or the run's own when it has no deployment (None).

    A user who may start runs of a deployment can tag them at will: the run's tags cannot change the workflow or site.
    """
    tags = run_tags if deployment_tags is None else deployment_tags
    name = tagged(tags, "workflow") or workflow
    if name is None:
        raise Refused("neither the deployment nor the run has a tag workflow:NAME")
    return create_execution(
        store,
        clock,
        execution_id=execution_id,
        version=_version(store, name, tags, run_tags, deployed=deployment_tags is not None),
        inputs=json_inputs(inputs),
        site=tagged(tags, "site"),
        trigger=trigger,
        plans=plans,
    )


def _version(
    store: Store, workflow: str, tags: Collection[str], run_tags: Collection[str], *, deployed: bool
) -> WorkflowVersion:
    """The published version, or another one if the deployment is for drafts or there is no deployment."""
    number = tagged(run_tags, "version")
    if number is not None and (DRAFT in tags or not deployed):
        if not number.isdecimal():
            raise Refused(f"the tag version:{number} names no version")
        return store.version(workflow, int(number))
    return store.latest_version(workflow) if DRAFT in tags else store.version(workflow)
