"""`flowbuilder mcp`: pin the tools of MCP servers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack

import click

from flowbuilder.bootstrap import settings
from flowbuilder.cli.commands.operations.connections import ports_for
from flowbuilder.cli.context import identity, open_app_without_engine, user_option
from flowbuilder.cli.output.escape import escape
from flowbuilder.cli.output.json_records import version_record
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.definition.tool_pins import offered_tools, pins_of, used_tools
from flowbuilder.diagnostics import count
from flowbuilder.engine.stored_plans import definition_of
from flowbuilder.errors import NotFound
from flowbuilder.ports.mcp import McpTool
from flowbuilder.steps.builtin.mcp import tool_key
from flowbuilder.steps.tool_pins import ToolPin, pin_of, tool_diff


@click.group()
def command() -> None:
    """Pin the tools of MCP servers that workflows use."""


@command.command("pin", cls=ResultCommand)
@click.argument("workflow", required=False)
@click.option("--server", metavar="NAME", help="Pin only the tools of this server; without WORKFLOW, in all workflows.")
@user_option
def pin(workflow: str | None, server: str | None, user: str | None) -> CommandResult:
    """Pin the MCP tools of WORKFLOW as they are now, in a new draft.

    Connects to the servers, and shows what has changed since the last pin. A step whose tool has another name,
    description or schema than its pin fails before the call, with the difference. A later push keeps the pins.
    Says where a server calls a tool that a model may call read-only and the workflow does not, and the reverse.
    """
    if workflow is None and server is None:
        raise click.UsageError("name a workflow, or a server with --server NAME")
    app = open_app_without_engine()
    names = [workflow] if workflow else [item.name for item in app.workflows()]
    definitions = {name: definition_of(app.latest_version(name)) for name in names}
    wanted = {
        name: [pair for pair in used_tools(definition) if server in (None, pair[0])]
        for name, definition in definitions.items()
    }
    found = asyncio.run(_tools(pair for pairs in wanted.values() for pair in pairs))
    lines: list[str] = []
    records = []
    for name, pairs in wanted.items():
        if not pairs:
            continue
        before, now = pins_of(definitions[name]), {tool_key(*pair): pin_of(found[pair]) for pair in pairs}
        number = app.latest_version(name).number
        version = app.pin_tools(name, now, author=identity(user, settings()))
        for key, current in now.items():
            lines += _lines(key, before.get(key), current)
        hints = [
            line
            for pair, is_said in offered_tools(definitions[name]).items()
            if pair in found
            for line in _hints(pair, found[pair], is_said)
        ]
        lines += hints
        if version.number == number:
            lines.append(f"Unchanged: {name} v{number}")
        else:
            lines.append(f"Stored {name} v{version.number} as a draft\nNext: flowbuilder publish {name}")
        pins = {key: item.hash for key, item in now.items()}
        records.append({**version_record(version), "pins": pins, "hints": hints})
    if not records:
        lines.append("No workflow uses a tool of an MCP server" + (f" {server}" if server else ""))
    return CommandResult(data={"workflows": records}, text=escape("\n".join(lines)))


async def _tools(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], McpTool]:
    """The tools as their servers describe them now. `NotFound` for one that its server does not offer."""
    wanted = list(dict.fromkeys(pairs))
    ports = ports_for([server for server, _ in wanted])
    assert ports.mcp is not None
    found: dict[tuple[str, str], McpTool] = {}
    for server in dict.fromkeys(server for server, _ in wanted):
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(ports.mcp.open(server))
            offered = {tool.name: tool for tool in await session.tools()}
        for pair in wanted:
            if pair[0] == server:
                if pair[1] not in offered:
                    names = ", ".join(offered) or "none"
                    raise NotFound(f"MCP server {server} has no allowed tool {pair[1]} (allowed: {names:.500})")
                found[pair] = offered[pair[1]]
    return found


def _hints(pair: tuple[str, str], tool: McpTool, is_marked: bool) -> list[str]:
    """What to look at where a server says of a tool something else than the author: a server's word is no promise."""
    key = tool_key(*pair)
    if tool.reads_only and not is_marked:
        return [
            f"{key}: the server says that it only reads, which is no promise. Where you know that it does, mark it "
            "with reads_only: true: a call that a crash cut off is then made again without a question"
        ]
    if tool.reads_only is False and is_marked:
        return [f"Warning: {key} is marked with reads_only: true, and the server says that it may write"]
    return []


def _lines(key: str, before: ToolPin | None, now: ToolPin) -> list[str]:
    if before is None:
        return [f"{key}: pinned {now.hash[:19]}"]
    if before.hash == now.hash:
        return [f"{key}: unchanged"]
    changes = [f"  {line}" for line in tool_diff(before, now)]
    return [f"{key}: changed, pinned {now.hash[:19]} ({count(len(changes), 'line')} differ)", *changes]
