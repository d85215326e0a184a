"""Which names and keys an author may write. Member access is a lookup in data, so this is about clear mistakes."""

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
    """The error of a text that does not compile; offsets are in the author's text."""
    return LanguageError(code, message, stage="compile", hint=hint, start=start, end=end)


def check_name(name: str, start: int, end: int) -> None:
    """Refuse a name that no context has: private ones, and those of other languages' machinery."""
    if name.startswith("_"):
        raise fault("FB205", f"the name {name} begins with an underscore; no name in scope does", start, end)
    if name in NEVER_ROOTS:
        raise fault("FB205", f"{name} is not a name in this language", start, end, "it reads data and nothing else")


def check_target(name: str, start: int, end: int) -> None:
    """Refuse a name that `set` and `for` may not make."""
    if name.startswith("_"):
        raise fault(
            "FB205", f"a name must not begin with an underscore: {name}", start, end, "leave out the underscore"
        )
    if name == "loop" or name in NEVER_ROOTS or name in LITERALS:
        raise fault("FB205", f"the name {name} has a meaning of its own", start, end, "choose another name")


def check_member(key: str, start: int, end: int) -> None:
    """Refuse `a._b`: written with a dot it is nearly always an attempt at an object's insides."""
    if key.startswith("__"):
        raise fault("FB205", f"{key} is not data: a member is a key of an object and nothing else", start, end)
    if key.startswith("_"):
        hint = f'where the data really has that key, write ["{key}"]'
        raise fault("FB205", f"the member {key} begins with an underscore", start, end, hint)


def check_key(key: str, start: int, end: int) -> None:
    """Refuse `a["__b"]`; one underscore is fine there, as some services name their keys so."""
    if key.startswith("__"):
        raise fault("FB205", f"{key} is not data: a member is a key of an object and nothing else", start, end)
