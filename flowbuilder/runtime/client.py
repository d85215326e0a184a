"""Prefect as the engine: starts flow runs, wakes workers, cancels.

Nothing of Prefect is imported before it is needed: a decision that reaches a warm worker of this machine never does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from flowbuilder.adapters.clock import SystemClock
from flowbuilder.errors import NotFound, Refused
from flowbuilder.execute import create_execution, plan_of
from flowbuilder.execution import WorkflowVersion
from flowbuilder.ports import Store
from flowbuilder.runtime.names import run_name
from flowbuilder.runtime.wake import wake_workers
from flowbuilder.settings import Settings
from flowbuilder.values import JsonObject

if TYPE_CHECKING:
    from flowbuilder.runtime.deployment import Wanted


class PrefectEngine:
    """Implements `ports.Engine`. Every method raises `Unavailable` when Prefect is needed and does not answer."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def start(self, *, workflow: str, version: int, inputs: JsonObject, site: str | None, draft: bool) -> str:
        """Create the flow run, with the deployment that it needs, and the execution; returns their id."""
        from flowbuilder.runtime.deployment import ensure_deployment
        from flowbuilder.runtime.pool import ensure_pool
        from flowbuilder.runtime.server import server

        chosen = self._store.version(workflow, version)
        with server() as client:
            ensure_pool(client, self._settings.work_pool)
            change = ensure_deployment(client, self._wanted(chosen, site, draft=draft))
            run = client.create_flow_run_from_deployment(
                UUID(change.deployment_id),
                parameters=inputs,
                name=run_name(workflow, inputs, site),
                tags=[f"version:{version}"] if draft else [],
                idempotency_key=str(uuid4()),  # asked again because the server was busy, it makes no second run
            )
        execution_id = str(run.id)
        create_execution(
            self._store, SystemClock(), execution_id=execution_id, version=chosen, inputs=inputs, site=site
        )
        wake_workers(self._settings.home, execution_id)
        return execution_id

    def wake(self, execution_id: str) -> None:
        """Tell the warm workers of this machine; where there is none that takes it, have Prefect resume the run."""
        if wake_workers(self._settings.home, execution_id):
            return
        from flowbuilder.runtime.server import server

        with server() as client:
            # ABORT: it goes on already, or has not yet come to rest; before it does it looks once more
            client.resume_flow_run(UUID(execution_id))

    def cancel(self, execution_id: str) -> None:
        """Have Prefect show it as cancelled; the worker that holds it learns it from our own record."""
        if wake_workers(self._settings.home, execution_id):
            return
        from prefect.states import Cancelling

        from flowbuilder.runtime.server import server

        try:
            with server() as client:
                client.set_flow_run_state(UUID(execution_id), Cancelling(message="cancelled"))
        except (NotFound, Refused):
            return  # Prefect does not have it, or has ended it already

    def _wanted(self, version: WorkflowVersion, site: str | None, *, draft: bool) -> Wanted:
        from flowbuilder.runtime.deploy import wanted_deployment

        schema = plan_of(self._store, version).input_schema
        record = self._store.site(site) if site else None
        return wanted_deployment(version, schema, record, self._settings, draft=draft, scheduled=False)
