"""Target of the effects: an HTTP service in the test's own process, which no fault hits, with a log of every call.

`/put`, `/last` and `/slow` honour the idempotency key; `/flaky` does too, but sometimes fails before or after the work;
`/bare` ignores the key; `/read` is sometimes busy and changes nothing.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BUSY_SHARE = 0.03
"""Share of reads that are answered with 429 and `Retry-After: 1`."""
FAILING_SHARE = 0.3
"""Share of calls to `/flaky` that are answered with 503, half of them after the work."""
SLOW_SHARE = 0.1
"""Share of calls that take long enough to be hit by a fault."""


@dataclass(frozen=True, kw_only=True)
class TargetCall:
    """One write as the target received it, at seconds since the epoch. `applied` is False for a repeated key."""

    at: float
    place: str
    key: str
    applied: bool


class Target:
    """The service. Its log survives failures of its callers."""

    def __init__(self, seed: int) -> None:
        self.calls: list[TargetCall] = []
        self._random = random.Random(f"target {seed}")
        self._seen: set[str] = set()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def serving(self) -> Iterator[Target]:
        """Serve requests in this block."""
        thread = threading.Thread(target=self._server.serve_forever, name="target", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def was_applied(self, place: str) -> bool:
        """Whether a write was applied at this place."""
        with self._lock:
            return any(call.place == place and call.applied for call in self.calls)

    def times(self) -> Counter[str]:
        """The number of calls by key."""
        with self._lock:
            return Counter(call.key for call in self.calls)

    def answer(self, method: str, path: str, key: str) -> tuple[int, dict[str, Any]]:
        """The status and the body for a call, after its delay."""
        kind, _, place = path.strip("/").partition("/")
        with self._lock:
            slow, fails, busy = (self._random.random() for _ in range(3))
        time.sleep((1.0 if kind == "slow" else 0.05) + (2 * slow if slow < SLOW_SHARE else 0.15 * slow))
        if method == "GET":
            return (429, {"error": "busy"}) if busy < BUSY_SHARE else (200, {"place": place})
        failing = kind == "flaky" and fails < FAILING_SHARE
        if failing and fails < FAILING_SHARE / 2:
            return 503, {"error": "before the work"}
        with self._lock:
            repeated = kind != "bare" and key in self._seen
            self._seen.add(key)
            self.calls.append(TargetCall(at=time.time(), place=f"{kind}/{place}", key=key, applied=not repeated))
        return (503, {"error": "after the work"}) if failing else (200, {"place": place})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        target = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                self.rfile.read(length)
                status, body = target.answer(self.command, self.path, self.headers.get("Idempotency-Key", ""))
                answer = json.dumps(body).encode()
                self.send_response(status)
                if status == 429:
                    self.send_header("Retry-After", "1")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_PUT = do_POST = do_GET

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except ConnectionError:  # the caller was killed meanwhile
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                return

        return Handler
