"""`api` steps that write: the outcome of a write is what was answered to it."""

from __future__ import annotations

import gzip
import socket
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from flowbuilder.adapters.egress import Egress
from flowbuilder.adapters.http import GuardedHttp
from flowbuilder.ports import Ports
from flowbuilder.testing import Finished, MemoryStore
from tests.support.servers.raw_server import answer, raw_server

Run = Callable[..., Finished]
JSON = "Content-Type: application/json"


class Target:
    """A server with an answer for each path; `seen` are the requests, as method, path and body."""

    def __init__(self, run: Run, ports: Ports, answers: dict[str, Any]) -> None:
        self._run, self._answers = run, answers
        self._ports = replace(ports, http=GuardedHttp(Egress(["127.0.0.1", "localhost"])))
        self.seen: list[tuple[str, str, str]] = []
        self.keys: set[bytes] = set()
        self.store = MemoryStore()

    def __call__(self, request: bytes, connection: socket.socket) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
        self.seen.append((method, path, body.decode()))
        self.keys |= {line for line in head.split(b"\r\n") if line.lower().startswith(b"idempotency-key")}
        found = self._answers[path]
        connection.sendall(found) if isinstance(found, bytes) else found(connection)

    def write(self, base: str, **fields: Any) -> Finished:
        step = {"type": "api", "method": "POST", "url": f"{base}/w", "json": {"a": 1}, "effect": {"key": "order-7"}}
        return self._run({**step, **fields}, ports=self._ports, store=self.store)

    @property
    def posts(self) -> int:
        return sum(method == "POST" for method, _, _ in self.seen)


@pytest.fixture
def target(run: Run, ports: Ports) -> Callable[[dict[str, Any]], Target]:
    return lambda answers: Target(run, ports, answers)


def hang(connection: socket.socket) -> None:
    time.sleep(3)


RESULTS = {
    "missing": answer("404 Not Found", b'{"error": "gone"}', JSON),
    "broken": answer("500 Internal Server Error"),
    "rate limited": answer("429 Too Many Requests", b"", "Retry-After: 3600"),
    "endless": answer("302 Found", b"", "Location: /r"),
    "elsewhere": answer("302 Found", b"", "Location: http://169.254.169.254/latest"),
    "unreadable": answer("200 OK", b"{", JSON),
    "reset": lambda connection: connection.close(),
    "silent": hang,
}


@pytest.mark.parametrize("name", RESULTS)
def test_what_the_page_of_a_303_answers_decides_nothing(target: Any, name: str) -> None:
    there = target({"/w": answer("303 See Other", b"", "Location: /r"), "/r": RESULTS[name]})
    with raw_server(there) as base:
        for _ in range(2):
            finished = there.write(base, timeout_seconds=2)
            assert finished.status == "completed", finished.error
            assert finished.outputs["s"]["status"] == 303
            assert finished.outputs["s"]["headers"]["location"] == f"{base}/r"
    assert there.posts == 1


def test_the_page_of_a_303_is_the_output_where_it_can_be_read(target: Any) -> None:
    there = target({"/w": answer("303 See Other", b"", "Location: r"), "/r": answer("200 OK", b'{"id": 7}', JSON)})
    with raw_server(there) as base:
        assert there.write(base).outputs["s"]["body"] == {"id": 7}
        assert there.write(base).outputs["s"]["body"] == {"id": 7}  # the receipt leads to the page again
    assert [seen[:2] for seen in there.seen] == [("POST", "/w"), ("GET", "/r"), ("GET", "/r")]
    assert there.seen[1][2] == ""


@pytest.mark.parametrize("location", ["http://[::bad", "http://a b/", "//[x", "mailto:a@b.example", ""])
def test_a_303_to_no_url_is_a_write_that_was_made(target: Any, location: str) -> None:
    there = target({"/w": answer("303 See Other", b"", f"Location: {location}")})
    with raw_server(there) as base:
        for _ in range(2):
            assert there.write(base).outputs["s"]["status"] == 303
    assert there.posts == 1


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n")
    for _ in range(30):
        connection.sendall(b" ")
        time.sleep(0.1)


