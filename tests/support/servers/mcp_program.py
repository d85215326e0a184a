"""A real MCP server of the SDK's own kind as a program: `python mcp_program.py stdio`, or `http PORT`."""

from __future__ import annotations

import sys
from pathlib import Path

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

sys.path.insert(0, str(Path(__file__).parent))

import mcp_tools

mcp_tools.Failed = ToolError
server = MCPServer("test")
for tool in mcp_tools.TOOLS:
    server.add_tool(tool)


@server.resource("docs://guide", mime_type="text/markdown")
def guide() -> str:
    """A text."""
    return "# Tea\nKeep it hot."


@server.resource("docs://photo", mime_type="image/png")
def photo() -> bytes:
    """An image."""
    return b"\x89PNG\r\n\x1a\n" + bytes(range(64))


@server.resource("docs://pages/{name}")
def page(name: str) -> str:
    """A text of the template's kind."""
    return f"The page {name}."


@server.resource("docs://long")
def long() -> str:
    """A text of 100,000 characters."""
    return "x" * 100_000


@server.prompt()
def review(topic: str, tone: str = "plain") -> str:
    """Ask for a review."""
    return f"Review what is said of {topic}, in {tone} words."


if __name__ == "__main__":
    if sys.argv[1] == "http":
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]))
    else:
        server.run("stdio")
