"""`flowbuilder connections`: try a connection before a workflow uses it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any

import click

from flowbuilder.bootstrap import open_ports, settings
from flowbuilder.cli.output.escape import escape
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.diagnostics import count
from flowbuilder.engine.ingress import guarded_ports
from flowbuilder.errors import ConfigurationError, StepError
from flowbuilder.ports import Ports
from flowbuilder.ports.known_secrets import KnownSecrets
from flowbuilder.ports.mcp import McpTool
from flowbuilder.steps.tool_pins import pin_of

CALL_SECONDS = 30.0
MAX_SHOWN = 300


@click.group()
def command() -> None:
    """Try connections."""


@command.command("test", cls=ResultCommand)
@click.argument("name")
@click.option("--tool", metavar="TOOL", help="Call this tool; by default one that reads only and needs no arguments.")
@click.option("--arguments", metavar="JSON", help="The arguments of the tool, as a JSON object.")
def test(name: str, tool: str | None, arguments: str | None) -> CommandResult:
    """Connect to the MCP server of connection NAME, list the tools that it allows with their pins, and call one.

    Without --tool, a tool is called that the preset of the connection names, or of which the server says that it
    reads only, if it needs no arguments. Exits with 1 when the server cannot be used.
    """
    return asyncio.run(_test(name, tool, _arguments(arguments)))


def ports_for(servers: Sequence[str]) -> Ports:
    """Ports that know these connections: from the file or, for those that are not in it, from blocks in Prefect."""
    from flowbuilder.adapters.connections import FileConnections

    return open_ports(blocks=not set(servers) <= set(FileConnections(settings().home).entries()))


def _arguments(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise click.UsageError(f"--arguments is no JSON: {problem}") from None
    if not isinstance(value, dict):
        raise click.UsageError("--arguments must be a JSON object")
    return value


async def _test(name: str, tool: str | None, arguments: dict[str, Any]) -> CommandResult:
    ports = guarded_ports(ports_for([name]), KnownSecrets())
    assert ports.mcp is not None
    connection = await ports.connections.get(name)
    if not {"command", "url"} & set(connection):
        raise ConfigurationError(f"connection {name} is no MCP server: it has neither a command nor a url")
    data: dict[str, Any] = {"connection": name, "ok": False, "error": None, "tools": [], "call": None}
    lines: list[str] = []
    begun = time.monotonic()
    try:
        async with ports.mcp.open(name) as session:
            tools = list(await session.tools())
            data["connect_seconds"] = round(time.monotonic() - begun, 3)
            data["tools"] = [_record(item) for item in tools]
            lines.append(f"Connected in {data['connect_seconds']:.1f} s: {count(len(tools), 'tool')} allowed")
            lines += [f"  {item['name']}  {item['pin'][:19]}  {item['summary']}" for item in data["tools"]]
            chosen = (tool, arguments) if tool else _harmless(connection, tools)
            if chosen is None:
                lines.append("Not called: no tool reads only and needs no arguments; name one with --tool")
            else:
                begun = time.monotonic()
                data["call"] = {"tool": chosen[0], "arguments": chosen[1]}
                answer = await session.call(*chosen, seconds=CALL_SECONDS)
                if answer.problem is not None:
                    raise answer.problem
                shown = answer.text or json.dumps(answer.structured, ensure_ascii=False)
                data["call"] |= {"seconds": round(time.monotonic() - begun, 3), "text": shown[:MAX_SHOWN]}
                lines.append(f"Called {chosen[0]} in {data['call']['seconds']:.3f} s: {_line(shown)}")
        data["ok"] = True
    except StepError as problem:
        data["error"] = {"code": problem.code, "message": str(problem)}
        lines.append(f"Failed ({problem.code}): {problem}")
    return CommandResult(data=data, text=escape("\n".join(lines)), ok=data["ok"])


def _record(tool: McpTool) -> dict[str, Any]:
    summary = _line(tool.description, 80)
    return {"name": tool.name, "pin": pin_of(tool).hash, "reads_only": tool.reads_only, "summary": summary}


def _line(text: str, limit: int = MAX_SHOWN) -> str:
    line = " ".join(text[: 4 * limit].split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _harmless(connection: dict[str, Any], tools: Sequence[McpTool]) -> tuple[str, dict[str, Any]] | None:
    """The tool to call when none is named, with its arguments."""
    from flowbuilder.adapters.mcp.presets import PRESETS

    preset = PRESETS.get(str(connection.get("preset")))
    if preset and preset.probe and preset.probe[0] in {item.name for item in tools}:
        return preset.probe
    return next(((item.name, {}) for item in tools if item.reads_only and not item.input_schema.get("required")), None)
