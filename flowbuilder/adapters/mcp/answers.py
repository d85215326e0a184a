"""What MCP servers answer, as values: checked, limited in size, and without the classes of the SDK."""

from __future__ import annotations

from typing import Any

from flowbuilder.errors import StepError
from flowbuilder.json_schema import BadSchema, ensure_matches
from flowbuilder.ports.mcp import McpAnswer, McpTool
from flowbuilder.values import JsonObject, NotJson, canonical, ensure_json


def tool_of(tool: Any) -> McpTool:
    """A tool as its server lists it."""
    said = tool.annotations
    reads_only = None if said is None else False if said.destructive_hint else said.read_only_hint
    return McpTool(
        name=str(tool.name),
        description=str(tool.description or ""),
        input_schema=dict(tool.input_schema or {}),
        output_schema=dict(tool.output_schema) if tool.output_schema else None,
        reads_only=reads_only,
    )


def ensure_fits(schema: JsonObject, value: Any, what: str) -> None:
    """Raise `StepError` where a value is not as a server's schema says, or the schema cannot be used."""
    try:
        ensure_matches(schema, value, what)
    except BadSchema as problem:
        raise StepError(f"{what}: the server's schema cannot be used: {problem}", code="mcp_schema") from None


def plain(part: Any) -> JsonObject:
    """A part of an answer as JSON."""
    found: JsonObject = part.model_dump(mode="json", by_alias=True, exclude_none=True)
    return found


def usable_answer(blocks: list[JsonObject], cap: int) -> McpAnswer:
    """The answer with these blocks; what is wrong with it is raised: nothing was written."""
    answer = answer_of(blocks, None, cap)
    if answer.problem is not None:
        raise answer.problem
    return answer


def answer_of(blocks: list[JsonObject], value: Any, cap: int) -> McpAnswer:
    """The answer; one that is no JSON, or too large, has no content but a problem: the tool was called."""
    try:
        content = ensure_json(blocks, max_bytes=cap, where="content", long_integers_as_text=True)
        structured = ensure_json(value, max_bytes=cap, where="structured content", long_integers_as_text=True)
    except NotJson as problem:
        return McpAnswer(problem=StepError(f"the server's answer cannot be used: {problem}", code="not_json"))
    assert isinstance(content, list)
    if len(canonical(content)) > cap:
        return McpAnswer(problem=StepError(f"the server's answer is larger than {cap:,} bytes", code="too_large"))
    return McpAnswer(content=tuple(content), structured=structured)
