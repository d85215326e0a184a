"""`mcp_code`: run code in an application through its MCP server."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, ClassVar

from pydantic import Field

from flowbuilder.errors import StepError
from flowbuilder.language import Shape
from flowbuilder.steps.builtin.mcp import ServerName, ToolName, UsesTools
from flowbuilder.steps.step import Completed, NeedsReview, StepResult, StepRun, TemplatedField
from flowbuilder.steps.write_once import Written, write_once
from flowbuilder.values import Json, JsonObject, NotJson, ensure_json, parse_json

NO_VALUE = "Code executed successfully"
"""What Tidewave for Python answers for a program without a variable `result`."""


class McpCode(UsesTools):
    """Run code in a development application through its MCP server, by Tidewave's `project_eval`.

    The code may do anything there, so the call is an effect that happens once, and the server's record needs
    `privileged: true`. The values under `with` are passed as the program's `arguments`, in order. The output is the
    value of an expression, parsed where it is JSON; that of a program of several statements is `{value, stdout}`. In
    Python the value of such a program is that of its variable `result`, in JavaScript what any program returns.
    """

    untrusted: ClassVar[str | None] = "MCP answer"
    cooperative: ClassVar[bool] = True

    server: ServerName
    tool: ToolName = "project_eval"
    source: Annotated[str, TemplatedField(sink="code")]
    inputs: Annotated[dict[str, Any], TemplatedField(sink="tool")] = Field(default_factory=dict, alias="with")

    def used_tools(self) -> list[tuple[str, str]]:
        """The one tool."""
        return [(self.server, self.tool)]

    def has_effect(self) -> bool:
        """Code in an application may change it."""
        return True

    def output_shape(self) -> Shape:
        """Unknown."""
        return Shape.unknown()

    async def run(self, run: StepRun) -> StepResult:
        """Code that raises fails the step with its message (`code_failed`)."""
        wanted: JsonObject = {"server": self.server, "source": self.source, "with": self.inputs}
        result = await write_once(
            run,
            target=f"{self.server}: {self.tool}",
            target_class="neither",
            request=wanted,
            write=partial(self._evaluate, run),
        )
        return result if isinstance(result, NeedsReview) else Completed(output=result["value"])

    async def _evaluate(self, run: StepRun) -> Written:
        arguments: JsonObject = {"code": self.source}
        if self.inputs:
            arguments["arguments"] = list(self.inputs.values())
        try:
            answer = await self.call_tool(run, self.server, self.tool, arguments)
        except StepError as problem:
            raise _of_the_code(problem) from None
        if answer.problem is not None:
            return Written(output={"value": None}, problem=answer.problem)
        value = _value(answer.text, self.source)
        try:
            return Written(output={"value": ensure_json(value, where="the value")})
        except NotJson as found:
            unusable = StepError(f"the code has run, and its value cannot be used: {found}", code="not_json")
            return Written(output={"value": answer.text}, problem=unusable)


def _of_the_code(problem: StepError) -> StepError:
    """The error of code that raised: Tidewave for JavaScript reports it as a failure of its tool."""
    said = _parsed(str(problem).partition(": ")[2]) if problem.code == "mcp_tool" else None
    if not isinstance(said, dict) or said.get("success") is not False:
        return problem
    return StepError(str(said.get("result") or said.get("stderr") or problem)[:500], code="code_failed")


def _value(text: str, source: str) -> Json:
    """A program's value: the `result` of `{result, success, stdout, stderr}`, parsed where it is JSON itself; with what
    it wrote for several statements."""
    answer = _parsed(text)
    if not isinstance(answer, dict) or "success" not in answer:
        return answer
    if not answer["success"]:
        raise StepError(
            str(answer.get("result") or answer.get("stderr") or "the code failed")[:500], code="code_failed"
        )
    result = answer.get("result")
    value = None if result == NO_VALUE else _parsed(result) if isinstance(result, str) else result
    return value if _is_expression(source) else {"value": value, "stdout": str(answer.get("stdout") or "")}


def _is_expression(source: str) -> bool:
    """Whether a program is one expression: of Python, or in another language one line without a semicolon."""
    import ast

    text = source.strip()
    try:
        ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "\n" not in text and ";" not in text
    return True


def _parsed(text: str) -> Json:
    try:
        value: Json = parse_json(text)
    except (ValueError, RecursionError):
        return text
    return value
