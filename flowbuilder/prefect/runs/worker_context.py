"""Process-wide worker dependencies: store, ports, settings, plan cache, and the name that it takes leases under."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from uuid_utils.compat import uuid7

from flowbuilder.engine.stored_plans import PlanCache
from flowbuilder.ports import Ports, Store
from flowbuilder.prefect.runs.process_liveness import this_machine
from flowbuilder.settings import Settings


def new_holder(kind: str) -> str:
    """A lease holder's name for this process. It is unique, even if another process gets the same process id."""
    return f"{kind}:{this_machine()}:{os.getpid()}:{uuid7()}"


def kind_of(holder: str) -> str:
    """The kind of process in a lease holder's name, such as `worker`."""
    return holder.partition(":")[0]


@dataclass(frozen=True, kw_only=True)
class WorkerContext:
    """The dependencies of a process that runs executions. `holder` is the name under which it takes leases."""

    store: Store
    ports: Ports
    settings: Settings
    holder: str = field(default_factory=lambda: new_holder("flow"))

    @cached_property
    def plans(self) -> PlanCache:
        """The plans of the store's workflow versions."""
        return PlanCache(self.store)

    @property
    def lease(self) -> timedelta:
        """The duration of a lease without renewal."""
        return timedelta(seconds=self.settings.lease_seconds)


OpenWorkerContext = Callable[[], WorkerContext]
