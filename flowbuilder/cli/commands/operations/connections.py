"""`flowbuilder connections`: try a connection before a workflow uses it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any

import click

from flowbuilder.adapters.sql.record import is_database
from flowbuilder.bootstrap import open_ports, settings
from flowbuilder.cli.output.escape import escape
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.diagnostics import count
from flowbuilder.engine.ingress import guarded_ports
from flowbuilder.errors import ConfigurationError, StepError
from flowbuilder.ports import Ports
from flowbuilder.ports.known_secrets import KnownSecrets
from flowbuilder.ports.mcp import McpTool
from flowbuilder.ports.sql import SqlRequest
from flowbuilder.ports.sql.statement import read_statement
from flowbuilder.steps.tool_pins import pin_of

CALL_SECONDS = 30.0
_SAID = {None: "", True: "(the server says: only reads) ", False: "(the server says: may write) "}
_ABOUT = {
    "sqlite": "SELECT sqlite_version() AS version, (SELECT count(*) FROM sqlite_master WHERE type = 'table') AS tables",
    "postgresql": """
        SELECT current_setting('server_version') AS version, current_user AS role, current_database() AS name,
            (SELECT count(*) FROM information_schema.tables
             WHERE table_schema NOT IN ('pg_catalog', 'information_schema')) AS tables,
            (SELECT bool_or(pg_has_role(current_user, oid, 'MEMBER')) FROM pg_roles
             WHERE rolname IN ('pg_execute_server_program', 'pg_write_server_files')) AS privileged
    """,
}
"""What a database is asked about itself."""
MAX_SHOWN = 300


@click.group()
def command() -> None:
    """Try connections."""


@command.command("test", cls=ResultCommand)
@click.argument("name")
@click.option("--tool", metavar="TOOL", help="Call this tool; by default one that reads only and needs no arguments.")
@click.option("--arguments", metavar="JSON", help="The arguments of the tool, as a JSON object.")
def test(name: str, tool: str | None, arguments: str | None) -> CommandResult:
    """Connect to the database of connection NAME, and say as whom; or to its MCP server, list the tools that it allows
    with their pins, and call one.

    Without --tool, a tool is called that the preset of the connection names, or of which the server says that it
    reads only, if it needs no arguments. Exits with 1 when the database or the server
    cannot be used.
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
    if is_database(connection):
        if tool is not None:
            raise click.UsageError(f"connection {name} is a database, which has no tools")
        return await _test_database(name, connection, ports)
    if not {"command", "url"} & set(connection):
        message = f"connection {name} is no MCP server and no database: it has no command, url or driver"
        raise ConfigurationError(message)
    data: dict[str, Any] = {"connection": name, "ok": False, "error": None, "tools": [], "call": None}
    lines: list[str] = []
    begun = time.monotonic()
    try:
        async with ports.mcp.open(name) as session:
            tools = list(await session.tools())
            data["connect_seconds"] = round(time.monotonic() - begun, 3)
            data["tools"] = [_record(item) for item in tools]
            lines.append(f"Connected in {data['connect_seconds']:.1f} s: {count(len(tools), 'tool')} allowed")
            lines += [
                f"  {item['name']}  {item['pin'][:19]}  {_SAID[item['reads_only']]}{item['summary']}"
                for item in data["tools"]
            ]
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


async def _test_database(name: str, connection: dict[str, Any], ports: Ports) -> CommandResult:
    from flowbuilder.adapters.sql.record import database_record

    assert ports.databases is not None
    family = database_record(name, connection).family
    data: dict[str, Any] = {"connection": name, "ok": False, "error": None, "database": None}
    begun = time.monotonic()
    try:
        request = SqlRequest(connection=name, statement=read_statement(_ABOUT[family]), seconds=CALL_SECONDS)
        (about,) = (await ports.databases.execute(request)).rows
    except StepError as problem:
        data["error"] = {"code": problem.code, "message": str(problem)}
        return CommandResult(data=data, text=escape(f"Failed ({problem.code}): {problem}"), ok=False)
    seconds = round(time.monotonic() - begun, 3)
    data |= {"ok": True, "database": about, "connect_seconds": seconds}
    lines = [f"Connected in {seconds:.1f} s: {family} {about['version']}, {count(about['tables'], 'table')}"]
    if family == "postgresql":
        lines.append(f"  as {about['role']} in {about['name']}")
    if about.get("privileged"):
        lines.append(
            f"Warning: {about['role']} may run programs and write files on the server, which no read-only transaction "
            "holds back; use a role that has only the rights that steps need"
        )
    return CommandResult(data=data, text=escape("\n".join(lines)), ok=True)


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
