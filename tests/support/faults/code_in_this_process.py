"""A sandbox that runs the scenarios' programs in this process: a forked process cannot start another one, and the
time that another one takes would change the order of operations."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from flowbuilder.errors import StepError
from flowbuilder.values import Json


class InThisProcess:
    """Implements `ports.Sandbox` for the trusted programs of the scenarios."""

    async def run(self, source: str, inputs: Mapping[str, Json], **_limits_clock_and_seed: object) -> Json:
        *before, last = ast.parse(source).body
        assert isinstance(last, ast.Expr)
        names = dict(inputs)
        try:
            exec(compile(ast.Module(before, []), "code", "exec"), names)
            return eval(compile(ast.Expression(last.value), "code", "eval"), names)  # type: ignore[no-any-return]
        except Exception as problem:
            raise StepError(f"{type(problem).__name__}: {problem}", code="error") from None
