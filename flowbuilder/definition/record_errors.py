"""Turns the validation errors of pydantic into diagnostics for the author, one for each cause."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from flowbuilder.definition.collector import DiagnosticCollector
from flowbuilder.diagnostics import did_you_mean, nearest
from flowbuilder.errors import LanguageError
from flowbuilder.language import Template, is_template
from flowbuilder.steps.step import Place
from flowbuilder.values import strings_in

_EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "an object",
    "mapping_type": "an object",
    "model_type": "an object",
    "none_required": "null",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "string_too_short": "a text that is not empty",
    "string_too_long": "at most {max_length} characters",
    "too_short": "at least {min_length} items",
    "too_long": "at most {max_length} items",
    "value_error": "{error}",
}
_PATTERNS = {
    r"^[a-z][a-z0-9_]*$": "lower case letters, digits and _, a letter first",
    r"^[a-z][a-z0-9-]*$": "lower case letters, digits and -, a letter first",
    r"^query\.\S+$": "a name of the query, such as query.after",
}


def report_field_errors(
    error: ValidationError,
    model: type[BaseModel],
    raw: Mapping[str, Any],
    place: Place,
    diagnostics: DiagnosticCollector,
) -> None:
    """Report the validation error of the record `raw` at `place`, which was validated as a `model`."""
    found: dict[Place, list[Any]] = {}
    for item in error.errors(include_url=False, include_input=False):
        found.setdefault(_place_in(raw, item["loc"]), []).append(item)
    unknown = {at for at, items in found.items() if items[0]["type"] == "extra_forbidden"}
    for at, items in found.items():
        missing = [str(item["loc"][-1]) for item in items if item["type"] == "missing"]
        wrong = [item for item in items if item["type"] not in ("missing", "extra_forbidden")]
        misspelt = {nearest(str(other[-1]), missing) for other in unknown if other[:-1] == at}
        for name in missing:
            if name not in misspelt:
                diagnostics.at_value((*place, *at), "FB011", f"the field {name} is missing")
        if at in unknown:
            fields = sorted(_fields(_model_at(model, at[:-1])) - _fields_of_value(raw, at[:-1]))
            hint = did_you_mean(str(at[-1]), fields, what="the other fields are")
            diagnostics.at_name((*place, *at), "FB010", f"there is no field {at[-1]} here", hint=hint)
        elif wrong and not missing and not _has_error_inside(at, found):
            _report_value(_value(raw, at), wrong, (*place, *at), diagnostics)


def _report_value(value: Any, items: list[Any], place: Place, diagnostics: DiagnosticCollector) -> None:
    if any(item["type"] == "language" for item in items):
        for at, source, error in _uncompilable(value, items):
            diagnostics.in_text((*place, *at), source, error)
        return
    message = next((str(item["ctx"]["error"]) for item in items if item["type"] == "value_error"), None)
    if message is not None and not message.startswith("a "):
        diagnostics.at_value(place, "FB012", message)
        return
    expected = list(dict.fromkeys(_expectation(item) for item in items))
    name = next((str(part) for part in reversed(place) if isinstance(part, str)), "the document")
    hint = ""
    if isinstance(value, str):
        choices = [
            word.strip("' ") for item in items for word in str(item.get("ctx", {}).get("expected", "")).split(",")
        ]
        choices = [part for word in choices for part in word.replace("' or '", "\n").split("\n")]
        close = nearest(value, choices)
        hint = f"did you mean {close}?" if close else ""
    elif isinstance(value, int | float) and "a text" in expected:
        hint = "put it in quotes"
    diagnostics.at_value(
        place, "FB012", f"{name} is {describe_value(value)}, expected {', or '.join(expected)}", hint=hint
    )


def _uncompilable(value: Any, items: list[Any]) -> Iterator[tuple[Place, object, LanguageError]]:
    errors = [item["ctx"]["error"] for item in items if item["type"] == "language"]
    if not isinstance(value, Mapping | list):
        yield (), value, errors[0]
        return
    for at, text in strings_in(value):
        if is_template(text):
            try:
                Template(text)
            except LanguageError as error:
                yield at, text, error


def describe_value(value: Any) -> str:
    """A value as a message shows it: shortened, and a container by its kind."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:38] + "…"


def _expectation(item: Any) -> str:
    context = item.get("ctx", {})
    if item["type"] == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], f"a text like {context['pattern']}")
    form = _EXPECTED.get(item["type"])
    if form is None:
        message = str(item["msg"])
        return message[:1].lower() + message[1:]
    return form.format_map(context)


def _has_error_inside(at: Place, found: Mapping[Place, Any]) -> bool:
    """Whether there is an error inside the value: then that one is reported, not the union around it."""
    return any(len(other) > len(at) and other[: len(at)] == at for other in found)


def _place_in(raw: Any, loc: tuple[int | str, ...]) -> Place:
    """The place in `raw` of a pydantic location, which also holds the names of union members."""
    at: list[int | str] = []
    for part in loc:
        index = isinstance(raw, list | tuple) and isinstance(part, int) and part < len(raw)
        if index or (isinstance(raw, Mapping) and part in raw):
            inside: Any = raw
            raw = inside[part]
            at.append(part)
    return tuple(at)


def _value(raw: Any, at: Place) -> Any:
    for part in at:
        raw = raw[part]
    return raw


def _fields(model: type[BaseModel] | None) -> set[str]:
    return {info.alias or name for name, info in model.model_fields.items()} if model else set()


def _fields_of_value(raw: Any, at: Place) -> set[str]:
    value = _value(raw, at)
    return set(value) if isinstance(value, Mapping) else set()


def _model_at(model: type[BaseModel], at: Place) -> type[BaseModel] | None:
    found: type[BaseModel] | None = model
    for part in at:
        if isinstance(part, str) and found is not None:
            info = next((info for name, info in found.model_fields.items() if (info.alias or name) == part), None)
            found = _model_in(info.annotation) if info else None
    return found


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner))), None)
