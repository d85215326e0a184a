"""Benchmark of calls of MCP tools: what flowbuilder adds to a call of the SDK's own client, and an iteration of calls.

    python benchmarks/mcp_calls.py                       the small server of the tests, 100 calls in 5 rounds
    python benchmarks/mcp_calls.py --tool TOOL --arguments JSON -- COMMAND...           another server

Both make the same calls in the same round. A call of flowbuilder is that of a step: the session of the execution, the
check of the tool's pin, the check of the arguments, the call, the checks of the answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from flowbuilder.adapters.mcp import ConnectedServers
from flowbuilder.ports.mcp import McpServers
from flowbuilder.steps.tool_pins import ToolPin, ensure_pinned, pin_of
from flowbuilder.testing import FakeConnections, run_locally
from flowbuilder.testing.fakes import fake_ports

PROGRAM = Path(__file__).parents[1] / "tests/support/servers/small_mcp_program.py"


def main() -> None:
    options = arguments()
    asyncio.run(calls(options))
    iteration(options)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--tool", default="shout")
    parser.add_argument("--arguments", type=json.loads, default={"text": "tea"})
    parser.add_argument("command", nargs="*", default=[sys.executable, "-S", str(PROGRAM)])
    return parser.parse_args()


async def calls(options: argparse.Namespace) -> None:
    """The time of one call, by the SDK and by a step."""
    command, tool, sent = options.command, options.tool, options.arguments
    servers = ConnectedServers(FakeConnections({"s": {"command": command}}))
    ratios, added = [], []
    with tempfile.TemporaryFile("w") as stderr:
        peer = stdio_client(StdioServerParameters(command=command[0], args=command[1:]), errlog=stderr)
        async with Client(peer) as client, servers.shared() as shared:
            async with shared.open("s") as session:
                pin = pin_of(next(one for one in await session.tools() if one.name == tool))
            await client.call_tool(tool, sent)
            for _ in range(options.rounds):
                plain, ours = [], []
                for _ in range(options.calls):
                    begun = time.perf_counter()
                    await client.call_tool(tool, sent)
                    between = time.perf_counter()
                    await call_as_a_step(shared, tool, sent, pin)
                    plain.append(between - begun)
                    ours.append(time.perf_counter() - between)
                ratios.append(statistics.median(ours) / statistics.median(plain))
                added.append(statistics.median(ours) - statistics.median(plain))
    print(f"a call: {statistics.median(ratios):.2f} times that of the SDK, {statistics.median(added) * 1000:+.2f} ms")


async def call_as_a_step(servers: McpServers, tool: str, sent: dict[str, Any], pin: ToolPin) -> None:
    async with servers.open("s") as session:
        await ensure_pinned(session, "s", tool, pin)
        await session.call(tool, sent, seconds=60)


def iteration(options: argparse.Namespace) -> None:
    """The time of an iteration of `calls` items, with a tool in each, and without one."""
    call = {"id": "c", "type": "mcp", "server": "s", "tool": options.tool, "arguments": options.arguments}
    code = {"id": "c", "type": "code", "source": "1"}
    seconds = {}
    for name, step in (("code", code), ("mcp", call)):
        each = {"id": "e", "type": "iteration", "over": str(list(range(options.calls))), "steps": [step]}
        ports = fake_ports(mcp=ConnectedServers(FakeConnections({"s": {"command": options.command}})))  # type: ignore[arg-type]
        begun = time.perf_counter()
        document: dict[str, Any] = {"schema": "flowbuilder/v1", "name": "bench", "title": "Bench", "steps": [each]}
        finished = run_locally(document, ports=ports)
        assert finished.status == "completed", finished.error
        seconds[name] = time.perf_counter() - begun
    ratio = seconds["mcp"] / seconds["code"]
    print(f"an iteration of {options.calls} calls: {seconds['mcp']:.2f} s, {ratio:.2f} times that of a code step")


if __name__ == "__main__":
    main()
