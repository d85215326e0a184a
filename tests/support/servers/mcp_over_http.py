"""The MCP server of `mcp_program.py` over HTTP."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.servers.prefect_server import free_port, wait_until

PROGRAM = Path(__file__).with_name("mcp_program.py")


@contextlib.contextmanager
def mcp_over_http() -> Iterator[str]:
    """The server in a process of its own; yields its URL."""
    port = free_port()
    with subprocess.Popen([sys.executable, str(PROGRAM), "http", str(port)], stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: _listens(port), seconds=60, what="the MCP server")
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.kill()  # an abandoned call may still be running


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
