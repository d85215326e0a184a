"""What an answer says: its text, and the reason for a failure."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from flowbuilder.errors import StepError
from flowbuilder.ports import HttpResponse
from flowbuilder.ports.http.reasons import MAX_BODY, MAX_REASON, reason_of

REASONS: list[tuple[Any, str]] = [
    ({"errors": ["title too long"]}, "title too long"),
    ({"error": {"message": 'field "body" is missing', "token": "sk-secret-123"}}, 'field "body" is missing'),
    ({"error": "invalid_client", "error_description": "No such client"}, "No such client; invalid_client"),
    ({"detail": [{"loc": ["body", "title"], "msg": "Field required"}]}, "body.title: Field required"),
    ({"title": "Bad input", "detail": "The age is negative", "status": 400}, "The age is negative; Bad input"),
    ({"code": "rest_invalid_param", "message": "Invalid parameter(s): title", "data": {"status": 400}},
     "Invalid parameter(s): title"),
    ({"title": ["Ensure this has at most 60 characters."], "slug": ["In use."]},
     "Ensure this has at most 60 characters."),
    ({"name": ["may not be blank"], "slug": ["in use"]}, "name: may not be blank; slug: in use"),
    ({"errors": [{"message": "Cannot query field", "locations": [{"line": 1}]}]}, "Cannot query field"),
    ({"errors": [{"source": {"pointer": "/data/title"}, "detail": "is taken"}]}, "/data/title: is taken"),
    ({"errors": {"password": ["is too short"]}}, "password: is too short"),
    ("just text", "just text"),
    ({}, ""), ([], ""), (None, "null"), ({"a": {"b": {"c": 1}}}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("body", "line"), REASONS)
def test_the_line_says_what_the_server_says(body: Any, line: str) -> None:
    assert reason_of(json.dumps(body))[0] == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  plain\n text \x00\u200b ", "plain text"),
        ("<!DOCTYPE html><html><head><title>502 Bad &amp; Gateway</title></head>", "502 Bad & Gateway"),
        ("<html><body>no title</body>", ""),
        ("", ""),
        ('{"a": 1', '{"a": 1'),
        ("[" * 5000, "[" * (MAX_REASON - 1) + "\u2026"),
    ],
)
def test_what_is_not_json_is_one_line_of_visible_text(text: str, line: str) -> None:
    assert reason_of(text)[0] == line


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "Incorrect API key provided: sk-proj-4711abcdefgh. See the docs."}},
        {"message": "wrong", "token": "sk-secret-4711"},
        {"message": "wrong", "request": {"headers": {"Authorization": "Bearer a4711abcdefgh"}}},
        {"message": "wrong", "secret": "a4711abcdefgh"},
        {"message": "token=a4711abcdefgh is expired"},
        {"errors": ["password: a4711abcdefgh is wrong"]},
        "api_key 'a4711abcdefgh' is unknown",
    ],
)
def test_what_looks_like_a_secret_is_hidden(body: Any) -> None:
    line, kept = reason_of(json.dumps(body))
    assert "4711" not in line + json.dumps(kept)
    assert line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("token abc123def456 expired", "token [hidden] expired"),
        ("token abcdefgh12345678901234567890", "token [hidden]"),
        ("the token of user abc123def456 for ana123456", "the token of user [hidden] for ana123456"),
        ("token abc123def456 for ana123456", "token [hidden] for ana123456"),
        ("token/abc1234567", "token/[hidden]"),
        ("Bearer [token of shop-2024.example] is bad", "Bearer [token of shop-2024.example] is bad"),
        ("bad [secret of connection shop-2024]", "bad [secret of connection shop-2024]"),
    ],
)
def test_a_secret_is_hidden_whole_and_what_stands_for_one_is_shown(text: str, shown: str) -> None:
    assert reason_of(text)[0] == shown


@pytest.mark.parametrize(
    "text", ["The key title is required", "Missing key: title", "token expired", "Invalid password: too short",
             "request req_011CQ4711 failed", "unknown field author", "The keyword 2026 is reserved"]
)  # fmt: skip
def test_ordinary_reasons_are_shown(text: str) -> None:
    assert reason_of(json.dumps({"message": text}))[0] == text


def test_the_line_and_the_body_are_bounded() -> None:
    line, kept = reason_of(json.dumps({"message": "x" * 100_000, "more": ["y"] * 10_000}))
    assert (len(line), len(str(kept))) == (MAX_REASON, MAX_BODY)


@pytest.mark.parametrize(
    "text", ["key " * 50_000, "<title" * 50_000, "token: " + "a" * 100_000, "[" * 100_000, "key:\t" * 50_000]
)
def test_no_answer_takes_long(text: str) -> None:
    begun = time.process_time()
    reason_of(text)
    reason_of(json.dumps({"message": text}))
    assert time.process_time() - begun < 1


def answer(body: bytes, kind: str, status: int = 200) -> HttpResponse:
    return HttpResponse(
        status=status, headers={"content-type": kind} if kind else {}, body=body, url="https://a.example/"
    )


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ("\u00e9".encode("latin-1"), "text/plain; charset=iso-8859-1", "\u00e9"),
        (b"\x80", "text/plain; charset=latin1", "\u20ac"),  # windows-1252, as in browsers
        (b"\xef\xbb\xbf\xc3\xa9", "text/plain; charset=iso-8859-1", "\u00e9"),  # the mark counts more than the header
        ("\u00e9".encode("utf-16"), "text/plain", "\u00e9"),
        (b'<meta charset="shift_jis">\x93\xfa', "text/html", '<meta charset="shift_jis">\u65e5'),
        (b"<?xml version='1.0' encoding='iso-8859-2'?><a>\xb1</a>", "application/xml",
         "<?xml version='1.0' encoding='iso-8859-2'?><a>\u0105</a>"),
        (b"caf\xe9 au lait", "text/plain", "caf\u00e9 au lait"),
        (b"caf\xc3\xa9 caf\xc3", "text/plain", "caf\u00e9 caf\ufffd"),  # cut off
        (b"caf\xc3\xa9", "", "caf\u00e9"),
    ],
)  # fmt: skip
def test_a_text_is_read_as_browsers_read_it(body: bytes, kind: str, text: str) -> None:
    assert answer(body, kind).text == text


def test_a_failure_has_its_status_reason_and_body_as_detail() -> None:
    with pytest.raises(StepError, match=r"^POST /a answered 422: title too long$") as caught:
        answer(b'{"errors": ["title too long"]}', "application/json", 422).ensure_success("POST /a")
    assert caught.value.detail == {"status": 422, "reason": "title too long", "body": {"errors": ["title too long"]}}
    assert caught.value.definitive
    with pytest.raises(StepError, match=r"answered 404$"):
        answer(b"\x89PNG\x00", "image/png", 404).ensure_success("GET /a")
