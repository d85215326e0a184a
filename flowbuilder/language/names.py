"""Checks of names and keys. A member is only ever a key of data; these checks report likely mistakes early."""

from __future__ import annotations

from typing import Final

from flowbuilder.errors import LanguageError

LITERALS: Final = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "null": None,
    "none": None,
    "None": None,
}
NEVER_ROOTS: Final = frozenset(
    [
        "this",
        "self",
        "super",
        "caller",
        "varargs",
        "kwargs",
        "namespace",
        "globals",
        "locals",
        "builtins",
        "constructor",
        "prototype",
        "process",
        "require",
        "global",
        "window",
        "document",
        "eval",
        "exec",
        "import",
        "range",
    ]
)


def fault(code: str, message: str, start: int | None, end: int | None, hint: str = "") -> LanguageError:
    """The compile error of a text; `start` and `end` are offsets in the author's text."""
    return LanguageError(code, message, stage="compile", hint=hint, start=start, end=end)


def check_name(name: str, start: int, end: int) -> None:
    """Raise FB205 for a name that no context has: with an underscore, or an internal of another language."""
    if name.startswith("_"):
        raise fault("FB205", f"the name {name} begins with an underscore; no name in scope does", start, end)
    if name in NEVER_ROOTS:
        raise fault("FB205", f"{name} is not a name in this language", start, end, "an expression only reads data")


def check_target(name: str, start: int, end: int) -> None:
    """Raise FB205 for a name that `set` and `for` may not assign."""
    if name.startswith("_"):
        raise fault(
            "FB205", f"a name must not begin with an underscore: {name}", start, end, "leave out the underscore"
        )
    if name == "loop" or name in NEVER_ROOTS or name in LITERALS:
        raise fault("FB205", f"the name {name} is reserved", start, end, "choose another name")


def check_member(key: str, start: int, end: int) -> None:
    """Raise FB205 for `a._b`: after a dot it is nearly always meant as an attribute of an object."""
    if key.startswith("__"):
        raise fault("FB205", f"{key} is not data: a member is a key of an object", start, end)
    if key.startswith("_"):
        hint = f'where the data really has that key, write ["{key}"]'
        raise fault("FB205", f"the member {key} begins with an underscore", start, end, hint)


def check_key(key: str, start: int, end: int) -> None:
    """Raise FB205 for `a["__b"]`; keys with one underscore exist in the data of some services."""
    if key.startswith("__"):
        raise fault("FB205", f"{key} is not data: a member is a key of an object", start, end)
