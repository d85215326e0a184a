"""Whether the schedules of a site can run: checked by `sites`, `doctor` and `deploy`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from flowbuilder.diagnostics import did_you_mean
from flowbuilder.engine.stored_plans import PlanCache
from flowbuilder.errors import ConfigurationError, NotFound
from flowbuilder.json_schema import problems
from flowbuilder.plan.nodes import Plan
from flowbuilder.ports import Store
from flowbuilder.values import JsonObject, Place, pointer


class ScheduleProblem(NamedTuple):
    """Why a schedule cannot run, with the place in the site's record."""

    place: Place
    message: str
    hint: str = ""


def schedule_problems(store: Store, plans: PlanCache, site: JsonObject) -> Iterator[ScheduleProblem]:
    """The problems of a site's schedules: workflows that are not published, and inputs that do not fit theirs."""
    for index, entry in enumerate(site.get("schedules") or ()):
        at: Place = ("schedules", index)
        name = str(entry["workflow"])
        try:
            plan = plans.plan_of(store.version(name))
        except NotFound:
            known = [summary.name for summary in store.workflows() if summary.published is not None]
            hint = did_you_mean(name, known, what="the published workflows are") or f"flowbuilder publish {name}"
            yield ScheduleProblem((*at, "workflow"), f"the workflow {name} is not published", hint)
            continue
        yield from _input_problems(plan, entry.get("inputs") or {}, at)


def ensure_schedules_fit(store: Store, plans: PlanCache, records: Iterable[JsonObject]) -> None:
    """`ConfigurationError` for the first schedule of these sites whose inputs do not fit its workflow."""
    for record in records:
        for problem in schedule_problems(store, plans, record):
            hint = f"; {problem.hint}" if problem.hint else ""
            place = pointer(problem.place)
            raise ConfigurationError(f"site {record['site']}, {place}: {problem.message}{hint}")


def _input_problems(plan: Plan, given: JsonObject, at: Place) -> Iterator[ScheduleProblem]:
    properties: JsonObject = plan.input_schema.get("properties") or {}
    for name in given:
        if name not in properties:
            hint = did_you_mean(name, properties, what=f"the inputs of {plan.name} are")
            yield ScheduleProblem((*at, "inputs", name), f"{plan.name} has no input {name}", hint)
    missing = [name for name in properties if name not in given and name not in plan.defaults]
    if missing:
        message = f"{plan.name} requires the input{'s' * (len(missing) > 1)} {' and '.join(missing)}"
        yield ScheduleProblem((*at, "inputs") if given else (*at, "workflow"), message, "add what is missing to inputs")
    known = {name: value for name, value in given.items() if name in properties}
    for place, message in problems({**plan.input_schema, "required": []}, {**plan.defaults, **known}):
        name = place.split("/")[1] if place else ""
        if name in known:
            yield ScheduleProblem((*at, "inputs", name), f"the input {name} does not fit {plan.name}: {message}")
