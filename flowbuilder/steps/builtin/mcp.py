"""`mcp`: call a tool of an MCP server."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from msgspec.structs import replace
from pydantic import BaseModel, Field, field_validator

from flowbuilder import ports
from flowbuilder.errors import ConfigurationError, StepError, TransientError
from flowbuilder.json_schema import ensure_matches, usable_schema
from flowbuilder.language import Expression, Shape, Template, shape_of_schema
from flowbuilder.steps.step import (
    Completed,
    NeedsReview,
    Place,
    Sink,
    Step,
    StepResult,
    StepRun,
    TemplatedField,
)
from flowbuilder.steps.tool_pins import ToolPin, ensure_pinned, ensure_same
from flowbuilder.steps.write_once import EffectOptions, Written, write_once
from flowbuilder.values import Json, JsonObject, ensure_json, parse_json

if TYPE_CHECKING:
    from flowbuilder.model.effect import TargetClass

SECONDS = 60.0
SHARE = 0.95
"""The share of the time limit of a step with an effect in which a server is ready."""
ServerName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
ToolName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./:-]*$", max_length=128)]


class UsesTools(Step):
    """Base class of steps that call tools of MCP servers. `pins` are written by `flowbuilder mcp pin`."""

    pins: dict[str, ToolPin] = Field(default_factory=dict, description="written by flowbuilder mcp pin")

    @abstractmethod
    def used_tools(self) -> list[tuple[str, str]]:
        """The server and the name of each tool that the step may call."""

    async def ensure_pinned(self, session: ports.McpSession, server: str, tool: str) -> None:
        """Raise `StepError` when the tool is not what it was when it was pinned."""
        await ensure_pinned(session, server, tool, self.pins.get(tool_key(server, tool)))

    def pin_check(self, server: str, tool: str) -> ports.ToolCheck | None:
        """What a session calls immediately before the call: a server may change its tools at any time."""
        pin = self.pins.get(tool_key(server, tool))
        return None if pin is None else partial(ensure_same, server, pin)

    async def call_tool(self, run: StepRun, server: str, tool: str, arguments: JsonObject) -> ports.McpAnswer:
        """The answer of a pinned tool. A connection that broke before the call was sent is opened once more."""
        ready = monotonic() + self.timeout_seconds * SHARE if self.timeout_seconds and self.has_effect() else None
        try:
            return await self._call_once(run, server, tool, arguments, ready)
        except TransientError as problem:
            if problem.code != "connection" or not problem.definitive:
                raise
        return await self._call_once(run, server, tool, arguments, ready)

    async def _call_once(
        self, run: StepRun, server: str, tool: str, arguments: JsonObject, ready: float | None
    ) -> ports.McpAnswer:
        async with AsyncExitStack() as stack:
            with before_the_call():
                session = await self._opened(stack, run, server, ready)
                await self.ensure_pinned(session, server, tool)
            return await session.call(
                tool, arguments, seconds=self.timeout_seconds or SECONDS, check=self.pin_check(server, tool)
            )

    async def _opened(self, stack: AsyncExitStack, run: StepRun, server: str, ready: float | None) -> ports.McpSession:
        """A session whose tools are known, until `ready` of the monotonic clock: the end of the step itself would leave
        an effect in doubt that was not made."""
        from flowbuilder.throttling.context import timeout_excluding_waits  # here: validating opens none

        try:
            async with timeout_excluding_waits(None if ready is None else max(ready - monotonic(), 0.0)):
                session = await stack.enter_async_context(servers_of(run).open(server))
                await session.tools()
        except TimeoutError:
            if ready is None:
                raise
            seconds = (self.timeout_seconds or 0.0) * SHARE
            message = f"MCP server {server} was not ready within {seconds:g} s; no tool was called"
            raise TransientError(message, reason="timeout") from None
        return session


def tool_key(server: str, tool: str) -> str:
    """The name of a tool in `pins`."""
    return f"{server}/{tool}"


class Mcp(UsesTools):
    """Call a tool of an MCP server. `server` names a connection, which an administrator configures.

    With `effect` the call is a write to the outside world: it happens once, and its arguments count as published.

    Fields of the connection: `command` (a list) with `environment` and `folder`, or `url` with `token`, `oauth2` or
    `headers`; `preset` (context7, tidewave), `tools` (a list: no others may be called), `resources` and `prompts`
    (lists: no others may be read), `privileged` (true: also tools that run code), `failures` and `busy` (lists of
    patterns of answers that report success and mean failure, or too many requests), `connect_seconds` (20),
    `max_bytes` (4 MiB), `limits`. `flowbuilder connections test NAME` tries it.
    """

    untrusted: ClassVar[str | None] = "MCP answer"
    cooperative: ClassVar[bool] = True

    server: ServerName = Field(description="the name of a connection")
    tool: ToolName = Field(description="the name of a tool that the connection allows")
    arguments: Annotated[dict[str, Any], TemplatedField(sink="publish")] = Field(
        default_factory=dict, description="checked against the tool's schema before the call"
    )
    output_schema: JsonObject | None = Field(
        default=None, description="JSON Schema of the structured answer, or of the JSON in its one text"
    )
    effect: Annotated[EffectOptions | None, TemplatedField(sink="control")] = Field(
        default=None, description="the call is a write: it happens once"
    )

    class Output(BaseModel, defer_build=True):
        """`content` has the answer's blocks (`{type, text}` and others), `structured` its JSON value, if any."""

        content: list[Any]
        structured: Any = None

    @field_validator("output_schema")
    @classmethod
    def _usable(cls, value: JsonObject | None) -> JsonObject | None:
        return usable_schema(value)

    def used_tools(self) -> list[tuple[str, str]]:
        """The one tool."""
        return [(self.server, self.tool)]

    def has_effect(self) -> bool:
        """Only where the author declares it: what a server declares is not trusted."""
        return self.effect is not None

    def output_shape(self) -> Shape:
        """The structured value as `output_schema` says."""
        shape = super().output_shape()
        if self.output_schema is None:
            return shape
        return replace(shape, fields={**shape.fields, "structured": shape_of_schema(self.output_schema)})

    def texts(self) -> Iterator[tuple[Place, Template | Expression, Sink | None]]:
        """Arguments are published only where the call is an effect."""
        for place, text, sink in super().texts():
            yield place, text, None if sink == "publish" and not self.has_effect() else sink

    async def run(self, run: StepRun) -> StepResult:
        """A tool that reports failure fails the step (`mcp_tool`); a lost connection is a transient failure."""
        if not self.has_effect():
            answered = await self._call(run)
            if answered.problem is not None:
                raise answered.problem
            return Completed(output=answered.output)
        wanted: JsonObject = {"server": self.server, "tool": self.tool, "arguments": self.arguments}
        declared = self.effect.deduplicates if self.effect else None
        target_class: TargetClass = "deduplicates" if declared else "neither"
        result = await write_once(
            run,
            target=f"{self.server}: {self.tool}",
            target_class=target_class,
            request=wanted,
            write=partial(self._call, run),
            key_retention=self.effect.seconds() if self.effect else None,
        )
        return result if isinstance(result, NeedsReview) else Completed(output=result)

    async def _call(self, run: StepRun) -> Written:
        """The output, and what is wrong with it: the tool was called in any case."""
        answer = await self.call_tool(run, self.server, self.tool, self.arguments)
        structured, problem = answer.structured, answer.problem
        if problem is None and self.output_schema is not None:
            try:
                if structured is None:
                    structured = _json_in(answer, self.tool)
                ensure_matches(self.output_schema, structured, f"the structured answer of {self.tool}")
            except StepError as found:
                problem = found
        return Written(output={"content": list(answer.content), "structured": structured}, problem=problem)


def _json_in(answer: ports.McpAnswer, tool: str) -> Json:
    """The JSON that is the one text block of an answer: most servers give their values so."""
    if len(answer.content) != 1 or answer.content[0].get("type") != "text":
        message = f"the answer of {tool} has no structured value, and is not one block of text that would be JSON"
        raise StepError(message, code="schema_mismatch")
    try:
        return ensure_json(parse_json(answer.text), where=f"the answer of {tool}")
    except (ValueError, RecursionError):
        message = f"the answer of {tool} has no structured value, and its text is no JSON"
        raise StepError(message, code="schema_mismatch") from None


@contextmanager
def before_the_call() -> Iterator[None]:
    """Mark the errors in this block: the target certainly did nothing."""
    try:
        yield
    except StepError as problem:
        problem.definitive = True
        raise
    except ConfigurationError as problem:
        raise StepError(str(problem), code="configurationerror", definitive=True) from None


def servers_of(run: StepRun) -> ports.McpServers:
    """The MCP servers of this installation."""
    if run.ports.mcp is None:
        raise ConfigurationError("this installation has no MCP adapter")
    return run.ports.mcp
