"""Starting an execution: inputs are validated, then the execution is created with its version and site frozen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowbuilder.engine.stored_plans import PlanCache
from flowbuilder.errors import Refused
from flowbuilder.json_schema import problems
from flowbuilder.model.execution import Execution, WorkflowVersion
from flowbuilder.plan.nodes import Plan, input_errors
from flowbuilder.ports import Clock, Store
from flowbuilder.ports.sensitive import MAX_TEXTS, hidden, sensitive_record, texts_of
from flowbuilder.values import JsonObject, NotJson, ensure_json


def json_inputs(inputs: Mapping[str, Any]) -> JsonObject:
    """A copy of the inputs as plain JSON; `Refused` names the values that are not JSON."""
    try:
        checked = ensure_json(dict(inputs), where="inputs", well_formed=True)
    except NotJson as problem:
        raise Refused(str(problem)) from None
    assert isinstance(checked, dict)
    return checked


def complete_inputs(plan: Plan, inputs: JsonObject) -> JsonObject:
    """The inputs with defaults filled in; `Refused` when they do not match the workflow's input schema."""
    complete = {**plan.defaults, **inputs}
    wrong = problems(plan.input_schema, complete)
    if wrong:
        raise Refused(f"these inputs do not fit {plan.name}: {input_errors(plan, wrong)}")
    for name in plan.sensitive_inputs & complete.keys():
        if (found := len(texts_of(complete[name]))) > MAX_TEXTS:
            raise Refused(f"the sensitive input {name} has {found} values in it; it may have {MAX_TEXTS}")
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
    held: str = "",
) -> Execution:
    """Create the execution with this id, or return the one that exists. Its version, its plan's digest and the site's
    record are frozen. `Refused` when the inputs do not fit, `NotFound` when there is no such site.

    Sensitive inputs are stored apart; those that were held under the key `held` are deleted."""
    plan = (plans or PlanCache(store)).plan_of(version)
    complete = complete_inputs(plan, inputs)
    sensitive = {name: complete[name] for name in complete if name in plan.sensitive_inputs}
    now = clock.now()
    return store.create_execution(
        Execution(
            id=execution_id,
            workflow=version.workflow,
            version=version.number,
            digest=plan.digest,
            status="queued",
            inputs=hidden(complete, sensitive),
            site=site,
            site_record=store.site(site) if site else {},
            trigger=trigger,
            created_at=now,
            ready_at=now,
        ),
        sensitive=sensitive_record(version.workflow, sensitive) if sensitive else None,
        held=held,
    )
