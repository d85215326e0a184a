"""What one step run was given and gave: its fields, output, attempts, conversation and cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from flowbuilder.diagnostics import listed
from flowbuilder.engine.history import iter_events, step_views
from flowbuilder.engine.inspection.attempts import attempts
from flowbuilder.engine.inspection.conversation import exchanges
from flowbuilder.engine.inspection.given_fields import GivenFields, given_fields
from flowbuilder.engine.inspection.shown_values import SensitiveValues
from flowbuilder.engine.inspection.totals import COUNTS, totals
from flowbuilder.engine.review_client import reviews_of
from flowbuilder.engine.stored_plans import PlanCache
from flowbuilder.errors import DefinitionError, NotFound
from flowbuilder.model.events import Event
from flowbuilder.model.execution import Execution, Outcome
from flowbuilder.model.step_path import StepPath
from flowbuilder.plan.nodes import Plan
from flowbuilder.ports import Store
from flowbuilder.ports.sensitive import values_in
from flowbuilder.values import Json, JsonObject
from flowbuilder.walk.commands import StepView
from flowbuilder.walk.walk import WalkFault

ENDED = "ended"
"""The status of an iteration, a conditional or a call inside an item that is done: it has no record of its own."""


@dataclass(frozen=True, kw_only=True)
class StepDetail:
    """One step run. Sensitive values and known secrets are replaced in all of it.

    `fields_missing` and `exchanges_missing` say why there are none. `inside` are the step runs inside it, by path, with
    their status; `reviews` and `effects` are `{id, status, ...}` and `{target, status, ...}`.
    """

    execution_id: str
    path: str
    type: str
    name: str
    status: str
    reason: str = ""
    fields: JsonObject = field(default_factory=dict)
    fields_missing: str = ""
    fields_failed: str = ""
    output: Json = None
    error: JsonObject | None = None
    seconds: float | None = None
    usage: JsonObject = field(default_factory=dict)
    attempts: tuple[JsonObject, ...] = ()
    exchanges: tuple[JsonObject, ...] = ()
    exchanges_missing: str = ""
    reviews: tuple[JsonObject, ...] = ()
    effects: tuple[JsonObject, ...] = ()
    inside: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> JsonObject:
        """The value as JSON."""
        record = {name: getattr(self, name) for name in self.__dataclass_fields__}
        lists = {name: list(value) for name, value in record.items() if isinstance(value, tuple)}
        return {**record, **lists, "inside": dict(self.inside)}


def step_detail(store: Store, plans: PlanCache, execution: Execution, path: str) -> StepDetail:
    """The step run at a StepPath; without its fields where this release cannot replay the execution. `NotFound` for an
    unknown path, with the nearest ones."""
    events = tuple(iter_events(store, execution.id))
    outcomes = {outcome.path: outcome for outcome in store.outcomes(execution.id)}
    plan, views = _replayed(store, plans, execution)
    known = [*views, *outcomes, *(StepPath(event.path).step_run for event in events if event.path)]
    path = _known(path.strip(), dict.fromkeys(known), execution.id)
    hide = SensitiveValues()
    sensitive = values_in(store.sensitive(execution.id))
    hide.add(sensitive)
    given = GivenFields(missing="this release cannot compile this version of the workflow any more")
    if plan is not None:
        decisions = dict(store.decisions(execution.id))
        given = given_fields(
            plan, execution, path, events,
            sensitive=sensitive, outcomes=tuple(outcomes.values()), decisions=decisions, hide=hide,
        )  # fmt: skip
    view, outcome = views.get(path), outcomes.get(path)
    started = next((event for event in events if event.type == "step_started" and event.path == path), None)
    conversation = exchanges(store.step_memos(execution.id, path), given.fields)
    asks_model = {"model", "prompt"} <= given.fields.keys()
    inside = {each: _status(each, views, outcomes, events) for each in dict.fromkeys(known) if _is_below(each, path)}
    shown = hide.shown(
        {
            "output": outcome.output if outcome is not None else view.output if view is not None else None,
            "error": outcome.error if outcome is not None else view.error if view is not None else None,
            "attempts": list(attempts(path, events)),
            "exchanges": list(conversation),
            "effects": [
                {"target": effect.target, "status": effect.status, "key": effect.key, "receipt": effect.receipt}
                for effect in store.effects(execution.id)
                if effect.path == path
            ],
        }
    )
    assert isinstance(shown, dict)
    status = _status(path, views, outcomes, events)
    skipped = next((event.data for event in events if event.type == "step_skipped" and event.path == path), {})
    return StepDetail(
        execution_id=execution.id,
        path=path,
        type=view.type if view is not None else _type(given, started),
        name=view.name if view is not None else str(started.data.get("name")) if started is not None else path,
        status=status,
        reason=view.reason if view is not None and view.reason else str(skipped.get("reason", "")),
        fields=given.fields,
        fields_missing="it did not run" if status == "skipped" else given.missing,
        fields_failed=given.failed,
        output=shown["output"],
        error=shown["error"],
        seconds=outcome.seconds if outcome is not None else None,
        usage=outcome.usage if outcome is not None else _usage(outcomes.values(), path),
        attempts=tuple(shown["attempts"]),
        exchanges=tuple(shown["exchanges"]),
        exchanges_missing=_NO_ANSWERS if asks_model and not conversation else "",
        reviews=tuple(
            {
                "id": review.id,
                "path": review.path,
                "title": review.request.title,
                "status": review.decision.kind if review.decision is not None else review.status,
            }
            for review in reviews_of(store, execution.id)
            if StepPath(review.path).step_run == path
        ),
        effects=tuple(shown["effects"]),
        inside=inside,
    )


_NO_ANSWERS = (
    "no answer of a model is recorded for this step run: the prompt is among its fields, and an answer is its output"
)


def _replayed(store: Store, plans: PlanCache, execution: Execution) -> tuple[Plan | None, Mapping[str, StepView]]:
    """The plan, and the steps that a walk of the whole history has, by path: none of a walk with a defect."""
    try:
        plan = plans.plan_of(store.version(execution.workflow, execution.version))
    except (DefinitionError, NotFound):
        return None, {}
    try:
        return plan, dict(_flat(step_views(store, plan, execution)))
    except WalkFault:
        return plan, {}


def _known(path: str, known: Mapping[str, None], execution_id: str) -> str:
    wanted = StepPath(path).step_run
    if wanted in known:
        return wanted
    below = [each for each in known if _is_below(each, wanted)]
    if below:
        hint = f"inside of it are {listed(below, 5)}"
    else:
        from difflib import get_close_matches

        near = get_close_matches(wanted[:200], known, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(near)}?" if near else f"there are {listed(known, 10)}"
        hint = hint if known else "no step has started yet"
    raise NotFound(f"execution {execution_id} has no step run {wanted[:200] or '(empty)'}: {hint}")


def _flat(views: Iterable[StepView]) -> Iterator[tuple[str, StepView]]:
    for view in views:
        yield view.path, view
        yield from _flat(view.inside)


def _is_below(path: str, of: str) -> bool:
    return path.startswith((f"{of}.", f"{of}["))


def _status(path: str, views: Mapping[str, StepView], outcomes: Mapping[str, Outcome], events: Iterable[Event]) -> str:
    if path in outcomes:
        return outcomes[path].status
    if path in views:
        return views[path].status
    for event in events:
        if event.path == path and event.type in ("step_skipped", "step_started"):
            return "skipped" if event.type == "step_skipped" else "running"
    return ENDED


def _type(given: GivenFields, started: Event | None) -> str:
    if given.node is not None:
        return given.node.step.type
    return str(started.data.get("type", "")) if started is not None else ""


def _usage(outcomes: Iterable[Outcome], path: str) -> JsonObject:
    """What the step runs inside a container have cost together; empty where no model was asked."""
    found = totals(outcome for outcome in outcomes if _is_below(outcome.path, path))
    return {name: found[name] for name in (*COUNTS, "usd")} if found["requests"] else {}
