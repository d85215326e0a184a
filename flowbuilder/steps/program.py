"""What can be said of an author's Python before it runs in the sandbox."""

from __future__ import annotations

import ast
import builtins
import warnings
from collections.abc import Collection, Iterator
from typing import NamedTuple

from flowbuilder.diagnostics import did_you_mean

MAX_CHARS = 64 * 1024
"""Longer programs are not looked at before they run."""
MAX_NAMES = 10
"""How many unknown names of a program are reported."""
MISSING_BUILTINS = frozenset([
    "BaseExceptionGroup", "BlockingIOError", "BrokenPipeError", "BufferError", "BytesWarning",
    "ChildProcessError", "ConnectionAbortedError", "ConnectionError", "ConnectionRefusedError",
    "ConnectionResetError", "DeprecationWarning", "EOFError", "EncodingWarning", "EnvironmentError",
    "ExceptionGroup", "FloatingPointError", "FutureWarning", "GeneratorExit", "IOError", "ImportWarning",
    "IndentationError", "InterruptedError", "PendingDeprecationWarning", "ProcessLookupError", "ReferenceError",
    "ResourceWarning", "RuntimeWarning", "StopAsyncIteration", "SyntaxWarning", "SystemError", "TabError",
    "UnicodeError", "UnicodeTranslateError", "UnicodeWarning", "UserWarning", "Warning", "aiter", "anext",
    "ascii", "breakpoint", "bytearray", "callable", "classmethod", "compile", "copyright", "credits", "delattr",
    "dir", "exit", "globals", "help", "input", "issubclass", "license", "memoryview", "quit", "staticmethod",
    "super", "vars",
])  # fmt: skip
"""The names of Python that the sandbox does not have."""
MODULES = frozenset([
    "__future__", "asyncio", "base64", "binascii", "bisect", "collections", "copy", "csv", "dataclasses",
    "datetime", "decimal", "functools", "hashlib", "itertools", "json", "math", "os", "pathlib", "posixpath",
    "random", "re", "sys", "time", "tomllib", "typing", "unicodedata",
])  # fmt: skip
"""The modules that a program can import."""
_UNSUPPORTED: dict[str, str] = {
    "Delete": "del", "Yield": "yield", "YieldFrom": "yield", "AsyncFor": "async for", "AsyncWith": "async with",
    "TryStar": "except*", "TypeAlias": "type aliases",
}  # fmt: skip
_NOT_JSON = {
    "Lambda": "a function", "Set": "a set", "SetComp": "a set", "range": "a range", "set": "a set",
    "frozenset": "a set",
    "keys": "a view of names", "values": "a view of values", "items": "a view of pairs",
}  # fmt: skip
_ALWAYS = frozenset(dir(builtins)) - MISSING_BUILTINS | {"__name__"}


class ProgramProblem(NamedTuple):
    """A problem of a program, with the place of its first character in the text."""

    message: str
    hint: str
    start: int
    end: int
    is_error: bool = True


def problems(source: str, given: Collection[str] | None) -> Iterator[ProgramProblem]:
    """The problems of a program that has the variables `given`; names are not looked at where they are None."""
    if len(source) > MAX_CHARS:
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except SyntaxError as error:
        yield _syntax(source, error)
        return
    except (ValueError, RecursionError, MemoryError):
        return
    lines, bound = _Lines(source), _bound(tree)
    found = [*_unsupported(tree, lines), *_imports(tree, lines)]
    if given is not None:
        found += _unknown_names(tree, lines, bound, given)
    yield from found
    if not any(problem.is_error for problem in found):
        yield from _result(tree, lines, {*bound, *(given or ())})


