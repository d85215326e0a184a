"""A real MCP server as a program: `python mcp_program.py stdio`, or `http PORT`."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel

server = MCPServer("test")


class Sum(BaseModel):
    """A structured answer."""

    total: int


@server.tool()
def add(a: int, b: int) -> Sum:
    """Add two numbers."""
    return Sum(total=a + b)


@server.tool()
def shout(text: str) -> str:
    """Return the text in upper case."""
    return text.upper()


@server.tool()
def fail(why: str) -> str:
    """Fail."""
    raise ToolError(why)


@server.tool()
def pretend(text: str) -> str:
    """Fail, with a text that reports success."""
    return f"Error searching libraries: {text}"


@server.tool()
def slow(seconds: float) -> str:
    """Wait for so many seconds."""
    time.sleep(seconds)
    return "at last"


@server.tool()
def big(size: int) -> str:
    """A long text."""
    return "x" * size


@server.tool()
def die() -> str:
    """End the server in the middle of a call."""
    os._exit(3)


@server.tool()
def surroundings() -> dict[str, Any]:
    """The environment that the server sees."""
    return {"names": sorted(os.environ)}


if __name__ == "__main__":
    if sys.argv[1] == "http":
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]))
    else:
        server.run("stdio")
