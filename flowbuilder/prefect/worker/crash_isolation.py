"""Crash isolation: an execution that may have crashed workers runs in a child process, where it crashes no other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from flowbuilder.errors import FlowbuilderError
from flowbuilder.model.execution import Execution
from flowbuilder.model.lease_rules import MAX_DEATHS, is_held
from flowbuilder.prefect.runs.process_liveness import process_of
from flowbuilder.prefect.runs.worker_context import WorkerContext

MAX_CHILDREN = 8
"""The number of suspects that run at once, each in a process of its own."""
SUSPECT_DEATHS = 2
"""The number of leases lost in a row after which an execution is a suspect, until it has recorded an outcome."""

RunInChild = Callable[[str], Awaitable[int | None]]
"""Runs an execution in another process; returns at its end None, or the id of the process if it crashed."""


class CrashIsolation:
    """Decides which executions are suspects, and runs them by `run_in_child`."""

    def __init__(self, worker_context: WorkerContext, run_in_child: RunInChild) -> None:
        self._worker_context, self._run_in_child = worker_context, run_in_child
        self._capacity = asyncio.Semaphore(MAX_CHILDREN)

    def is_suspect(self, execution: Execution) -> bool:
        """Whether two workers in a row have lost their lease of the execution, and not yet three: the next worker that
        claims it then quarantines it, which is safe."""
        lost = execution.holder is not None and not is_held(execution, self._worker_context.ports.clock.now())
        return SUSPECT_DEATHS <= execution.deaths + lost < MAX_DEATHS

    async def run(self, execution_id: str) -> bool:
        """Run a suspect in a child process, or wait until there is capacity for one; returns whether the child crashed
        and the execution can be claimed again."""
        async with self._capacity:
            crashed = await self._run_in_child(execution_id)
        return crashed is not None and await asyncio.to_thread(self._expire_lease, execution_id, crashed)

    def _expire_lease(self, execution_id: str, process: int) -> bool:
        """End the lease of a crashed child; returns whether it had one. If that fails, the lease expires later."""
        store = self._worker_context.store
        try:
            holder = store.execution(execution_id).holder
            if holder is None or process_of(holder) != process:
                return False
            store.expire_lease(execution_id, holder)
        except FlowbuilderError:
            return False
        return True
