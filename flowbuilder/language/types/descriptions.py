"""A shape in an author's words, for messages: `list of {title: text, clicks: number}`."""

from __future__ import annotations

from typing import Final

from flowbuilder.language.types.shapes import Shape

_MAX_FIELDS: Final = 8
_MAX_DEPTH: Final = 3
_MAX_CHARS: Final = 200


def describe(shape: Shape) -> str:
    """The shape on one line of at most 200 characters."""
    text = _describe(shape, 0)
    return text if len(text) <= _MAX_CHARS else _describe(shape, _MAX_DEPTH - 1)[:_MAX_CHARS]


def describe_kinds(shape: Shape) -> str:
    """The kinds of the shape, without members and items: `a list`, `text or null`."""
    if shape.is_unknown:
        return "anything"
    named = {"text": "text", "number": "a number", "boolean": "true or false", "list": "a list", "object": "an object"}
    kinds = [named[kind] for kind in named if kind in shape.kinds]
    return " or ".join([*kinds, *(["null"] if "null" in shape.kinds else [])]) or "nothing"


def describe_value(value: object) -> str:
    """A constant as an author writes it: `null`, `true`, `"text"`, `1`."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _describe(shape: Shape, depth: int) -> str:
    if shape.is_unknown:
        return "anything"
    if shape.values and len(shape.values) <= _MAX_FIELDS:
        return " or ".join(describe_value(value) for value in shape.values)
    parts: list[str] = [kind for kind in ("text", "number", "boolean") if kind in shape.kinds]
    if "list" in shape.kinds:
        known = shape.items is not None and shape.items.kinds and not shape.items.is_unknown
        parts.append(f"list of {_describe_item(shape.items, depth)}" if known and shape.items is not None else "list")
    if "object" in shape.kinds:
        parts.append(_describe_object(shape, depth))
    if "null" in shape.kinds:
        parts.append("null")
    return " or ".join(parts) or "nothing"


def _describe_item(shape: Shape, depth: int) -> str:
    text = _describe(shape, depth + 1)
    return f"({text})" if " or " in text and not text.startswith(("{", "list")) else text


def _describe_object(shape: Shape, depth: int) -> str:
    if not shape.fields:
        return "object" if shape.rest is not None else "{}"
    if depth >= _MAX_DEPTH:
        return "{...}"
    shown = [f"{name}: {_describe(inner, depth + 1)}" for name, inner in list(shape.fields.items())[:_MAX_FIELDS]]
    more = len(shape.fields) > _MAX_FIELDS or shape.rest is not None
    return "{" + ", ".join([*shown, *(["..."] if more else [])]) + "}"
