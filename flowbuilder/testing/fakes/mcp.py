"""MCP servers whose tools are functions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from flowbuilder.errors import ConfigurationError, StepError
from flowbuilder.ports import McpAnswer, McpSession, McpTool, ToolCheck
from flowbuilder.values import Json, JsonObject

FakeTool = Json | McpAnswer | Exception | Callable[[JsonObject], Json | McpAnswer]


class FakeMcp:
    """`FakeMcp({"docs": {"search": "text"}})`: servers by name, their tools by name.

    `resources` and `prompts` are the same for resources by URI and prompts by name.

    A tool answers with a text, a JSON object (its structured value), a whole answer, what a function makes of the
    arguments, or raises an exception. `calls` are `(server, tool, arguments)`.
    """

    def __init__(
        self,
        servers: Mapping[str, Mapping[str, FakeTool]] | None = None,
        *,
        resources: Mapping[str, Mapping[str, FakeTool]] | None = None,
        prompts: Mapping[str, Mapping[str, FakeTool]] | None = None,
    ) -> None:
        self._servers = dict(servers or {})
        self._resources, self._prompts = dict(resources or {}), dict(prompts or {})
        self.calls: list[tuple[str, str, JsonObject]] = []

    @asynccontextmanager
    async def open(self, server: str) -> AsyncIterator[McpSession]:
        """A session; `ConfigurationError` when there is no server of that name."""
        if not any(server in known for known in (self._servers, self._resources, self._prompts)):
            raise ConfigurationError(f"there is no connection {server!r}")
        session = _Session(server, self._servers.get(server, {}), self.calls)
        session.resources, session.prompts = self._resources.get(server, {}), self._prompts.get(server, {})
        yield session


class _Session:
    def __init__(self, server: str, tools: Mapping[str, FakeTool], calls: list[tuple[str, str, JsonObject]]) -> None:
        self._server, self._tools, self._calls = server, tools, calls
        self.resources: Mapping[str, FakeTool] = {}
        self.prompts: Mapping[str, FakeTool] = {}

    async def tools(self) -> tuple[McpTool, ...]:
        return tuple(McpTool(name=name, input_schema={"type": "object"}) for name in self._tools)

    async def call(
        self, tool: str, arguments: JsonObject, *, seconds: float, check: ToolCheck | None = None
    ) -> McpAnswer:
        if tool not in self._tools:
            message = f"MCP server {self._server} has no tool {tool!r}"
            raise StepError(message, code="mcp_unknown_tool", definitive=True)
        if check is not None:
            check(next(item for item in await self.tools() if item.name == tool))
        return self._answer("tool", self._tools, tool, arguments)

    async def read_resource(self, uri: str, *, seconds: float) -> McpAnswer:
        return self._answer("resource", self.resources, uri, {})

    async def get_prompt(self, name: str, arguments: JsonObject, *, seconds: float) -> McpAnswer:
        return self._answer("prompt", self.prompts, name, arguments)

    def _answer(self, kind: str, all_known: Mapping[str, FakeTool], name: str, arguments: JsonObject) -> McpAnswer:
        if name not in all_known:
            raise StepError(f"MCP server {self._server} has no {kind} {name!r}", code=f"mcp_unknown_{kind}")
        self._calls.append((self._server, name, arguments))
        known = all_known[name]
        if isinstance(known, Exception):
            raise known
        value = known(arguments) if callable(known) else known
        if isinstance(value, McpAnswer):
            return value
        if isinstance(value, str):
            return McpAnswer(content=({"type": "text", "text": value},))
        return McpAnswer(structured=value)
