"""Cached reads of Prefect's API: flow runs, and whether a deployment has a concurrency limit."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound

from flowbuilder.prefect.api.availability import PrefectUnavailable, prefect_call

MAX_FLOW_RUNS = 4096
LIMIT_SECONDS = 30.0
"""Seconds within which the worker notices a concurrency limit that a person sets in Prefect."""
UNAVAILABLE_SECONDS = 5.0
"""Seconds during which no flow run is read after Prefect did not answer."""


class FlowRunCache:
    """The flow runs that were read last, so that resuming an execution needs no call to Prefect."""

    def __init__(self, client: PrefectClient) -> None:
        self._client = client
        self._runs: OrderedDict[str, FlowRun] = OrderedDict()
        self._unavailable_until = 0.0

    def add(self, run: FlowRun) -> None:
        """Keep a flow run, and drop the oldest one if there are too many."""
        self._runs[str(run.id)] = run
        self._runs.move_to_end(str(run.id))
        while len(self._runs) > MAX_FLOW_RUNS:
            self._runs.popitem(last=False)

    async def get(self, execution_id: str) -> FlowRun | None:
        """The flow run of an execution; None when Prefect does not have it. Raises `PrefectUnavailable`, without a call
        for `UNAVAILABLE_SECONDS` after the last one failed."""
        known = self._runs.get(execution_id)
        if known is not None:
            return known
        if time.monotonic() < self._unavailable_until:
            raise PrefectUnavailable("Prefect did not answer the last call")
        try:
            async with prefect_call():
                run = await self._client.read_flow_run(UUID(execution_id))
        except (ObjectNotFound, ValueError):
            return None
        except PrefectUnavailable:
            self._unavailable_until = time.monotonic() + UNAVAILABLE_SECONDS
            raise
        self.add(run)
        return run


class DeploymentLimits:
    """Which deployments have a concurrency limit: only their runs must ask Prefect before they begin."""

    def __init__(self, client: PrefectClient) -> None:
        self._client = client
        self._known: dict[UUID, tuple[float, bool]] = {}
        self._locks: dict[UUID, asyncio.Lock] = {}

    async def has(self, deployment_id: UUID) -> bool:
        """Whether the deployment has a limit. Concurrent callers share one read."""
        async with self._locks.setdefault(deployment_id, asyncio.Lock()):
            until, limited = self._known.get(deployment_id, (0.0, False))
            if until < time.monotonic():
                limited = await self._read(deployment_id)
                self._known[deployment_id] = (time.monotonic() + LIMIT_SECONDS, limited)
            return limited

    async def _read(self, deployment_id: UUID) -> bool:
        try:
            deployment = await self._client.read_deployment(deployment_id)
        except ObjectNotFound:  # deleted by a person, or missing from the backup that Prefect was restored from
            return False
        return deployment.global_concurrency_limit is not None
