"""Executions in this process: the engine of `--local`, which needs no server."""

from __future__ import annotations

import asyncio
import os
import socket
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from uuid_utils.compat import uuid7

from flowbuilder.engine.drive_control import DriveControl
from flowbuilder.engine.driver import Settled
from flowbuilder.engine.review_client import Opened
from flowbuilder.engine.runner import PerformHere, execute
from flowbuilder.engine.start import create_execution
from flowbuilder.engine.stored_plans import PlanCache
from flowbuilder.ports import Ports, StartRequest, Store

LONGEST_STAY = 900.0
"""How many seconds a run in this process waits for a step that is tried again, or for its turn at a connection."""


class LocalRunner:
    """An `Engine` that only notes what is to run; `run` then does it here, until it ends or waits for a person."""

    def __init__(self, store: Store, ports: Ports, *, lease: timedelta = timedelta(seconds=15)) -> None:
        self._store = store
        self._ports = ports
        self.plans = PlanCache(store)
        self._lease = lease
        self._holder = f"local:{socket.gethostname()}:{os.getpid()}:{uuid7()}"

    def start(self, wanted: StartRequest) -> str:
        """Create the execution; `run` runs it."""
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
        """Nothing to wake: the execution goes on with the next `run`."""

    def cancel(self, execution_id: str) -> None:
        """Nothing beyond the store's own note."""

    async def run(
        self, execution_id: str, *, opened: Opened | None = None, signals: DriveControl | None = None
    ) -> Settled:
        """Take an execution up in this process and run it as far as it goes without a person, or until `signals` say
        to leave it. Nobody else takes it up again after a wait that is not too long, so that is waited for here."""
        while True:
            settled = await self._turn(execution_id, opened, signals)
            if settled.status != "waiting" or settled.until is None:
                return settled
            left = await self._until(settled.until)
            if left > LONGEST_STAY:
                return settled
            while left > 0:
                if signals is not None and signals.leaving:
                    return settled
                await self._ports.clock.sleep(min(left, 1.0))
                left = await self._until(settled.until)

    async def _until(self, moment: datetime) -> float:
        """Seconds until then, by the store's clock."""
        return (moment - await asyncio.to_thread(self._store.now)).total_seconds()

    async def _turn(self, execution_id: str, opened: Opened | None, signals: DriveControl | None) -> Settled:
        return await execute(
            self._store,
            execution_id,
            holder=self._holder,
            ttl=self._lease,
            ports=self._ports,
            perform=PerformHere(self._ports.clock),
            plans=self.plans,
            opened=opened,
            signals=signals,
        )
