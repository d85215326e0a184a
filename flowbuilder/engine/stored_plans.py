"""Plans of stored workflow versions: parsing, lookup of called workflows, and the plan cache."""

from __future__ import annotations

import threading
from collections import OrderedDict

from flowbuilder.definition.document import Definition, WorkflowLookup
from flowbuilder.definition.loader import load
from flowbuilder.errors import DefinitionError, NotFound
from flowbuilder.model.execution import WorkflowVersion
from flowbuilder.plan.compiler import recompile
from flowbuilder.plan.nodes import Plan
from flowbuilder.ports import Store

MAX_PLANS = 256
"""The number of plans in one cache; the least recently used is dropped."""


def stored_workflows(store: Store, *, archived: bool = False) -> WorkflowLookup:
    """Finds called workflows in the store: the version asked for, else the published one, else the newest draft.

    Archived workflows are found only with `archived`: versions that called them before they were archived still do.
    """

    def find(name: str, number: int | None) -> Definition:
        if not archived and store.latest_version(name).status == "archived":
            raise NotFound(f"the workflow {name} is archived: call another one, or push its document again")
        try:
            version = store.version(name, number)
        except NotFound:
            if number is not None:
                raise
            version = store.latest_version(name)
        return definition_of(version)

    return find


def definition_of(version: WorkflowVersion) -> Definition:
    """The definition in a stored version; `DefinitionError` when this release cannot read it."""
    definition, report = load(version.document, stored=True)
    if definition is None:
        raise DefinitionError(report)
    return definition


class PlanCache:
    """The plans of one store's versions, compiled on first use. Safe to call from several threads.

    The key is the version's digest: a version is immutable and names the versions that it calls, so its plan never
    changes. Each store has its own cache, because a called workflow may differ from store to store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._plans: OrderedDict[str, Plan] = OrderedDict()
        self._lock = threading.Lock()

    def plan_of(self, version: WorkflowVersion) -> Plan:
        """The plan of a version. `DefinitionError` or `NotFound` when this release cannot compile it."""
        with self._lock:
            plan = self._plans.get(version.digest)
            if plan is not None:
                self._plans.move_to_end(version.digest)
                return plan
        plan = recompile(definition_of(version), workflows=stored_workflows(self._store, archived=True))
        self.add(version, plan)
        return plan

    def add(self, version: WorkflowVersion, plan: Plan) -> None:
        """Keep the plan of a version that was compiled when the version was stored."""
        with self._lock:
            self._plans[version.digest] = plan
            while len(self._plans) > MAX_PLANS:
                self._plans.popitem(last=False)
