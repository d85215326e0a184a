"""A shape in an author's words: `list of {title: text, clicks: number}`."""

from __future__ import annotations

from typing import Final

from flowbuilder.language.types.shapes import Shape

_MOST_FIELDS: Final = 8
_DEEPEST: Final = 3
_LONGEST: Final = 200


def in_words(shape: Shape) -> str:
    """One line, of bounded length."""
    words = _words(shape, 0)
    return words if len(words) <= _LONGEST else _words(shape, _DEEPEST - 1)[:_LONGEST]


def kinds_in_words(shape: Shape) -> str:
    """The same without what is inside: `a list`, `text or null`."""
    if shape.is_unknown:
        return "anything"
    named = {"text": "text", "number": "a number", "boolean": "true or false", "list": "a list", "object": "an object"}
    kinds = [named[kind] for kind in named if kind in shape.kinds]
    return " or ".join([*kinds, *(["null"] if "null" in shape.kinds else [])]) or "nothing"


def value_in_words(value: object) -> str:
    """A constant as an author writes it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _words(shape: Shape, depth: int) -> str:
    if shape.is_unknown:
        return "anything"
    if shape.values and len(shape.values) <= _MOST_FIELDS:
        return " or ".join(value_in_words(value) for value in shape.values)
    parts: list[str] = [kind for kind in ("text", "number", "boolean") if kind in shape.kinds]
    if "list" in shape.kinds:
        parts.append(
            "list" if shape.items is None or shape.items.is_unknown else f"list of {_item(shape.items, depth)}"
        )
    if "object" in shape.kinds:
        parts.append(_object(shape, depth))
    if "null" in shape.kinds:
        parts.append("null")
    return " or ".join(parts) or "nothing"


def _item(shape: Shape, depth: int) -> str:
    words = _words(shape, depth + 1)
    return f"({words})" if " or " in words and not words.startswith(("{", "list")) else words


def _object(shape: Shape, depth: int) -> str:
    if not shape.fields:
        return "object" if shape.rest is not None else "{}"
    if depth >= _DEEPEST:
        return "{...}"
    shown = [f"{name}: {_words(inner, depth + 1)}" for name, inner in list(shape.fields.items())[:_MOST_FIELDS]]
    more = len(shape.fields) > _MOST_FIELDS or shape.rest is not None
    return "{" + ", ".join([*shown, *(["..."] if more else [])]) + "}"
