"""Pins of MCP tools: what a tool was when a workflow was pinned. A tool that has changed since is not called.

A server can change what a tool says of itself after a person has looked at it, and with it what a model is told and
what arguments are sent.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence

from pydantic import Field

from flowbuilder.errors import StepError
from flowbuilder.ports.mcp import McpSession, McpTool
from flowbuilder.steps.fields import Record
from flowbuilder.values import JsonObject, NotJson, canonical, digest, ensure_json

MAX_DEFINITION = 16_000
"""The size of a tool's definition, in characters, up to which a pin holds it beside the hash, to show what changed."""
MAX_DIFF_LINES = 40
PARTS = ("name", "description", "input_schema", "output_schema")


class ToolPin(Record):
    """The hash of a tool's name, description and schemas, and the definition itself unless it is too large."""

    hash: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    definition: JsonObject | None = None


def pin_of(tool: McpTool) -> ToolPin:
    """The pin of a tool as it is now. `StepError` (`mcp_schema`) when its schemas are no plain JSON."""
    definition = _definition(tool)
    small = len(canonical(definition)) <= MAX_DEFINITION
    return ToolPin(hash=f"sha256:{digest(definition)}", definition=definition if small else None)


async def ensure_pinned(session: McpSession, server: str, tool: str, pin: ToolPin | None) -> None:
    """Raise `StepError` (`mcp_tool_changed`) with a diff when a pinned tool is not what it was. Nothing was called."""
    if pin is None:
        return
    found = [item for item in await session.tools() if item.name == tool]
    if len(found) != 1:
        what = "is offered more than once" if found else "is no longer offered"
        raise _changed(server, tool, pin, what)
    ensure_same(server, pin, found[0])


def ensure_same(server: str, pin: ToolPin, tool: McpTool) -> None:
    """Raise `StepError` (`mcp_tool_changed`) with a diff when a tool is not what it was when it was pinned."""
    current = pin_of(tool)
    if current.hash == pin.hash:
        return
    changed = [part for part in PARTS if (pin.definition or {}).get(part) != (current.definition or {}).get(part)]
    what = f"has changed since it was pinned ({', '.join(changed)})" if pin.definition else "has changed"
    raise _changed(server, tool.name, pin, what, current)


def _changed(server: str, tool: str, pin: ToolPin, what: str, current: ToolPin | None = None) -> StepError:
    lines = tool_diff(pin, current) if current else []
    message = f"the tool {tool} of MCP server {server} {what}; look at it, then run flowbuilder mcp pin"
    return StepError(
        "\n".join([message, *lines]),
        code="mcp_tool_changed",
        detail={"server": server, "tool": tool, "pinned": pin.hash, "found": current and current.hash, "diff": lines},
        definitive=True,
    )


def tool_diff(before: ToolPin, after: ToolPin) -> list[str]:
    """The lines of the two definitions that differ, with `-` and `+`, without control characters; empty when one of
    them is not known."""
    if before.definition is None or after.definition is None:
        return []
    lines = [
        line
        for line in difflib.unified_diff(_lines(before.definition), _lines(after.definition), lineterm="", n=0)
        if not line.startswith(("---", "+++", "@@"))
    ]
    more = len(lines) - MAX_DIFF_LINES
    return [*lines[:MAX_DIFF_LINES], *([f"... {more} more lines"] if more > 0 else [])]


def _definition(tool: McpTool) -> JsonObject:
    try:
        definition = ensure_json(
            {
                "name": tool.name,
                "description": tool.description,
                "input_schema": tool.input_schema,
                "output_schema": tool.output_schema,
            },
            where=f"the tool {tool.name:.60}",
        )
    except NotJson as problem:
        raise StepError(f"the tool cannot be pinned: {problem}", code="mcp_schema") from None
    assert isinstance(definition, dict)
    return definition


def _lines(definition: JsonObject) -> Sequence[str]:
    """The definition as lines that a person can compare: a description in lines of its own, the rest as JSON."""
    description = str(definition.get("description") or "")
    rest = {part: definition.get(part) for part in PARTS if part != "description"}
    text = json.dumps(rest, indent=1, sort_keys=True, ensure_ascii=False)
    return [_visible(line) for line in (*description.splitlines(), *text.splitlines())]


def _visible(line: str) -> str:
    shown = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in line)
    return shown if len(shown) <= 200 else shown[:199] + "…"
