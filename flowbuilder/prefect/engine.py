"""Prefect as the engine: starts flow runs, wakes workers, cancels.

Nothing of Prefect is imported before it is needed: a decision that reaches a warm worker of this machine never does.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from flowbuilder.adapters.ports import SystemClock
from flowbuilder.engine.start import create_execution
from flowbuilder.engine.stored_plans import PlanCache
from flowbuilder.errors import NotFound, Refused
from flowbuilder.model.execution import WorkflowVersion
from flowbuilder.ports import StartRequest, Store
from flowbuilder.prefect.api.naming import run_name
from flowbuilder.prefect.api.wakeup_channel import wake_workers
from flowbuilder.settings import Settings
from flowbuilder.values import digest

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

    from flowbuilder.prefect.deployments.deployment import Wanted

GONE = 404


class PrefectEngine:
    """Implements `ports.Engine`. Every method raises `Unavailable` when Prefect is needed and does not answer."""

    def __init__(self, store: Store, settings: Settings, *, plans: PlanCache | None = None) -> None:
        self._store = store
        self._plans = plans or PlanCache(store)
        self._settings = settings
        self._deployments: dict[str, UUID] = {}
        self._one_at_a_time = Lock()

    def start(self, wanted: StartRequest) -> str:
        """Create the flow run, with the deployment that it needs, and the execution; returns their id."""
        from prefect.exceptions import PrefectHTTPStatusError

        from flowbuilder.prefect.api.sync_client import server

        chosen = self._store.version(wanted.workflow, wanted.version)
        name = run_name(wanted.workflow, wanted.inputs, wanted.site)
        tags = [f"version:{wanted.version}"] if wanted.draft else []
        # asked again, because the server was busy or this process died, it makes no second run
        asked = digest([self._store.install_id(), wanted.key]) if wanted.key else str(uuid4())
        # one at a time: a Prefect server on SQLite refuses all but one of those that come at once
        with self._one_at_a_time, server() as client:
            for known in (True, False):
                deployment_id = self._deployment(client, chosen, wanted.site, draft=wanted.draft, known=known)
                try:
                    run = client.create_flow_run_from_deployment(
                        deployment_id, parameters=wanted.inputs, name=name, tags=tags, idempotency_key=asked
                    )
                    break
                except PrefectHTTPStatusError as problem:
                    if not known or problem.response.status_code != GONE:
                        raise  # else somebody has deleted the deployment
        execution_id = str(run.id)
        create_execution(
            self._store,
            SystemClock(),
            execution_id=execution_id,
            version=chosen,
            inputs=wanted.inputs,
            site=wanted.site,
            plans=self._plans,
        )
        wake_workers(self._settings.home, execution_id, run.model_dump_json())
        return execution_id

    def _deployment(
        self, client: SyncPrefectClient, version: WorkflowVersion, site: str | None, *, draft: bool, known: bool
    ) -> UUID:
        """The deployment that such runs are of, made or brought up to date; one that is `known` is believed in."""
        from flowbuilder.prefect.api.work_pool import ensure_pool
        from flowbuilder.prefect.deployments.deployment import ensure_deployment

        wanted = self._wanted(version, site, draft=draft)
        place = digest([wanted.full_name, wanted.fields()])
        if not known or place not in self._deployments:
            ensure_pool(client, self._settings.work_pool)
            self._deployments[place] = UUID(ensure_deployment(client, wanted).deployment_id)
        return self._deployments[place]

    def wake(self, execution_id: str) -> None:
        """Tell the warm workers of this machine; where there is none that takes it, have Prefect resume the run."""
        if wake_workers(self._settings.home, execution_id):
            return
        from flowbuilder.prefect.api.sync_client import server

        with server(hint=True) as client:
            # ABORT: it goes on already, or has not yet come to rest; before it does it looks once more
            client.resume_flow_run(UUID(execution_id))

    def cancel(self, execution_id: str) -> None:
        """Have Prefect show it as cancelled; the worker that holds it learns it from our own record."""
        if wake_workers(self._settings.home, execution_id):
            return
        from prefect.states import Cancelling

        from flowbuilder.prefect.api.sync_client import server

        try:
            with server(hint=True) as client:
                client.set_flow_run_state(UUID(execution_id), Cancelling(message="cancelled"))
        except (NotFound, Refused):
            return  # Prefect does not have it, or has ended it already

    def _wanted(self, version: WorkflowVersion, site: str | None, *, draft: bool) -> Wanted:
        from flowbuilder.prefect.deployments.sync import wanted_deployment

        schema = self._plans.plan_of(version).input_schema
        record = self._store.site(site) if site else None
        return wanted_deployment(version, schema, record, self._settings, draft=draft, scheduled=False)