def cut_off(connection: socket.socket) -> None:
    connection.sendall(b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"a"')


BOMB = gzip.compress(bytes(99_000_000), 1)
UNREADABLE = {
    "no JSON": (answer("201 Created", b"OK", JSON), "not_json", "OK"),
    "a page": (answer("200 OK", b"<html>gateway</html>", JSON), "not_json", "<html>gateway</html>"),
    "not a number": (answer("201 Created", b'{"id": NaN}', JSON), "not_json", '{"id": NaN}'),
    "deep": (answer("201 Created", b"[" * 100 + b"]" * 100, JSON), "not_json", "[" * 100 + "]" * 100),
    "too large": (answer("201 Created", b'"' + b"x" * 9_000_000 + b'"', JSON), "too_large", None),
    "a bomb": (answer("201 Created", BOMB, JSON, "Content-Encoding: gzip"), "too_large", None),
    "not gzip": (answer("201 Created", b'{"a": 1}', JSON, "Content-Encoding: gzip"), "encoding", None),
    "an unknown encoding": (answer("201 Created", b"{}", JSON, "Content-Encoding: rot13"), "encoding", None),
    "wrong letters": (answer("201 Created", b'"\xe9"', JSON), "not_json", '"\ufffd"'),
    "cut off": (cut_off, "connection", None),
    "dripping": (drip, "timeout", None),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_write_whose_answer_cannot_be_read_has_its_receipt(target: Any, name: str) -> None:
    sent, code, body = UNREADABLE[name]
    there = target({"/w": sent})
    with raw_server(there) as base:
        for _ in range(2):
            finished = there.write(base, timeout_seconds=2)
            assert finished.status == "completed", (finished.error, finished.waiting)
            output = finished.outputs["s"]
            assert (output["status"], output["body"], output["body_error"]["code"]) == (
                200 if name == "a page" else 201, body, code,
            )  # fmt: skip
    assert there.posts == 1


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (answer("201 Created", zlib.compress(b'{"a": "df"}'), JSON, "Content-Encoding: deflate"), {"a": "df"}),
        (answer("201 Created", b'"\xe9"', f"{JSON}; charset=iso-8859-1"), "\u00e9"),
        (answer("200 OK", b'"\\ud83d"', JSON), "\ufffd"),
        (answer("201 Created", b'{"id": 12345678901234567890}', JSON), {"id": "12345678901234567890"}),
        (answer("204 No Content"), None),
    ],
)
def test_an_answer_that_can_be_read_has_no_error(target: Any, sent: bytes, body: Any) -> None:
    there = target({"/w": sent})
    with raw_server(there) as base:
        output = there.write(base).outputs["s"]
    assert (output["body"], "body_error" in output) == (body, False)


def test_an_answer_that_a_schema_asks_for_fails_the_step_and_not_the_write(target: Any) -> None:
    there = target({"/w": answer("201 Created", b"OK", JSON)})
    with raw_server(there) as base:
        for _ in range(2):
            finished = there.write(base, response_schema={"type": "object"})
            assert finished.error is not None
            assert finished.error["code"] == "not_json"
            assert "the write was made" in finished.error["message"]
    assert there.posts == 1


@pytest.mark.parametrize("status", ["307 Temporary Redirect", "308 Permanent Redirect"])
def test_307_and_308_are_followed_at_the_same_site_with_the_same_write(target: Any, status: str) -> None:
    there = target({"/w": answer(status, b"", "Location: /w/"), "/w/": answer("201 Created")})
    with raw_server(there) as base:
        assert there.write(base).outputs["s"]["status"] == 201
        assert there.write(base).outputs["s"]["status"] == 201
    assert there.seen == [("POST", "/w", '{"a": 1}'), ("POST", "/w/", '{"a": 1}')]
    assert len(there.keys) == 1


def test_a_write_that_is_sent_in_a_circle_ends(target: Any) -> None:
    there = target({"/w": answer("307 Temporary Redirect", b"", "Location: /w")})
    with raw_server(there) as base:
        error = there.write(base).error
    assert error is not None
    assert error["code"] == "redirects"
    assert len(there.seen) == 6


@pytest.mark.parametrize(
    ("status", "place", "refused"),
    [
        (301, "/new", True),
        (302, "/new", False),
        (307, "http://localhost:1/new", True),
        (308, "http://localhost:1/", True),
    ],
)
def test_a_redirect_that_is_not_followed_names_the_address(target: Any, status: int, place: str, refused: bool) -> None:
    there = target({"/w": answer(f"{status} Moved", b"", f"Location: {place}")})
    with raw_server(there) as base:
        finished = there.write(base)
        assert finished.error is not None
        wanted = place if place.startswith("http") else base + place
        assert finished.error["code"] == f"http_{status}"
        assert f"write url: {wanted}" in finished.error["message"]
        assert finished.error["detail"] == {"status": status, "location": wanted}
        again = there.write(base)
    # a server that says that the resource is elsewhere has done nothing; a 302 may follow a write that was made
    assert (again.status, there.posts) == (("failed", 2) if refused else ("waiting", 1))


@pytest.mark.parametrize("status", [300, 301, 302, 304, 305, 307, 308])
@pytest.mark.parametrize("location", ["http://[::bad", "mailto:a@b.example", "ftp://a.example/", ""])
def test_a_redirect_to_no_url_has_the_outcome_of_its_status(target: Any, status: int, location: str) -> None:
    there = target({"/w": answer(f"{status} Moved", b"", *([f"Location: {location}"] if location else []))})
    with raw_server(there) as base:
        error = there.write(base).error
        again = there.write(base)
    assert error["code"] == f"http_{status}"
    assert location in error["message"]
    assert (again.status, there.posts) == (("failed", 2) if status in (301, 307, 308) else ("waiting", 1))


def test_the_status_of_a_refused_write_counts_although_its_body_is_cut_off(target: Any) -> None:
    def refused(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 422 Unprocessable\r\nContent-Length: 99\r\n\r\n{")

    there = target({"/w": refused})
    with raw_server(there) as base:
        error = there.write(base).error
    assert error is not None
    assert error["code"] == "http_422"


def test_a_write_that_was_never_sent_is_refused_and_asks_nothing(target: Any) -> None:
    there = target({"/w": answer("201 Created")})
    for _ in range(2):
        assert there.write("http://127.0.0.1:1").status == "failed"
    with raw_server(there) as base:
        failed = there.write("http://127.0.0.1:1", effect={"key": "order-8"})
        assert failed.error["code"] == "connection"
        assert there.write(base, effect={"key": "order-8"}).status == "completed"
