"""Prefect as the engine: creates flow runs, wakes workers, cancels.

Prefect is imported only when it is called: a decision that reaches a warm worker of this machine needs none of it.
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
from flowbuilder.ports.sensitive import held_key, sensitive_record
from flowbuilder.prefect.api.naming import run_name
from flowbuilder.prefect.api.wakeup_channel import wake_workers
from flowbuilder.settings import Settings
from flowbuilder.values import digest

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

NOT_FOUND = 404


class PrefectEngine:
    """Implements `ports.Engine`. Every method raises `Unavailable` when Prefect is needed and does not answer."""

    def __init__(self, store: Store, settings: Settings, *, plans: PlanCache | None = None) -> None:
        self._store = store
        self._plans = plans or PlanCache(store)
        self._settings = settings
        self._deployments: dict[str, UUID] = {}
        self._lock = Lock()

    def start(self, wanted: StartRequest) -> str:
        """Create the flow run, its deployment if needed, and the execution; returns the id that both have."""
        from prefect.exceptions import PrefectHTTPStatusError

        from flowbuilder.prefect.api.sync_client import prefect_client

        version = self._store.version(wanted.workflow, wanted.version)
        tags = [f"version:{wanted.version}"] if wanted.draft else []
        # repeated after an error or a crash, a start with the same key creates no second run
        key = digest([self._store.install_id(), wanted.key]) if wanted.key else str(uuid4())
        names = self._plans.plan_of(version).sensitive_inputs
        shown = {name: value for name, value in wanted.inputs.items() if name not in names}
        held = ""
        if sensitive := {name: value for name, value in wanted.inputs.items() if name in names}:
            # before the run: a worker may take it up, and create the execution, before this process does
            held = held_key(key)
            self._store.hold_sensitive(held, sensitive_record(wanted.workflow, sensitive))
        name = run_name(wanted.workflow, shown, wanted.site)
        # one start at a time: a Prefect server on SQLite rejects all but one of concurrent ones
        with self._lock, prefect_client() as client:
            for use_cache in (True, False):
                deployment_id = self._deployment(client, version, wanted.site, draft=wanted.draft, use_cache=use_cache)
                try:
                    run = client.create_flow_run_from_deployment(
                        deployment_id, parameters=shown, name=name, tags=tags, idempotency_key=key
                    )
                    break
                except PrefectHTTPStatusError as problem:
                    if not use_cache or problem.response.status_code != NOT_FOUND:
                        raise  # otherwise a person has deleted the deployment
        execution_id = str(run.id)
        create_execution(
            self._store,
            SystemClock(),
            execution_id=execution_id,
            version=version,
            inputs=wanted.inputs,
            site=wanted.site,
            plans=self._plans,
            held=held,
        )
        wake_workers(self._settings.home, execution_id, run.model_dump_json())
        return execution_id

    def wake(self, execution_id: str) -> None:
        """Wake the warm workers of this machine; when none receives it, have Prefect resume the run."""
        if wake_workers(self._settings.home, execution_id):
            return
        from flowbuilder.prefect.api.sync_client import prefect_client

        with prefect_client(best_effort=True) as client:
            # a refusal is ignored: the run is active, and reads the store once more before it suspends
            client.resume_flow_run(UUID(execution_id))

    def cancel(self, execution_id: str) -> None:
        """Have Prefect show the run as cancelled; the worker that holds the execution reads it from the store."""
        if wake_workers(self._settings.home, execution_id):
            return
        from prefect.states import Cancelling

        from flowbuilder.prefect.api.sync_client import prefect_client

        try:
            with prefect_client(best_effort=True) as client:
                client.set_flow_run_state(UUID(execution_id), Cancelling(message="cancelled"))
        except (NotFound, Refused):
            return  # Prefect does not have the run, or the run has ended

    def _deployment(
        self, client: SyncPrefectClient, version: WorkflowVersion, site: str | None, *, draft: bool, use_cache: bool
    ) -> UUID:
        """The id of the deployment for such runs. It is created or updated unless this process has done so before and
        `use_cache` is true."""
        from flowbuilder.prefect.deployments.deployment import ensure_deployment, ensure_pool
        from flowbuilder.prefect.deployments.sync import deployment_spec

        schema = self._plans.plan_of(version).input_schema
        record = self._store.site(site) if site else None
        spec = deployment_spec(version, schema, record, self._settings, draft=draft, scheduled=False)
        key = digest([spec.full_name, spec.fields()])
        if not use_cache or key not in self._deployments:
            ensure_pool(client, self._settings.work_pool)
            self._deployments[key] = UUID(ensure_deployment(client, spec).deployment_id)
        return self._deployments[key]
