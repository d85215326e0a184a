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


if __name__ == "__main__":
    if sys.argv[1] == "http":
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]))
    else:
        server.run("stdio")
