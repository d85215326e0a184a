"""A TCP server that answers each request with bytes of the test, also with those that no HTTP library would send."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Handler = Callable[[bytes, socket.socket], None]
"""Is called with the request (head and body) and the connection, which is closed afterwards."""


@contextmanager
def raw_server(handler: Handler) -> Iterator[str]:
    """The address of a server on this machine, such as `http://127.0.0.1:4711`."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=_one, args=(handler, connection), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    """An answer such as `answer("200 OK", b"{}", "Content-Type: application/json")`, whose length is declared."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def _one(handler: Handler, connection: socket.socket) -> None:
    with connection, suppress(OSError):
        request = b""
        while b"\r\n\r\n" not in request:
            request += _received(connection)
        head, _, body = request.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        missing = int(lengths[0].partition(b":")[2]) - len(body) if lengths else 0
        while missing > 0:
            part = _received(connection)
            request, missing = request + part, missing - len(part)
        handler(request, connection)


def _received(connection: socket.socket) -> bytes:
    part = connection.recv(65536)
    if not part:
        raise OSError("the client is gone")
    return part
