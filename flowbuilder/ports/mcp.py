"""Tools of MCP servers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from flowbuilder.values import Json, JsonObject


@dataclass(frozen=True, kw_only=True)
class McpTool:
    """A tool as its server describes it. The schemas are a stranger's: nothing in them is fetched or trusted."""

    name: str
    description: str = ""
    input_schema: JsonObject = field(default_factory=dict)
    output_schema: JsonObject | None = None


@dataclass(frozen=True, kw_only=True)
class McpAnswer:
    """What a tool answered: `content` is its blocks (`{type: text, text}` and others), `structured` its JSON value."""

    content: tuple[JsonObject, ...] = ()
    structured: Json = None

    @property
    def text(self) -> str:
        """The text blocks, one after the other."""
        return "\n".join(str(block["text"]) for block in self.content if block.get("type") == "text")


class McpSession(Protocol):
    """A connection to one server, for as long as it is open. After a `TransientError` it is not used again."""

    async def tools(self) -> Sequence[McpTool]:
        """The tools that may be called here: those that the server has and its record allows."""

    async def call(self, tool: str, arguments: JsonObject, *, seconds: float) -> McpAnswer:
        """Call a tool. `StepError` when it is not there, its arguments are wrong, or it says that it failed."""


class McpServers(Protocol):
    """Servers by name. What a name stands for is an administrator's to say, never a workflow's."""

    def open(self, server: str) -> AbstractAsyncContextManager[McpSession]:
        """A session; `ConfigurationError` when the server cannot be started, `TransientError` when not reached."""
