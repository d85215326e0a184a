"""Loads the steps of a document. A step with errors is reported and replaced by a placeholder that others can name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from flowbuilder.definition.collector import DiagnosticCollector
from flowbuilder.definition.record_errors import describe_value, report_field_errors
from flowbuilder.diagnostics import nearest
from flowbuilder.language import Expression
from flowbuilder.steps.builtin.conditional import Conditional, ConditionalBranch, ConditionalElse
from flowbuilder.steps.builtin.iteration import Iteration
from flowbuilder.steps.registry import step_types
from flowbuilder.steps.step import ContinueWith, Place, Retry, Step, Trust


def load_steps(raw: Any, place: Place, diagnostics: DiagnosticCollector) -> tuple[Step, ...]:
    """The steps of a list; an item that is not an object is reported and left out."""
    if not isinstance(raw, list):
        hint = "write each step as an item: - id: ..." if isinstance(raw, Mapping) else ""
        diagnostics.at_value(place, "FB012", f"steps is {describe_value(raw)}, expected a list of steps", hint=hint)
        return ()
    for part in (Retry, ContinueWith, Trust):
        part.model_rebuild()  # at the first call: else pydantic builds them again with each type of step
    steps = (_load_step(item, (*place, index), diagnostics) for index, item in enumerate(raw))
    return tuple(step for step in steps if step is not None)


def _load_step(raw: Any, place: Place, diagnostics: DiagnosticCollector) -> Step | None:
    if not isinstance(raw, Mapping):
        diagnostics.at_value(place, "FB012", f"a step is {describe_value(raw)}, expected an object with id and type")
        return None
    model = _model_of(raw, place, diagnostics)
    if model is None:
        # of an unknown type, only the fields that all steps have can be loaded
        model, values = Step, {"type": "", **{key: raw[key] for key in Step.model_fields if key in raw}}
    else:
        values = _with_inner_steps(model, raw, place, diagnostics)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        report_field_errors(error, model, values, place, diagnostics)
        step: Step = _placeholder(model, values)
        return step


def _model_of(raw: Mapping[str, Any], place: Place, diagnostics: DiagnosticCollector) -> type[Step] | None:
    types = step_types()
    name = raw.get("type")
    if isinstance(name, str) and name in types:
        return types[name]
    names = sorted(types)
    listed = (f"the step types are {', '.join(names)}",)
    if name is None:
        misspelt = next((key for key in raw if key not in Step.model_fields and nearest(key, ("type",))), None)
        if misspelt:
            diagnostics.at_name(
                (*place, misspelt), "FB010", f"there is no field {misspelt} here", hint="did you mean type?"
            )
        else:
            diagnostics.at_value(place, "FB011", "the field type is missing", notes=listed)
    elif isinstance(name, str):
        close = nearest(name, names)
        hint = f"did you mean {close}?" if close else ""
        diagnostics.at_value((*place, "type"), "FB013", f"there is no step type {name}", hint=hint, notes=listed)
    else:
        diagnostics.at_value(
            (*place, "type"), "FB013", f"type is {describe_value(name)}, expected the name of a step type", notes=listed
        )
    return None


def _with_inner_steps(
    model: type[Step], raw: Mapping[str, Any], place: Place, diagnostics: DiagnosticCollector
) -> dict[str, Any]:
    """The record with the steps inside it loaded."""
    values = dict(raw)
    if issubclass(model, Iteration) and "steps" in values:
        values["steps"] = load_steps(values["steps"], (*place, "steps"), diagnostics)
    if issubclass(model, Conditional):
        branches = values.get("branches")
        if isinstance(branches, list):
            values["branches"] = [
                _with_steps(branch, (*place, "branches", index), diagnostics) for index, branch in enumerate(branches)
            ]
        if "else" in values:
            values["else"] = _with_steps(values["else"], (*place, "else"), diagnostics)
    return values


def _with_steps(raw: Any, place: Place, diagnostics: DiagnosticCollector) -> Any:
    if isinstance(raw, Mapping) and "steps" in raw:
        return {**raw, "steps": load_steps(raw["steps"], (*place, "steps"), diagnostics)}
    return raw


def _placeholder(model: type[BaseModel], values: Mapping[str, Any]) -> Any:
    """The record with its valid fields, and values of unknown shape for required fields that are not valid."""
    valid: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        alias = info.alias or name
        value = values.get(alias)
        if name == "branches" and isinstance(value, list):
            valid[name] = tuple(_placeholder(ConditionalBranch, item) for item in value if isinstance(item, Mapping))
        elif name == "otherwise" and isinstance(value, Mapping):
            valid[name] = _placeholder(ConditionalElse, value)
        elif name in ("steps", "branches"):
            valid[name] = value if isinstance(value, tuple) else ()
        elif name in ("id", "type"):
            valid[name] = value if isinstance(value, str) else ""
        elif alias in values and (validated := _validated(info.rebuild_annotation(), value)) is not _INVALID:
            valid[name] = validated
        elif info.is_required():
            # a site may hold anything, so that no further error follows from this expression
            valid[name] = Expression("site.unknown") if info.annotation is Expression else None
    return model.model_construct(**valid)


_INVALID = object()


def _validated(annotation: Any, value: Any) -> Any:
    from pydantic import TypeAdapter  # only a step with errors needs it

    try:
        return TypeAdapter(annotation).validate_python(value)
    except ValidationError:
        return _INVALID
