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
from flowbuilder.ports.sensitive import held_key, values_in
from flowbuilder.prefect.api.availability import prefect_call
from flowbuilder.prefect.api.naming import DRAFT, tagged
from flowbuilder.prefect.runs.worker_context import WorkerContext

_START_HERE = "start it with `flowbuilder run` or in the review app; a schedule takes a secret from a connection"


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
        start_key=run.idempotency_key,
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
    start_key: str | None = None,
) -> Execution:
    """Create the execution that tags describe: the deployment's, or the run's own when it has no deployment (None).

    A user who may start runs of a deployment can tag them at will: the run's tags cannot change the workflow or site.
    Sensitive inputs are those that are held under the run's `start_key`; `Refused` when Prefect was given some.
    """
    tags = run_tags if deployment_tags is None else deployment_tags
    name = tagged(tags, "workflow") or workflow
    if name is None:
        raise Refused("neither the deployment nor the run has a tag workflow:NAME")
    version = _version(store, name, tags, run_tags, deployed=deployment_tags is not None)
    plans = plans or PlanCache(store)
    names = plans.plan_of(version).sensitive_inputs
    for given in sorted(names & inputs.keys()):
        if inputs[given] is not None:
            raise Refused(f"the input {given} is sensitive, and Prefect shows parameters; {_START_HERE}")
    held = held_key(start_key) if names and start_key else ""
    record = store.sensitive(held) if held else None
    sensitive = values_in(record) if record and record["workflow"] == name else {}
    if missing := names & set(plans.plan_of(version).input_schema["required"]) - sensitive.keys():
        raise Refused(f"the sensitive input {min(missing)} is missing; {_START_HERE}")
    return create_execution(
        store,
        clock,
        execution_id=execution_id,
        version=version,
        inputs={**json_inputs({key: value for key, value in inputs.items() if key not in names}), **sensitive},
        held=held,
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
