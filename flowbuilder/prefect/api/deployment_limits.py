"""Which deployments have a limit of concurrent runs in Prefect: only their runs must ask before they begin."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.exceptions import ObjectNotFound

REMEMBERED_SECONDS = 30.0
"""How soon a limit that somebody sets is seen."""


class Limits:
    """What is known of deployments, read again after a while."""

    def __init__(self, client: PrefectClient) -> None:
        self._client = client
        self._known: dict[UUID, tuple[float, bool]] = {}
        self._asking: dict[UUID, asyncio.Lock] = {}

    async def has(self, deployment_id: UUID) -> bool:
        """Whether the deployment has a limit."""
        async with self._asking.setdefault(deployment_id, asyncio.Lock()):  # of many at once, one asks
            until, limited = self._known.get(deployment_id, (0.0, False))
            if until < time.monotonic():
                limited = await self._ask(deployment_id)
                self._known[deployment_id] = (time.monotonic() + REMEMBERED_SECONDS, limited)
            return limited

    async def _ask(self, deployment_id: UUID) -> bool:
        try:
            deployment = await self._client.read_deployment(deployment_id)
        except ObjectNotFound:  # somebody has deleted it, or Prefect was restored from an older copy
            return False
        return deployment.global_concurrency_limit is not None
