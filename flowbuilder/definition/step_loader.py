"""Step records of a document -> steps. A broken one is complained of and still stands in: others may refer to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from flowbuilder.definition.collector import DiagnosticCollector
from flowbuilder.definition.record_errors import report_field_errors, shown
from flowbuilder.diagnostics import nearest
from flowbuilder.language import Expression
from flowbuilder.steps.builtin.conditional import Conditional, ConditionalBranch, ConditionalElse
from flowbuilder.steps.builtin.iteration import Iteration
from flowbuilder.steps.registry import step_types
from flowbuilder.steps.step import Place, Step


def load_steps(raw: Any, place: Place, out: DiagnosticCollector) -> tuple[Step, ...]:
    """The steps of a list, those that are records; everything else is complained of."""
    if not isinstance(raw, list):
        hint = "write each step as an item: - id: ..." if isinstance(raw, Mapping) else ""
        out.at_value(place, "FB012", f"steps is {shown(raw)}, expected a list of steps", hint=hint)
        return ()
    steps = (_load_step(item, (*place, index), out) for index, item in enumerate(raw))
    return tuple(step for step in steps if step is not None)


def _load_step(raw: Any, place: Place, out: DiagnosticCollector) -> Step | None:
    if not isinstance(raw, Mapping):
        out.at_value(place, "FB012", f"a step is {shown(raw)}, expected an object with id and type")
        return None
    model = _model_of(raw, place, out)
    if model is None:
        # of an unknown type only the fields that all steps share can be read
        model, values = Step, {"type": "", **{key: raw[key] for key in Step.model_fields if key in raw}}
    else:
        values = _with_bodies(model, raw, place, out)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        report_field_errors(error, model, values, place, out)
        return _stand_in(model, values)


def _model_of(raw: Mapping[str, Any], place: Place, out: DiagnosticCollector) -> type[Step] | None:
    types = step_types()
    name = raw.get("type")
    if isinstance(name, str) and name in types:
        return types[name]
    names = sorted(types)
    listed = (f"the step types are {', '.join(names)}",)
    if name is None:
        misspelt = next((key for key in raw if key not in Step.model_fields and nearest(key, ("type",))), None)
        if misspelt:
            out.at_name((*place, misspelt), "FB010", f"there is no field {misspelt} here", hint="did you mean type?")
        else:
            out.at_value(place, "FB011", "the field type is missing", notes=listed)
    elif isinstance(name, str):
        close = nearest(name, names)
        hint = f"did you mean {close}?" if close else ""
        out.at_value((*place, "type"), "FB013", f"there is no step type {name}", hint=hint, notes=listed)
    else:
        out.at_value(
            (*place, "type"), "FB013", f"type is {shown(name)}, expected the name of a step type", notes=listed
        )
    return None


def _with_bodies(model: type[Step], raw: Mapping[str, Any], place: Place, out: DiagnosticCollector) -> dict[str, Any]:
    """The record with its nested lists of steps loaded."""
    values = dict(raw)
    if issubclass(model, Iteration) and "steps" in values:
        values["steps"] = load_steps(values["steps"], (*place, "steps"), out)
    if issubclass(model, Conditional):
        branches = values.get("branches")
        if isinstance(branches, list):
            values["branches"] = [
                _with_body(branch, (*place, "branches", index), out) for index, branch in enumerate(branches)
            ]
        if "else" in values:
            values["else"] = _with_body(values["else"], (*place, "else"), out)
    return values


def _with_body(raw: Any, place: Place, out: DiagnosticCollector) -> Any:
    if isinstance(raw, Mapping) and "steps" in raw:
        return {**raw, "steps": load_steps(raw["steps"], (*place, "steps"), out)}
    return raw


def _stand_in(model: type[Step], values: Mapping[str, Any]) -> Step:
    """A step for one that is broken: its sound fields, and something of no known shape for those that it needs."""
    step: Step = _sound_part(model, values)
    return step


def _sound_part(model: type[BaseModel], values: Mapping[str, Any]) -> Any:
    sound: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        alias = info.alias or name
        value = values.get(alias)
        if name == "branches" and isinstance(value, list):
            sound[name] = tuple(_sound_part(ConditionalBranch, item) for item in value if isinstance(item, Mapping))
        elif name == "otherwise" and isinstance(value, Mapping):
            sound[name] = _sound_part(ConditionalElse, value)
        elif name in ("steps", "branches"):
            sound[name] = value if isinstance(value, tuple) else ()
        elif name in ("id", "type"):
            sound[name] = value if isinstance(value, str) else ""
        elif alias in values and (read := _read(info.rebuild_annotation(), value)) is not _UNREADABLE:
            sound[name] = read
        elif info.is_required():
            # a site may hold anything: nothing that follows from this can be complained of
            sound[name] = Expression("site.unknown") if info.annotation is Expression else None
    return model.model_construct(**sound)


_UNREADABLE = object()


def _read(annotation: Any, value: Any) -> Any:
    try:
        return TypeAdapter(annotation).validate_python(value)
    except ValidationError:
        return _UNREADABLE
