"""What a process brings to the executions that it works on."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from uuid_utils.compat import uuid7

from flowbuilder.engine.stored_plans import PlanCache
from flowbuilder.ports import Ports, Store
from flowbuilder.prefect.runs.process_liveness import this_place
from flowbuilder.settings import Settings


def new_holder(kind: str) -> str:
    """A name for leases that no other process ever has, not even one with the same process id."""
    return f"{kind}:{this_place()}:{os.getpid()}:{uuid7()}"


def kind_of(holder: str) -> str:
    """What kind of process such a name is of."""
    return holder.partition(":")[0]


@dataclass(frozen=True, kw_only=True)
class WorkerContext:
    """The store, the outside world and the settings; `holder` is the name under which it takes leases."""

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
        """How long a lease lasts without being renewed."""
        return timedelta(seconds=self.settings.lease_seconds)


OpenWorkerContext = Callable[[], WorkerContext]
