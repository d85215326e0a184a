"""The fields that a step ran with. They are not stored: a walk of the history up to its start has them again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowbuilder.engine.history import walk_of
from flowbuilder.engine.inspection.shown_values import SensitiveValues, plain
from flowbuilder.errors import LanguageError
from flowbuilder.language import Expression
from flowbuilder.model.events import Event
from flowbuilder.model.execution import Execution, Outcome
from flowbuilder.model.review import Decision
from flowbuilder.plan.nodes import CallNode, Node, Plan
from flowbuilder.steps.fields import TemplatedField
from flowbuilder.steps.step import Step, render_url, render_value
from flowbuilder.values import Json, JsonObject
from flowbuilder.walk.commands import Given
from flowbuilder.walk.walk import Walk, WalkFault

_ENDS = frozenset({"step_completed", "step_failed", "review_decided", "review_expired"})
_NOT_SHOWN = frozenset({"id", "type", "depends_on", "steps", "branches", "else"})
"""Fields that say what a step is, and the steps inside it."""
_EVALUATED = frozenset({"over"})


@dataclass(frozen=True, kw_only=True)
class GivenFields:
    """The fields by name; `missing` says why there are none, `failed` which could not be made."""

    node: Node | None = None
    fields: JsonObject = field(default_factory=dict)
    missing: str = ""
    failed: str = ""


def given_fields(
    plan: Plan,
    execution: Execution,
    path: str,
    events: Sequence[Event],
    *,
    sensitive: JsonObject,
    outcomes: Sequence[Outcome],
    decisions: dict[str, Decision],
    hide: SensitiveValues,
) -> GivenFields:
    """The fields of the step run at `path`, with its templates rendered as when it started.

    What sensitive values are in them is hidden; those of called workflows become known to `hide`.
    """
    began = _began(path, events)
    if began is None:
        return GivenFields(missing="it has not started")
    ended = {event.path: event.seq for event in reversed(events) if event.type in _ENDS}
    walk = walk_of(
        plan,
        execution,
        sensitive=sensitive,
        outcomes=[known for known in outcomes if ended.get(known.path, 0) < began and known.path != path],
        decisions={at: known for at, known in decisions.items() if ended.get(at, 0) < began},
        reviews=(),
        asked=[path],  # so its item of an iteration is opened without a free slot
    )
    given = _given(walk, path)
    for what, values in walk.take_sensitive():
        hide.add(values, what)
    if given is None:
        return GivenFields(missing="this release does not reach the step run by its recorded history")
    return _rendered(given, hide)


def _began(path: str, events: Sequence[Event]) -> int | None:
    """The number of the first event of a step run, or of a step inside it."""
    below = (f"{path}.", f"{path}[")
    return next((event.seq for event in events if event.path == path or event.path.startswith(below)), None)


def _given(walk: Walk, path: str) -> Given | None:
    try:
        walk.advance()
    except WalkFault:
        return None
    return walk.given(path)


def _rendered(given: Given, hide: SensitiveValues) -> GivenFields:
    masked = hide.masked(given.context, given.sensitive)
    fields: JsonObject = {}
    failed: list[str] = []
    for name, value, url in _shown_fields(given.node):
        try:
            real = _render(name, value, given.context, url=url)
        except LanguageError as problem:
            failed.append(f"{name}: {problem}")
            continue
        try:
            fields[name] = hide.made(
                real, _render(name, value, masked, url=url) if masked is not given.context else real
            )
        except LanguageError:
            fields[name] = hide.made(real, None)
    return GivenFields(node=given.node, fields=fields, failed=str(hide.shown("; ".join(failed))))


def _render(name: str, value: Any, context: JsonObject, *, url: bool) -> Json:
    if isinstance(value, Expression):
        return value.evaluate(context) if name in _EVALUATED else value.source
    return plain((render_url if url else render_value)(value, context))


def _shown_fields(node: Node) -> Iterator[tuple[str, Any, bool]]:
    """The written fields of a step that are evaluated around it, those of its type first: name, value, and whether it
    is a URL."""
    step: Step = node.step
    for name, info in sorted(type(step).model_fields.items(), key=lambda field: field[0] in Step.model_fields):
        alias = info.alias or name
        if (
            name not in step.model_fields_set
            or alias in _NOT_SHOWN
            or (alias == "name" and not isinstance(node, CallNode))
        ):
            continue
        if step.scope_of((alias,)) is None:
            marks = [mark for mark in info.metadata if isinstance(mark, TemplatedField)]
            yield alias, getattr(step, name), any(mark.url or mark.sink == "host" for mark in marks)
