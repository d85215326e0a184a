"""Servers that speak PostgreSQL's protocol as far as a test needs: one that rejects, and a proxy that cuts."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_SSL_REQUEST, _GSS_REQUEST = 80877103, 80877104


def rejection(state: str, message: str, severity: str = "FATAL") -> bytes:
    """An ErrorResponse."""
    fields = {"S": severity, "V": severity, "C": state, "M": message}
    body = b"".join(key.encode() + value.encode() + b"\0" for key, value in fields.items()) + b"\0"
    return b"E" + struct.pack("!I", len(body) + 4) + body


@contextmanager
def rejecting_server(answer: Callable[[str], bytes]) -> Iterator[int]:
    """The port of a server that asks for the password, in clear text, and answers with bytes made from it."""

    def serve(client: socket.socket) -> None:
        _startup(client)
        client.sendall(b"R" + struct.pack("!II", 8, 3))
        _, body = _message(client)
        client.sendall(answer(body.rstrip(b"\0").decode()))

    with _listening(serve) as port:
        yield port


@contextmanager
def cutting_proxy(
    target: tuple[str, int], *, at: bytes, passes_on: bool, when: Callable[[], object] = lambda: time.sleep(0.5)
) -> Iterator[int]:
    """The port of a proxy to a server, which cuts the connection when the client sends a query with this text: before
    the server gets it or, with `passes_on`, without its answer. It cuts when `when` returns."""

    def serve(client: socket.socket) -> None:
        with socket.create_connection(target) as server:
            server.sendall(_startup(client))
            cutting = threading.Event()
            threading.Thread(target=_pump, args=(server, client, cutting), daemon=True).start()
            while True:
                kind, body = _message(client)
                cut = at in body
                if cut:
                    cutting.set()  # nothing of the answer reaches the client
                if not cut or passes_on:
                    server.sendall(kind + struct.pack("!I", len(body) + 4) + body)
                if cut:
                    when()
                    return

    with _listening(serve) as port:
        yield port


def _pump(source: socket.socket, sink: socket.socket, cutting: threading.Event) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            if not cutting.is_set():
                sink.sendall(data)


def _startup(client: socket.socket) -> bytes:
    """The startup message; requests for encryption before it are refused."""
    while True:
        head = _exactly(client, 8)
        length, code = struct.unpack("!II", head)
        body = _exactly(client, length - 8)
        if code not in (_SSL_REQUEST, _GSS_REQUEST):
            return head + body
        client.sendall(b"N")


def _message(client: socket.socket) -> tuple[bytes, bytes]:
    head = _exactly(client, 5)
    return head[:1], _exactly(client, struct.unpack("!I", head[1:])[0] - 4)


def _exactly(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = client.recv(count - len(data))
        if not part:
            raise OSError("the client is gone")
        data += part
    return data


@contextmanager
def _listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))

    def one(client: socket.socket) -> None:
        with client, suppress(OSError):
            serve(client)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=one, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
