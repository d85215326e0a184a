"""Starting an execution: inputs are validated, then the execution is created with its version and site frozen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowbuilder.engine.stored_plans import PlanCache
from flowbuilder.errors import Refused
from flowbuilder.json_schema import problems
from flowbuilder.model.execution import Execution, WorkflowVersion
from flowbuilder.plan.nodes import Plan
from flowbuilder.ports import Clock, Store
from flowbuilder.values import JsonObject, NotJson, ensure_json


def json_inputs(inputs: Mapping[str, Any]) -> JsonObject:
    """A copy of the inputs as plain JSON; `Refused` names the values that are not JSON."""
    try:
        checked = ensure_json(dict(inputs), where="inputs")
    except NotJson as problem:
        raise Refused(str(problem)) from None
    assert isinstance(checked, dict)
    return checked


def complete_inputs(plan: Plan, inputs: JsonObject) -> JsonObject:
    """The inputs with defaults filled in; `Refused` when they do not match the workflow's input schema."""
    complete = {**plan.defaults, **inputs}
    wrong = problems(plan.input_schema, complete)
    if wrong:
        errors = "; ".join(f"{place.removeprefix('/') or 'inputs'}: {message}" for place, message in wrong)
        raise Refused(f"these inputs do not fit {plan.name}: {errors}")
    return complete


def create_execution(
    store: Store,
    clock: Clock,
    *,
    execution_id: str,
    version: WorkflowVersion,
    inputs: JsonObject,
    site: str | None = None,
    trigger: str = "manual",
    plans: PlanCache | None = None,
) -> Execution:
    """Create the execution with this id, or return the one that exists. Its version, its plan's digest and the site's
    record are frozen. `Refused` when the inputs do not fit, `NotFound` when there is no such site."""
    plan = (plans or PlanCache(store)).plan_of(version)
    now = clock.now()
    return store.create_execution(
        Execution(
            id=execution_id,
            workflow=version.workflow,
            version=version.number,
            digest=plan.digest,
            status="queued",
            inputs=complete_inputs(plan, inputs),
            site=site,
            site_record=store.site(site) if site else {},
            trigger=trigger,
            created_at=now,
            ready_at=now,
        )
    )
