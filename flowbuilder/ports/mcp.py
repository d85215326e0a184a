"""Port of MCP servers and their tools."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from flowbuilder.errors import StepError
from flowbuilder.values import Json, JsonObject


@dataclass(frozen=True, kw_only=True)
class McpTool:
    """A tool as its server describes it. The schemas are untrusted: no reference in them is fetched. `reads_only`:
    whether it only reads, as its server says, which is no promise; None where it says nothing of it."""

    name: str
    description: str = ""
    input_schema: JsonObject = field(default_factory=dict)
    output_schema: JsonObject | None = None
    reads_only: bool | None = None


@dataclass(frozen=True, kw_only=True)
class McpAnswer:
    """A tool's answer: `content` has its blocks (`{type: text, text}` and others), `structured` its JSON value.

    That of a resource has its parts as blocks of type `resource`, that of a prompt those of its messages with `role`.
    `problem` says why an answer that reports success cannot be used, or only in part: the call was made all the same.
    """

    content: tuple[JsonObject, ...] = ()
    structured: Json = None
    problem: StepError | None = None

    @property
    def text(self) -> str:
        """The text blocks, joined by line breaks."""
        return "\n".join(str(block["text"]) for block in self.content if block.get("type") == "text")

    @staticmethod
    def text_of(block: JsonObject) -> str:
        """A block as text: the text of a resource too, and a line in brackets for what is no text."""
        role = f"[{block['role']}]\n" if block.get("role") else ""
        return f"{role}{_block_as_text(block)}"


def _block_as_text(block: JsonObject) -> str:
    kind, resource = block.get("type"), block.get("resource")
    if kind == "text":
        return str(block["text"])
    if isinstance(resource, dict):
        if isinstance(resource.get("text"), str):
            return f"[resource {resource.get('uri')}]\n{resource['text']}"
        if (text := _text_in(resource)) is not None:
            return f"[resource {resource.get('uri')}]\n{text}"
        return f"[resource {resource.get('uri')}, {_size(resource)}: not text, left out]"
    if kind == "resource_link":
        return f"[link to the resource {block.get('uri')}: {block.get('description') or block.get('name')}]"
    return f"[{kind}, {_size(block)}: left out]"


def _text_in(resource: JsonObject) -> str | None:
    """The text of a resource that is sent as bytes, where its type says that it is one and it is UTF-8."""
    from flowbuilder.ports.http.content import is_json, kind_of  # here: validating a document reads no answer

    blob, kind = resource.get("blob"), kind_of(str(resource.get("mimeType") or ""))
    if not isinstance(blob, str) or not (kind.startswith("text/") or is_json(kind) or kind.endswith("xml")):
        return None
    try:
        return b64decode(blob, validate=True).decode()
    except ValueError:  # neither base64 nor UTF-8
        return None


def _size(part: JsonObject) -> str:
    data = part.get("data") or part.get("blob")
    size = len(data) * 3 // 4 if isinstance(data, str) else 0
    return f"{part.get('mimeType') or 'of an unknown type'}, {size:,} bytes"


ToolCheck = Callable[[McpTool], None]
"""Raises `StepError` where a tool must not be called as its server describes it now."""


class McpSession(Protocol):
    """An open session with one server. After a `TransientError` it must not be used again."""

    async def tools(self) -> Sequence[McpTool]:
        """The tools that the server has and its record allows."""

    async def call(
        self, tool: str, arguments: JsonObject, *, seconds: float, check: ToolCheck | None = None
    ) -> McpAnswer:
        """Call a tool, after `check` of its description. `StepError` when there is none, its arguments are invalid, or
        it reports failure; `definitive` where the tool was certainly not called. What is wrong with the answer of a
        tool that reports success is its `problem`."""

    async def read_resource(self, uri: str, *, seconds: float) -> McpAnswer:
        """A resource. `StepError` (`mcp_unknown_resource`, with the known ones) when there is none."""

    async def get_prompt(self, name: str, arguments: JsonObject, *, seconds: float) -> McpAnswer:
        """A prompt with its arguments filled in. `StepError` (`mcp_unknown_prompt`) when there is none."""


class McpServers(Protocol):
    """MCP servers by name. An administrator configures them, never a workflow."""

    def open(self, server: str) -> AbstractAsyncContextManager[McpSession]:
        """A session; `ConfigurationError` when the server cannot be started, `TransientError` when unreachable."""


@runtime_checkable
class SharesSessions(Protocol):
    """MCP servers whose sessions the steps of an execution can share."""

    def shared(self) -> AbstractAsyncContextManager[McpServers]:
        """These servers with at most one session each, which stay open until the block ends."""
