"""A form generated from a JSON Schema: one widget for each property, and its values read back as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import streamlit as st

from flowbuilder.values import Json, JsonObject
from review_app.markdown_escape import label

MAX_SAFE_INTEGER = 2**53 - 1
"""JavaScript's largest safe integer."""


class InvalidInput(ValueError):
    """A field has no valid value; the message names the field."""


def form(schema: JsonObject, defaults: Mapping[str, Json], *, key: str) -> dict[str, Any]:
    """Draw the widgets of a flat object schema; returns their values by property."""
    required = set(schema.get("required", ()))
    return {
        name: _widget(name, prop, defaults.get(name, prop.get("default")), name in required, f"{key}:{name}")
        for name, prop in schema.get("properties", {}).items()
    }


def read(schema: JsonObject, typed: Mapping[str, Any]) -> JsonObject:
    """Parse the values of the widgets; empty optional fields are left out. Raises `InvalidInput`."""
    inputs: JsonObject = {}
    required = set(schema.get("required", ()))
    for name, prop in schema.get("properties", {}).items():
        value = _read(_title(name, prop), prop, typed.get(name))
        if value is not None:
            inputs[name] = value
        elif name in required:
            raise InvalidInput(f"{_title(name, prop)} is required")
    return inputs


def _title(name: str, prop: JsonObject) -> str:
    return str(prop.get("title") or name.replace("_", " ").capitalize())


def _kind(prop: JsonObject) -> str:
    kind = prop.get("type")
    if isinstance(kind, list):
        kind = next((item for item in kind if item != "null"), "string")
    if "enum" in prop:
        return "enum"
    if kind == "array" and isinstance(prop.get("items"), dict) and prop["items"].get("type") == "string":
        return "lines"
    return str(kind or "json")


def _widget(name: str, prop: JsonObject, default: Json, needed: bool, key: str) -> Any:
    title = label(_title(name, prop)) + (" (required)" if needed else "")
    help_text = label(prop["description"], 500) if prop.get("description") else None
    kind = _kind(prop)
    if prop.get("sensitive") is True:
        hint = None if kind in ("string", "enum") else "JSON"
        return st.text_input(title, type="password", help=help_text, key=key, placeholder=hint, autocomplete="off")
    if kind == "boolean":
        return st.toggle(title, value=bool(default), help=help_text, key=key)
    if kind == "enum":
        options = list(prop["enum"])
        index = options.index(default) if default in options else None
        return st.selectbox(title, options, index=index, format_func=_option_label, help=help_text, key=key)
    if kind in ("integer", "number"):
        return _number(title, prop, default, help_text, key, whole=kind == "integer")
    if kind == "lines":
        value = "\n".join(map(str, default)) if isinstance(default, list) else ""
        return st.text_area(title, value=value, help=help_text, key=key, placeholder="One per line", height=100)
    if kind == "string":
        return _text(title, prop, default, help_text, key)
    value = json.dumps(default, indent=2, ensure_ascii=False) if default is not None else ""
    return st.text_area(title, value=value, help=help_text, key=key, placeholder="JSON", height=120)


def _number(title: str, prop: JsonObject, default: Json, help_text: str | None, key: str, *, whole: bool) -> Any:
    low, high, value = _bound(prop.get("minimum")), _bound(prop.get("maximum")), _bound(default)
    if value is not None and ((low is not None and value < low) or (high is not None and value > high)):
        value = None
    if whole:
        return st.number_input(
            title, value=_whole(value), min_value=_whole(low), max_value=_whole(high), step=1, help=help_text, key=key
        )
    return st.number_input(
        title, value=value, min_value=low, max_value=high, step=_step(low, high), format="%g", help=help_text, key=key
    )


def _bound(value: object) -> float | None:
    """A number that a browser's number field can hold, else None. The start checks the schema again."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > MAX_SAFE_INTEGER:
        return None
    return float(value)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _step(low: float | None, high: float | None) -> float:
    return 0.05 if low is not None and high is not None and high - low <= 1 else 1.0


def _text(title: str, prop: JsonObject, default: Json, help_text: str | None, key: str) -> Any:
    text = "" if default is None else str(default)
    if prop.get("format") == "date":
        try:
            day = date.fromisoformat(text) if text else None
        except ValueError:
            day = None
        return st.date_input(title, value=day, help=help_text, key=key, format="YYYY-MM-DD")
    if len(text) > 100 or "\n" in text or prop.get("maxLength", 0) > 400:
        return st.text_area(title, value=text, help=help_text, key=key, height=120)
    hint = {"uri": "https://", "email": "name@example.com"}.get(str(prop.get("format")))
    return st.text_input(title, value=text, help=help_text, key=key, placeholder=hint, max_chars=prop.get("maxLength"))


def _option_label(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read(title: str, prop: JsonObject, typed: Any) -> Json:
    kind = _kind(prop)
    if prop.get("sensitive") is True:
        kind = "string" if kind in ("string", "enum") else "json"
    if isinstance(typed, date):
        return typed.isoformat()
    if kind == "lines":
        return [line.strip() for line in str(typed or "").splitlines() if line.strip()] or None
    if kind == "string":
        return typed.strip() or None if isinstance(typed, str) else None
    if kind in ("boolean", "enum", "integer", "number"):
        value: Json = typed
        return value
    if not str(typed or "").strip():
        return None
    try:
        parsed: Json = json.loads(typed)
    except json.JSONDecodeError as wrong:
        raise InvalidInput(
            f"{title} is not valid JSON: {wrong.msg} (line {wrong.lineno}, column {wrong.colno})"
        ) from None
    return parsed
