"""Errors of generated code as `LanguageError`s: the part of the text that failed, and the value that was found."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from flowbuilder.diagnostics import did_you_mean
from flowbuilder.errors import LanguageError
from flowbuilder.language.evaluation.operators import MISSING, kind, soft_item
from flowbuilder.language.nodes import Call, Expr, Member, Name
from flowbuilder.language.parsing.foreign_syntax_hints import FOREIGN_NAMES

_MARK = re.compile(r"#(\d+)$")
_NATIVE = (KeyError, IndexError, TypeError)
_UNFORESEEN: tuple[tuple[type[Exception], str, str], ...] = (
    (RecursionError, "limit.depth", "the value is nested too deeply"),
    (MemoryError, "limit.memory", "there is not enough memory for this"),
    (OverflowError, "overflow", "the result is beyond what a number can hold"),
    (ZeroDivisionError, "division", "division by zero"),
    (ValueError, "type", "the value cannot be used here"),
)


def explain(error: Exception, code: str, nodes: Sequence[Expr], source: str) -> Exception:
    """The `LanguageError` for any exception of generated code or of what it calls.

    `code` is the generated text, `nodes` its marked operations, `source` the author's text.
    """
    trace = error.__traceback__
    node = _node(trace, code, nodes)
    if isinstance(error, LanguageError):
        if error.start is None and node is not None:
            error.start, error.end = node.start, node.end
        return error
    start, end = (node.start, node.end) if node is not None else (None, None)
    if trace is None or trace.tb_next is not None or not isinstance(error, _NATIVE):
        return _unexpected(error, node, start, end)
    names = trace.tb_frame.f_locals
    if isinstance(node, Name):
        return unknown_name(node, names.get("c", {}))
    if isinstance(node, Member):
        return _no_member(node, _value(node.value, names.get("c", {})), source)
    return LanguageError("type", "these kinds of values do not fit together", stage="run", start=start, end=end)


def _unexpected(error: Exception, node: Expr | None, start: int | None, end: int | None) -> LanguageError:
    """The error for an exception that a function or an operator did not foresee; it names the function."""
    what = node.name if isinstance(node, Call) else "this"
    for kinds, code, reason in _UNFORESEEN:
        if isinstance(error, kinds):
            return LanguageError(code, f"{what}: {reason}", stage="run", start=start, end=end)
    message = f"{what} failed unexpectedly: {type(error).__name__}: {str(error)[:200]}"
    return LanguageError("internal", message, stage="run", hint="please report this", start=start, end=end)


def unknown_name(node: Name, context: Mapping[str, Any]) -> LanguageError:
    """The error of a name that the context does not have: a mistake of the text, so its stage is compile."""
    hint = FOREIGN_NAMES.get(node.name) or did_you_mean(node.name, sorted(context), what="visible here are")
    message = f"there is no name {node.name}"
    return LanguageError("undefined", message, stage="compile", hint=hint, start=node.start, end=node.end)


def _no_member(node: Member, value: Any, source: str) -> LanguageError:
    written = " ".join(source[node.value.start : node.value.end].split())
    what = written if 0 < len(written) <= 60 else "this"
    shown = str(node.key) if isinstance(node.key, int) else f"{node.key:.60}"
    hint = "where it may be missing, write value | default(...)"
    if node.key in ("length", "size") and value.__class__ in (str, list, dict):
        message = f"{what} is {kind(value)} and has no {shown}"
        hint = f"write {what} | length"
        return LanguageError("undefined", message, stage="run", hint=hint, start=node.start, end=node.end)
    if value is MISSING:
        message = f"{what} has no {shown}"
    elif value.__class__ is dict:
        message = f"{what} has no {shown}"
        if value:
            hint = did_you_mean(shown, [str(key)[:60] for key in list(value)[:30]], what="it has")
    elif value.__class__ is list:
        message = f"{what} has no item {shown}: it has {len(value)}"
        if isinstance(node.key, str):
            message = f"{what} is a list and has no {shown}"
            hint = f'write {what}[0].{shown} for the first item, or {what} | map("{shown}") for all of them'
    elif value is None:
        message = f"{what} is null and has no {shown}"
    else:
        message = f"{what} is {kind(value)} and has no {shown}"
    return LanguageError("undefined", message, stage="run", hint=hint, start=node.start, end=node.end)


def _value(node: Expr, context: Mapping[str, Any]) -> Any:
    """The value of a chain of members that starts in the context, else `MISSING`."""
    if isinstance(node, Name):
        return context.get(node.name, MISSING)
    if isinstance(node, Member):
        return soft_item(_value(node.value, context), node.key)
    return MISSING


def _node(trace: TracebackType | None, code: str, nodes: Sequence[Expr]) -> Expr | None:
    """The node of the operation that failed: its mark ends the line of the generated code that raised."""
    if trace is None:
        return None
    positions = list(trace.tb_frame.f_code.co_positions())
    index = trace.tb_lasti // 2
    line = positions[index][1] if index < len(positions) else None
    lines = code.split("\n")
    if line is None or line > len(lines):
        return None
    mark = _MARK.search(lines[line - 1])
    return nodes[int(mark[1])] if mark else None
