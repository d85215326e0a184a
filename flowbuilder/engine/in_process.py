"""Runs executions in this process: the engine of `--local`, which needs no server."""

from __future__ import annotations

import asyncio
import os
import socket
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from uuid_utils.compat import uuid7

from flowbuilder.engine.drive_control import DriveControl
from flowbuilder.engine.driver import RunResult
from flowbuilder.engine.runner import run_execution
from flowbuilder.engine.start import create_execution
from flowbuilder.engine.stored_plans import PlanCache
from flowbuilder.ports import Ports, StartRequest, Store

MAX_HELD_SECONDS = 900.0
"""Seconds that a run in this process waits for a retry or a rate limit."""


class LocalRunner:
    """An `Engine` whose `start` only creates the execution; `run` then runs it until it ends or waits for a person."""

    def __init__(self, store: Store, ports: Ports, *, lease: timedelta = timedelta(seconds=15)) -> None:
        self._store = store
        self._ports = ports
        self.plans = PlanCache(store)
        self._lease = lease
        self._holder = f"local:{socket.gethostname()}:{os.getpid()}:{uuid7()}"

    def start(self, wanted: StartRequest) -> str:
        """Create the execution; returns its id."""
        execution_id = str(uuid5(UUID(self._store.install_id()), wanted.key) if wanted.key else uuid7())
        create_execution(
            self._store,
            self._ports.clock,
            execution_id=execution_id,
            version=self._store.version(wanted.workflow, wanted.version),
            inputs=wanted.inputs,
            site=wanted.site,
            plans=self.plans,
        )
        return execution_id

    def wake(self, execution_id: str) -> None:
        """Nothing to do: the next `run` resumes the execution."""

    def cancel(self, execution_id: str) -> None:
        """Nothing to do: the store has recorded the request."""

    async def run(self, execution_id: str, *, control: DriveControl | None = None) -> RunResult:
        """Run an execution as far as it goes without a person, or until the `control` is stopped.

        No worker resumes it after a retry or a rate limit, so a wait of up to `MAX_HELD_SECONDS` is waited for here.
        """
        while True:
            result = await run_execution(
                self._store,
                execution_id,
                holder=self._holder,
                ttl=self._lease,
                ports=self._ports,
                plans=self.plans,
                control=control,
            )
            if result.status != "waiting" or result.resume_at is None:
                return result
            left = await self._until(result.resume_at)
            if left > MAX_HELD_SECONDS:
                return result
            while left > 0:
                if control is not None and control.stopping:
                    return result
                await self._ports.clock.sleep(min(left, 1.0))
                left = await self._until(result.resume_at)

    async def _until(self, moment: datetime) -> float:
        """Seconds until a moment, by the store's clock."""
        return (moment - await asyncio.to_thread(self._store.now)).total_seconds()
