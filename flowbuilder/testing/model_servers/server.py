"""A model provider's server on this machine, which behaves and misbehaves as it is told."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self

from flowbuilder.testing.model_servers.replies import BEHAVIOURS, Reply, says
from flowbuilder.testing.model_servers.searching import RESPONSES
from flowbuilder.testing.model_servers.wires import WIRES, Asked, Sent


class ModelServer:
    """A server that speaks the protocol of a provider: `openai`, `ollama`, `anthropic` or `google`.

        with ModelServer("openai") as server:
            server.will(cut_off("This article stops in the mid"))
            connection = server.connection        # for FakeConnections, or server.environment for the process

    It gives its replies in turn, the last one for ever; a model whose name is one of `BEHAVIOURS` gets that reply.
    `asked` are the bodies of the requests, `keys` their API keys, `headers` their headers with names in lower case.
    """

    def __init__(self, wire: str = "openai") -> None:
        self.wire = WIRES[wire]
        self.asked: list[Asked] = []
        self.keys: list[str | None] = []
        self.headers: list[dict[str, str]] = []
        self._replies: list[Reply] = [says("Some words.")]
        self._lock, self._ended = Lock(), Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True

    def will(self, *replies: Reply) -> None:
        """Give these replies from the next request on."""
        with self._lock:
            self._replies = list(replies)

    @property
    def base(self) -> str:
        """The server's address, without the path of the protocol."""
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """The provider's variables for this server."""
        return self.wire.environment(self.base)

    @property
    def connection(self) -> dict[str, Any]:
        """A connection to this server."""
        address = next(value for name, value in self.environment.items() if name.endswith("BASE_URL"))
        return {"base_url": address, "api_key": "sk-test", "provider": self.wire.name}

    def __enter__(self) -> Self:
        Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._http.shutdown()
        self._http.server_close()

    def _next(self, asked: Asked, headers: dict[str, str], path: str) -> Sent:
        with self._lock:
            self.asked.append(asked)
            self.headers.append(headers)
            self.keys.append(self.wire.key(headers))
            reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        wire = RESPONSES if self.wire.name == "openai" and path.endswith("/responses") else self.wire
        return BEHAVIOURS.get(str(asked.get("model")), reply)(wire, asked)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                """Write nothing."""

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                asked = json.loads(self.rfile.read(length))
                if "/models/" in self.path:  # Google names the model in the path
                    asked.setdefault("model", self.path.partition("/models/")[2].partition(":")[0])
                headers = {name.lower(): value for name, value in self.headers.items()}
                sent = server._next(asked, headers, self.path)
                if sent.delay:
                    server._ended.wait(sent.delay)
                self.close_connection = True
                if not sent.resets:
                    self._send(sent)

            def _send(self, sent: Sent) -> None:
                self.send_response(sent.status)
                self.send_header("content-type", sent.content_type)
                self.send_header("connection", "close")
                for name, value in sent.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    body = sent.body.encode() if isinstance(sent.body, str) else sent.body
                    for part in [body] if isinstance(body, bytes) else body:
                        self.wfile.write(part)
                        self.wfile.flush()
                except OSError:
                    return  # the client has gone

        return Handler
