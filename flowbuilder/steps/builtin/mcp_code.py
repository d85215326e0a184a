"""`mcp_code`: run code in an application through its MCP server."""

from __future__ import annotations

import json
from functools import partial
from typing import Annotated, Any, ClassVar

from pydantic import Field

from flowbuilder.errors import StepError
from flowbuilder.language import Shape
from flowbuilder.steps.builtin.mcp import ServerName, ToolName, UsesTools
from flowbuilder.steps.step import Completed, NeedsReview, StepResult, StepRun, TemplatedField
from flowbuilder.steps.write_once import Written, write_once
from flowbuilder.values import Json, JsonObject


class McpCode(UsesTools):
    """Run code in a development application through its MCP server, by Tidewave's `project_eval`.

    The code may do anything there, so the call is an effect that happens once, and the server's record needs
    `privileged: true`. The values under `with` are passed as the program's `arguments`, in order. The output is the
    value: parsed where it is JSON.
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
        answer = await self.call_tool(run, self.server, self.tool, arguments)
        return Written(output={"value": _value(answer.text)})


def _value(text: str) -> Json:
    """A program's value: the `result` of `{result, success, stdout, stderr}`, parsed where it is JSON itself."""
    answer = _parsed(text)
    if not isinstance(answer, dict) or "success" not in answer:
        return answer
    if not answer["success"]:
        raise StepError(
            str(answer.get("result") or answer.get("stderr") or "the code failed")[:500], code="code_failed"
        )
    result = answer.get("result")
    return _parsed(result) if isinstance(result, str) else result


def _parsed(text: str) -> Json:
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value
