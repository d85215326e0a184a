"""`api` steps that send text, bytes of earlier steps and forms with files, and read answers that are no text."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from flowbuilder.definition.loader import load
from flowbuilder.ports import Ports
from flowbuilder.steps.http.bodies import file_value
from flowbuilder.testing import Finished, run_locally

Run = Callable[..., Finished]
PNG = b"\x89PNG\r\n\x1a\n\x00\xff\xfe\x80" + bytes(range(256)) * 9


class Server:
    """Answers a picture at `/image`, and keeps what is sent to `/w`."""

    def __init__(self, httpserver: HTTPServer) -> None:
        self.url = httpserver.url_for("/w")
        self.image = {"id": "image", "type": "api", "url": httpserver.url_for("/image")}
        self.bodies: list[bytes] = []
        self.kinds: list[str] = []
        self.form: dict[str, list[str]] = {}
        self.files: list[tuple[str, str | None, str, bytes]] = []
        httpserver.expect_request("/image").respond_with_data(PNG, content_type="image/png")
        httpserver.expect_request("/w").respond_with_handler(self.keep)

    def keep(self, request: Request) -> Response:
        self.bodies.append(request.get_data())
        self.kinds.append(request.headers["content-type"])
        self.form = {name: request.form.getlist(name) for name in request.form}
        self.files = [
            (name, file.filename, file.content_type, file.read()) for name, file in request.files.items(multi=True)
        ]
        return Response(status=201)


@pytest.fixture
def server(httpserver: HTTPServer) -> Server:
    return Server(httpserver)


@pytest.fixture
def send(ports: Ports, server: Server) -> Callable[..., Finished]:
    """`send(image, body=...)`: a POST after these steps, which the author trusts."""

    def send(*first: dict[str, Any], **fields: Any) -> Finished:
        trust = [{"source": step["id"], "reason": "ours", "by": "Ana"} for step in first]
        step = {"id": "s", "type": "api", "method": "POST", "url": server.url, **fields, "trust": trust}
        return run_locally({"schema": "flowbuilder/v1", "name": "w", "steps": [*first, step]}, ports=ports)

    return send


def sent(finished: Finished) -> None:
    assert finished.status == "completed", finished.error


def refusal(finished: Finished) -> str:
    assert finished.error is not None
    assert finished.error["code"] == "invalid_field", finished.error
    return str(finished.error["message"])


@pytest.mark.parametrize(
    ("headers", "kind"),
    [({}, "text/plain; charset=utf-8"), ({"Content-Type": "application/xml"}, "application/xml")],
)
def test_a_raw_text_is_sent_as_it_is(send: Any, server: Server, headers: dict[str, str], kind: str) -> None:
    sent(send(body="<a>\u00e9 \U0001f600</a>\r\n", headers=headers))
    assert (server.bodies, server.kinds) == (["<a>\u00e9 \U0001f600</a>\r\n".encode()], [kind])


def test_a_text_is_not_sent_in_another_encoding_than_its_headers_say(send: Any, server: Server) -> None:
    said = refusal(send(body="x", headers={"content-type": "text/plain; charset=iso-8859-1"}))
    assert "a text is sent as UTF-8" in said
    assert server.bodies == []


def test_a_binary_answer_is_said_and_its_bytes_can_be_sent(send: Any, server: Server) -> None:
    finished = send(server.image, body="{{ steps.image.output.body }}")
    sent(finished)
    assert finished.outcomes["image"].output["body"] == {
        "content_type": "image/png",
        "size": len(PNG),
        "sha256": hashlib.sha256(PNG).hexdigest(),
        "base64": b64encode(PNG).decode(),
    }
    assert (server.bodies, server.kinds) == ([PNG], ["image/png"])


@pytest.mark.parametrize(
    ("data", "kind", "text"),
    [
        (b"%PDF-1.4\n%\xe2\xe3\xcf\xd3", "application/pdf", None),
        (b"a,b\n1,2\n", "application/octet-stream", "a,b\n1,2\n"),
        (b"\x1f\x8b\x08\x00", "text/plain", None),
        (b"<svg/>", "image/svg+xml", "<svg/>"),
        (b"PK\x03\x04", "", None),
        (b"", "image/png", None),
    ],
)
def test_text_and_other_data_are_told_apart(
    run: Run, httpserver: HTTPServer, data: bytes, kind: str, text: str | None
) -> None:
    httpserver.expect_request("/d").respond_with_data(data, headers={"content-type": kind})
    body = run({"type": "api", "url": httpserver.url_for("/d")}).outputs["s"]["body"]
    wanted = file_value(data, kind) if data else None
    assert body == (wanted if text is None else text)


def test_a_form_with_files(send: Any, server: Server) -> None:
    image = "{{ steps.image.output.body }}"
    form = {
        "title": "T\u00e9e",
        "n": 7,
        "on": True,
        "none": None,
        "tags": ["a", "b"],
        "file": image,
        "more": [{"content": image, "filename": "a \"b\".png"}, {"content": "a;b\n", "filename": "rows.csv",
                                                                 "content_type": "text/csv"}],
    }  # fmt: skip
    sent(send(server.image, multipart=form, headers={"content-type": "text/plain"}))
    assert server.form == {"title": ["T\u00e9e"], "n": ["7"], "on": ["true"], "tags": ["a", "b"]}
    assert server.files == [
        ("file", "file.png", "image/png", PNG),
        ("more", 'a "b".png', "image/png", PNG),
        ("more", "rows.csv", "text/csv", b"a;b\n"),
    ]


def test_the_same_form_has_the_same_bytes(send: Any, server: Server) -> None:
    for text in ("a", "a", "b"):
        sent(send(multipart={"text": text, "file": {"content": "x", "filename": "a\r\nX-Evil: 1"}}))
    assert server.bodies[0] == server.bodies[1] != server.bodies[2]
    assert b"\r\nX-Evil" not in server.bodies[0]


FILE = file_value(b"abc", "text/plain")
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "changed bytes": ({"body": {**FILE, "base64": "YWJk"}}, "it was changed"),
    "another size": ({"multipart": {"f": {**FILE, "size": 4}}}, "multipart.f cannot be sent"),
    "no base64": ({"body": {"base64": "?"}}, "base64 cannot be read"),
    "a list": ({"body": [1]}, "send every other value as json"),
    "a number": ({"body": "{{ 7 }}"}, "send every other value as json"),
    "an object in a form": ({"multipart": {"f": {"a": 1}}}, "multipart.f cannot be sent"),
    "a list in a list": ({"multipart": {"f": [["a"]]}}, "multipart.f cannot be sent"),
    "a type with a line break": ({"body": {"base64": "YQ==", "content_type": "a\r\nb: c"}}, "line break"),
    "a type of a part with a line break": (
        {"multipart": {"f": {"content": "a", "filename": "a", "content_type": "a\nb"}}}, "line break",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_sent_is_named_and_nothing_is_sent(send: Any, server: Server, name: str) -> None:
    fields, said = WRONG[name]
    assert said in refusal(send(**fields))
    assert server.bodies == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"method": "POST", "body": "a", "json": 1}, "json and body cannot both be sent"),
        ({"method": "POST", "form": {}, "multipart": {}}, "form and multipart cannot both be sent"),
        ({"body": "a"}, "GET sends no body; did you mean method: POST?"),
        ({"multipart": {"a": "b"}}, "GET sends no body"),
    ],
)
def test_one_body_only(fields: dict[str, Any], said: str) -> None:
    step = {"id": "s", "type": "api", "url": "https://a.example/", **fields}
    _, report = load(json.dumps({"schema": "flowbuilder/v1", "name": "w", "steps": [step]}))
    (found,) = report.errors
    assert said in found.message


def test_a_question_about_a_write_shows_a_file_by_its_hash(ports: Ports, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/lost").respond_with_data("", status=502)
    step = {"id": "s", "type": "api", "method": "POST", "url": httpserver.url_for("/lost"), "body": FILE}
    retry = {"attempts": 2, "delay_seconds": 0}
    document = {"schema": "flowbuilder/v1", "name": "w", "steps": [{**step, "retry": retry}]}
    (review,) = run_locally(document, ports=ports).waiting
    assert review.request.proposal["body"] == {name: value for name, value in FILE.items() if name != "base64"}
