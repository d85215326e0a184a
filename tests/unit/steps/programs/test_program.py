"""What is said of a program before it runs, beside what the sandbox does with it."""

from __future__ import annotations

import asyncio
import builtins
import sys
from collections.abc import Iterator

import pytest

from flowbuilder.adapters.sandbox import MontySandbox
from flowbuilder.errors import StepError
from flowbuilder.steps.program import MISSING_BUILTINS, MODULES, problems


@pytest.fixture(scope="module")
def sandbox() -> Iterator[MontySandbox]:
    sandbox = MontySandbox(1)
    yield sandbox
    sandbox.close()


def outcome(sandbox: MontySandbox, source: str) -> str:
    """`ok`, or the code of the error."""
    try:
        asyncio.run(sandbox.run(source, {}, seconds=5, megabytes=64))
    except StepError as error:
        return error.code
    return "ok"


def said(source: str, given: tuple[str, ...] = ()) -> list[tuple[str, str, bool]]:
    """The message, the part of the program that it is about, and whether it is an error."""
    return [(item.message, source[item.start : item.end], item.is_error) for item in problems(source, given)]


def test_the_names_and_modules_are_those_of_the_sandbox(sandbox: MontySandbox) -> None:
    names = [name for name in dir(builtins) if not name.startswith("_")]
    missing = {name for name in names if outcome(sandbox, f"x = {name}\n1") != "ok"}
    assert missing == MISSING_BUILTINS & set(names)
    modules = [name for name in sys.stdlib_module_names if not name.startswith("_")]
    assert {name for name in modules if outcome(sandbox, f"import {name}\n1") == "ok"} == MODULES - {"__future__"}


@pytest.mark.parametrize(
    "source",
    [
        "1",
        "# -*- coding: utf-8 -*-\n1",
        "import re, json as j\nfrom datetime import datetime as d\nre.sub('a', j.dumps([]), str(d))",
        "def f(a, /, *b, c=1, **d):\n    global g\n    g = a\n    return [a, b, c, d, g]\nf(1)",
        "class A:\n    x = 1\n    def m(self):\n        return self.x\nA().m()",
        "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    text = str(error)\ntext",
        "match {'a': 1}:\n    case {'a': x, **rest}:\n        y = [x, rest]\n    case [*z]:\n        y = z\ny",
        "[(a, b) for a, *b in [[1, 2]] if (c := a)]",
        "async def f():\n    return 1\nawait f()",
        "lambda_ = lambda x: x + 1\nlambda_(1)",
        "f = [lambda: 1][0]\nf()",
        "if True:\n    value = 1\nelse:\n    value = 2\nvalue",
        "assert 1 == 1",
        "return 3",
        "set = sorted\nset([2, 1])",
        "é = 'ü'\né",
        "x = 1; x",
        "'\\d'",
        "x: list[int] = [1]\nx",
        "@lambda f: f\ndef g():\n    return 2\ng()",
        "def f[T](x: T) -> T:\n    return x\nf(1)" if sys.version_info >= (3, 12) else "2",
    ],
)
def test_a_program_that_runs_has_no_problem(sandbox: MontySandbox, source: str) -> None:
    assert outcome(sandbox, source) == "ok"
    assert said(source) == []


@pytest.mark.parametrize(
    ("source", "code", "part"),
    [
        ("1 +", "syntax", "+"),
        ("print 1", "syntax", "p"),
        ("x = 'ü' + naem", "code_failed", "naem"),
        ("[x for x in rows]", "code_failed", "rows"),
        ("json.dumps([])", "code_failed", "json"),
        ("exit()", "code_failed", "exit"),
        ("import urllib.parse\n1", "code_failed", "import urllib.parse"),
        ("from . import x\n1", "code_failed", "from . import x"),
        ("x = [1]\ndel x[0]\nx", "code_failed", "del x[0]"),
        ("def f():\n    yield 1\nlist(f())", "code_failed", "yield 1"),
        ("class A(Exception):\n    pass\n1", "code_failed", "c"),
        ("try:\n    1\nexcept* ValueError:\n    2\n1", "code_failed", "t"),
        ("open('x')", "code_failed", "open('x')"),
        ("lambda: 0", "not_json", "lambda: 0"),
        ("f = lambda: 0\nf", "not_json", "f"),
        ("def f():\n    return 1\nf", "not_json", "f"),
        ("class A:\n    pass\nA", "not_json", "A"),
        ("import re\nre", "not_json", "re"),
        ("{1, 2}", "not_json", "{1, 2}"),
        ("set([1])", "not_json", "set([1])"),
    ],
)
def test_a_program_that_cannot_work_is_known_before(sandbox: MontySandbox, source: str, code: str, part: str) -> None:
    assert outcome(sandbox, source) == code
    ((_, found, is_error),) = said(source)
    assert (found, is_error) == (part, True)


@pytest.mark.parametrize("source", ["x = 1", "", "for x in [1]:\n    x", "if True:\n    1", "{'a': 1}.keys()"])
def test_a_program_whose_result_is_most_likely_not_meant_is_warned_of(source: str) -> None:
    ((_, _, is_error),) = said(source)
    assert not is_error


def test_the_names_under_with_are_known_and_nothing_is_said_where_they_are_not() -> None:
    assert said("rows[0]", ("rows",)) == []
    assert list(problems("rows[0]", None)) == []
    assert next(problems("row[0]", ("rows",))).hint == "did you mean rows?"
    assert "under with" in next(problems("steps.page.output", ("rows",))).hint


@pytest.mark.parametrize(
    "source", ["(" * 5_000, "x = " + "[" * 300 + "]" * 300, "-" * 60_000 + "1", "a." * 20_000 + "b", "\0", "\ud800",
               "\n".join(f"name{number}" for number in range(5_000)), "x" * 100_000]
)  # fmt: skip
def test_a_hostile_program_is_looked_at_in_bounds(source: str) -> None:
    assert len(list(problems(source, ()))) <= 10