class _Lines:
    """Gives the place of a node as an offset into the text."""

    def __init__(self, source: str) -> None:
        self._lines = source.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def span(self, node: ast.AST) -> tuple[int, int]:
        """The offsets of the first character of a node, and after its last one in the same line."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        start = self._offset(line, column)
        if getattr(node, "end_lineno", None) == line:
            return start, max(start + 1, self._offset(line, getattr(node, "end_col_offset", column)))
        return start, start + 1

    def _offset(self, line: int, column: int) -> int:
        text = self._lines[line - 1] if line <= len(self._lines) else ""
        return self._starts[min(line, len(self._starts)) - 1] + len(text.encode()[:column].decode(errors="ignore"))


def _syntax(source: str, error: SyntaxError) -> ProgramProblem:
    before = source.splitlines(keepends=True)[: max(0, (error.lineno or 1) - 1)]
    start = min(sum(map(len, before)) + max(0, (error.offset or 1) - 1), max(0, len(source) - 1))
    message = (error.msg or "invalid syntax").partition(". Maybe you meant")[0]
    return ProgramProblem(f"this is not Python: {message}", "", start, start + 1)


def _unsupported(tree: ast.Module, lines: _Lines) -> Iterator[ProgramProblem]:
    for node in ast.walk(tree):
        kind = type(node).__name__
        what = _UNSUPPORTED.get(kind)
        if kind == "ClassDef" and (node.bases or node.keywords):  # type: ignore[attr-defined]
            what = "classes that inherit"
        elif kind == "comprehension" and node.is_async:  # type: ignore[attr-defined]
            what = "async comprehensions"
        if what is not None:
            at = node.target if isinstance(node, ast.comprehension) else node
            yield ProgramProblem(f"the sandbox has no {what}", "", *lines.span(at))
        elif kind == "Call" and isinstance(node.func, ast.Name) and node.func.id == "open":  # type: ignore[attr-defined]
            hint = "give the program what it needs under with"
            yield ProgramProblem("open does not work in the sandbox", hint, *lines.span(node))


def _imports(tree: ast.Module, lines: _Lines) -> Iterator[ProgramProblem]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "."]
        else:
            continue
        for name in names:
            top = name.partition(".")[0]
            if top not in MODULES:
                hint = did_you_mean(top, sorted(MODULES), what="the modules are")
                yield ProgramProblem(f"the sandbox has no module {name}", hint, *lines.span(node))


def _bound(tree: ast.Module) -> set[str]:
    """The names that the program binds, in any scope."""
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.alias):
            bound.add(node.asname or node.name.partition(".")[0])
        else:  # functions, classes, except, match and type parameters
            bound.update(name for field in ("name", "rest") if isinstance(name := getattr(node, field, None), str))
    return bound


def _unknown_names(
    tree: ast.Module, lines: _Lines, bound: Collection[str], given: Collection[str]
) -> Iterator[ProgramProblem]:
    """The names that are bound nowhere in the program. Scopes are not looked at, so that nothing right is reported."""
    known = {*bound, *given, *_ALWAYS}
    if "*" in bound:
        return
    seen: set[str] = set()
    for node in ast.walk(tree):
        if len(seen) == MAX_NAMES:
            return
        if isinstance(node, ast.Name) and node.id not in known and node.id not in seen:
            seen.add(node.id)
            if node.id in MODULES:
                hint = f"write import {node.id} in the first line"
            elif node.id in ("inputs", "steps", "site", "execution", "item", "loop", "feedback"):
                hint = f'give it to the program under with: {{value: "{{{{ {node.id}... }}}}"}}'
            else:
                hint = did_you_mean(node.id, sorted({*given, *bound}), what="its own names are")
            yield ProgramProblem(f"the program has no name {node.id}", hint, *lines.span(node))


def _result(tree: ast.Module, lines: _Lines, bound: Collection[str]) -> Iterator[ProgramProblem]:
    """Of a program whose last statement is no value, or a value that JSON does not have."""
    if not tree.body:
        yield ProgramProblem("the program is empty, so its output is null", "end it with a value", 0, 1, is_error=False)
        return
    last = tree.body[-1]
    if isinstance(last, ast.Expr | ast.Return) and last.value is not None:
        what = _not_json(last.value, tree, bound)
        if what is not None:
            hint = "write list(...) around it" if what[2:].partition(" ")[0] in ("set", "range", "view") else ""
            if what == "a function":
                hint = "call it: the output is the value of the last expression"
            certain = not isinstance(last.value, ast.Call) or isinstance(last.value.func, ast.Name)
            message = f"the result is {what}, which JSON does not have"
            yield ProgramProblem(message, hint, *lines.span(last), is_error=certain)
    elif not isinstance(last, ast.Raise | ast.Assert):
        name = _assigned(last)
        hint = f"write {name} in a line of its own at the end" if name else "end it with the value in a line of its own"
        yield ProgramProblem(
            "the program does not end with a value, so its output is null", hint, *lines.span(last), is_error=False
        )


def _assigned(last: ast.stmt) -> str:
    target = last.targets[0] if isinstance(last, ast.Assign) else getattr(last, "target", None)
    return target.id if isinstance(target, ast.Name) and not isinstance(last, ast.For) else ""


def _not_json(value: ast.expr, tree: ast.Module, bound: Collection[str]) -> str | None:
    if isinstance(value, ast.Name):
        return _kind_of_name(value.id, tree)
    if isinstance(value, ast.Call):
        if isinstance(value.func, ast.Name):
            return None if value.func.id in bound else _NOT_JSON.get(value.func.id)
        has_arguments = value.args or value.keywords
        return _NOT_JSON.get(value.func.attr) if isinstance(value.func, ast.Attribute) and not has_arguments else None
    return _NOT_JSON.get(type(value).__name__)


def _kind_of_name(name: str, tree: ast.Module) -> str | None:
    """What a name is that the program binds once, at its top."""
    binding = [
        node
        for node in ast.walk(tree)
        if name in (getattr(node, "name", None), getattr(node, "asname", None))
        or (isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load))
    ]
    if len(binding) != 1:
        return None
    if isinstance(binding[0], ast.FunctionDef | ast.AsyncFunctionDef):
        return "a function"
    if isinstance(binding[0], ast.ClassDef):
        return "a class"
    for statement in tree.body:
        if isinstance(statement, ast.Import) and binding[0] in statement.names:
            return "a module"
        if isinstance(statement, ast.Assign) and binding[0] in statement.targets:
            return "a function" if isinstance(statement.value, ast.Lambda) else None
    return None
