"""Pins of MCP tools in a stored document: which tools a definition uses, and a document with other pins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowbuilder.definition.document import Definition
from flowbuilder.steps.builtin.mcp import UsesTools, tool_key
from flowbuilder.steps.builtin.mcp_llm import McpLlm
from flowbuilder.steps.tool_pins import ToolPin
from flowbuilder.values import JsonObject, ensure_json

Pins = Mapping[str, ToolPin]
"""Pins by `tool_key`: `SERVER/TOOL`."""


def used_tools(definition: Definition) -> list[tuple[str, str]]:
    """The server and the name of each tool that the steps use, in order, each once."""
    used = [pair for _, step in definition.all_steps() if isinstance(step, UsesTools) for pair in step.used_tools()]
    return list(dict.fromkeys(used))


def offered_tools(definition: Definition) -> dict[tuple[str, str], bool]:
    """The tools that models may call, and whether the author says of each, in all its steps, that it only reads."""
    offered: dict[tuple[str, str], bool] = {}
    for _, step in definition.all_steps():
        for item in step.tools if isinstance(step, McpLlm) else ():
            pair = (item.server, item.tool)
            offered[pair] = offered.get(pair, True) and item.reads_only
    return offered


def pins_of(definition: Definition) -> dict[str, ToolPin]:
    """The pins in a definition."""
    pins: dict[str, ToolPin] = {}
    for _, step in definition.all_steps():
        if isinstance(step, UsesTools):
            pins |= step.pins
    return pins


def unpinned_tools(definition: Definition) -> list[str]:
    """The tools that the steps use without a pin, as `SERVER/TOOL`."""
    missing = [
        tool_key(*pair)
        for _, step in definition.all_steps()
        if isinstance(step, UsesTools)
        for pair in step.used_tools()
        if tool_key(*pair) not in step.pins
    ]
    return list(dict.fromkeys(missing))


def with_pins(document: JsonObject, definition: Definition, pins: Pins, *, replace: bool) -> JsonObject:
    """The document of the definition with these pins in each step that uses such a tool. Pins that a step has already
    stay, unless `replace`; pins of tools that no step uses are left out."""
    pinned: Any = ensure_json(document)
    for place, step in definition.all_steps():
        if not isinstance(step, UsesTools):
            continue
        keys = [tool_key(*pair) for pair in step.used_tools()]
        chosen = {key: pins[key] for key in keys if key in pins and (replace or key not in step.pins)}
        if chosen:
            record = pinned
            for part in place:
                record = record[part]
            kept = {key: value for key, value in (record.get("pins") or {}).items() if key in keys}
            record["pins"] = {**kept, **{key: pin.model_dump(exclude_none=True) for key, pin in chosen.items()}}
    found: JsonObject = pinned
    return found
