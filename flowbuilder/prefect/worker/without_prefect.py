"""Executions without Prefect: while its server is unavailable, or when it has lost the flow run."""

from __future__ import annotations

import contextlib

from flowbuilder.engine.drive_control import DriveControl
from flowbuilder.engine.history import last_holder
from flowbuilder.engine.runner import run_execution
from flowbuilder.errors import FlowbuilderError, NotFound
from flowbuilder.prefect.runs.worker_context import WorkerContext, kind_of


def was_held_by_same_kind(worker_context: WorkerContext, execution_id: str) -> bool:
    """Whether a worker of this kind held the execution last. While Prefect is unavailable, only that tells the work
    pool, and a step of another pool may need packages that are not installed here."""
    store = worker_context.store
    try:
        holder = store.execution(execution_id).holder or last_holder(store, execution_id)
    except FlowbuilderError:
        return False
    return holder is not None and kind_of(holder) == kind_of(worker_context.holder)


async def run_without_prefect(worker_context: WorkerContext, execution_id: str, control: DriveControl) -> None:
    """Run an execution without reporting to Prefect. An execution that does not exist is ignored."""
    with contextlib.suppress(NotFound):
        await run_execution(
            worker_context.store,
            execution_id,
            holder=worker_context.holder,
            ttl=worker_context.lease,
            ports=worker_context.ports,
            plans=worker_context.plans,
            control=control,
        )
