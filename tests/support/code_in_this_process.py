"""The scenarios' programs, run where they are: a process that was forked off has no other to run them in, and how long
another one takes would decide in which order things are done."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from flowbuilder.errors import StepError
from flowbuilder.values import Json


class InThisProcess:
    """Implements `ports.Sandbox` for the programs of the scenarios, which are ours."""

    async def run(self, source: str, inputs: Mapping[str, Json], *, seconds: float, megabytes: int) -> Json:
        *before, last = ast.parse(source).body
        assert isinstance(last, ast.Expr)
        names = dict(inputs)
        try:
            exec(compile(ast.Module(before, []), "code", "exec"), names)
            return eval(compile(ast.Expression(last.value), "code", "eval"), names)  # type: ignore[no-any-return]
        except Exception as problem:
            raise StepError(f"{type(problem).__name__}: {problem}", code="error") from None
