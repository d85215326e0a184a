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

    A tool answers with a text, a JSON object (its structured value), a whole answer, what a function makes of the
    arguments, or raises an exception. `calls` are `(server, tool, arguments)`.
    """

    def __init__(self, servers: Mapping[str, Mapping[str, FakeTool]] | None = None) -> None:
        self._servers = dict(servers or {})
        self.calls: list[tuple[str, str, JsonObject]] = []

    @asynccontextmanager
    async def open(self, server: str) -> AsyncIterator[McpSession]:
        """A session; `ConfigurationError` when there is no server of that name."""
        if server not in self._servers:
            raise ConfigurationError(f"there is no connection {server!r}")
        yield _Session(server, self._servers[server], self.calls)


class _Session:
    def __init__(self, server: str, tools: Mapping[str, FakeTool], calls: list[tuple[str, str, JsonObject]]) -> None:
        self._server, self._tools, self._calls = server, tools, calls

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
        self._calls.append((self._server, tool, arguments))
        known = self._tools[tool]
        if isinstance(known, Exception):
            raise known
        value = known(arguments) if callable(known) else known
        if isinstance(value, McpAnswer):
            return value
        if isinstance(value, str):
            return McpAnswer(content=({"type": "text", "text": value},))
        return McpAnswer(structured=value)
