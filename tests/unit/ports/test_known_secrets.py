"""What counts as a secret of a connection, and in which forms it is found."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from urllib.parse import quote

import pytest

from flowbuilder.engine.ingress import guarded_ports
from flowbuilder.errors import StepError, TransientError
from flowbuilder.ports import McpAnswer
from flowbuilder.ports.known_secrets import MAX_VALUES, KnownSecrets
from flowbuilder.ports.secret_forms import secrets_in
from flowbuilder.testing import FakeMcp, fake_ports
from tests.support.planted_secrets import SECRETS, spellings

HIDDEN = "[secret of connection crm]"


def known(**connection: object) -> KnownSecrets:
    secrets = KnownSecrets()
    secrets.add_connection("crm", connection)
    return secrets


@pytest.mark.parametrize("name", SECRETS)
def test_every_spelling_of_a_secret_is_replaced(name: str) -> None:
    secrets = known(password=SECRETS[name])
    for spelling in spellings(SECRETS[name]):
        assert "[secret of connection crm]" in secrets.text(f"before {spelling} after"), spelling
        assert HIDDEN.encode() in secrets.data(f"before {spelling} after".encode()), spelling
        assert HIDDEN in str(secrets.value({"a": [{spelling: 1}]})), spelling


def test_a_password_is_found_in_the_header_of_basic_authentication_of_any_user() -> None:
    secrets = known(password="pässword/+1")
    for user in ("a", "ab", "abc", "someone@example.com"):
        assert HIDDEN in secrets.text(b64encode(f"{user}:pässword/+1".encode()).decode())


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        ({"token": "t0ken-a", "base_url": "https://api.example.com", "hosts": ["a.example.com"]}, {"t0ken-a"}),
        ({"username": "editor", "password": "pass word"}, {"pass word"}),
        ({"headers": {"X-Api-Key": "k1k1k1", "Accept": "application/json", "X-Version": "2022-06-28"}}, {"k1k1k1"}),
        ({"headers": {"Authorization": "Bearer abcdef123"}}, {"abcdef123"}),
        ({"headers": {"Notion-Version": "2022-06-28", "x-tenant": "acme"}, "token": "tok-en1"}, {"tok-en1"}),
        (
            {"environment": {"API_TOKEN": "se-cret", "NODE_ENV": "production", "HOME": "/srv/home/service1"}},
            {"se-cret"},
        ),
        ({"environment": {"CONTEXT": "Zq81xLongRandomValue77"}}, {"Zq81xLongRandomValue77"}),
        ({"command": ["npx", "-y", "package@1.2.3", "--api-key", "k-e-y-1", "--token=t-o-k"]}, {"k-e-y-1", "t-o-k"}),
        ({"url": "https://u:pa-ss@example.com/mcp?api_key=k-e-y&page=2"}, {"pa-ss", "k-e-y"}),
        ({"api_key": "sk-1", "provider": "openai", "limits": {"rate": "60/minute"}}, {"sk-1"}),
        ({"service_account": '{"client_email": "a@b.example", "private_key": "k-k-k-k"}'}, {"k-k-k-k"}),
        ({"auth": "none", "client_id": "client-1234567890ab"}, set()),
    ],
)
def test_the_secrets_of_a_connection(connection: dict[str, object], expected: set[str]) -> None:
    assert {secret for secret in secrets_in(connection) if not secret.startswith("{")} == expected


def test_texts_without_secrets_are_left_alone_as_the_same_objects() -> None:
    secrets = known(token="tok-123456", username="editor", base_url="https://example.com")
    text, value = "The editor of https://example.com wrote a token.", {"a": ["editor", 1, None, 2.5]}
    assert secrets.text(text) is text
    assert secrets.value(value) is value
    assert secrets.data(text.encode()) == text.encode()


def test_short_secrets_are_not_looked_for() -> None:
    assert known(token="abcde").text("abcde") == "abcde"
    assert known(token="abcdef").text("abcdef") == HIDDEN


def test_a_number_is_replaced_where_it_is_a_secret() -> None:
    assert known(password=8675309).value({"n": 8675309, "m": 867530, "ok": True}) == {
        "n": HIDDEN,
        "m": 867530,
        "ok": True,
    }


def test_a_longer_secret_is_replaced_before_one_inside_it() -> None:
    secrets = known(token="abcdef-ghijkl", password="ghijkl")
    secrets.add("other", ["abcdef"])
    assert secrets.text("abcdef-ghijkl abcdef") == f"{HIDDEN} [other]"


@pytest.mark.parametrize("kind", [StepError, ValueError])
def test_errors_are_cleaned_with_what_they_came_from(kind: type[Exception]) -> None:
    secrets = known(token="tok-123456")

    def call() -> None:
        try:
            raise RuntimeError("tok-123456")
        except RuntimeError as cause:
            raise kind(f"sent {quote('tok-123456')}") from cause

    with pytest.raises(kind) as caught:
        call()
    secrets.clean(caught.value)
    assert str(caught.value) == f"sent {HIDDEN}"
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_details_of_errors_are_cleaned() -> None:
    problem = TransientError("no", reason="connection", detail={"sent": ["tok-123456"]})
    known(token="tok-123456").clean(problem)
    assert problem.detail == {"sent": [HIDDEN]}


@pytest.mark.parametrize("message", ["it said: abcdefghijkl", "it said: abcdefghijkl… (more)", "ghijklmnop was said"])
def test_a_secret_that_was_cut_off_is_replaced_as_far_as_it_is_there(message: str) -> None:
    problem = StepError(message)
    known(token="abcdefghijklmnop").clean(problem)
    assert "ghijkl" not in str(problem)
    assert HIDDEN in str(problem)


def test_a_renewed_token_is_known_with_the_earlier_ones() -> None:
    parent = KnownSecrets()
    secrets = KnownSecrets(parent)
    for number in range(MAX_VALUES + 10):
        parent.add("token", [f"token-{number:04}"])
    assert secrets.text(f"token-{MAX_VALUES + 9:04} token-0000") == "[token] token-0000"


def test_the_time_grows_with_the_length_of_the_text() -> None:
    secrets = KnownSecrets()
    for name, secret in SECRETS.items():
        secrets.add(name, [secret])

    def seconds(size: int) -> float:
        text = "The quick brown fox jumps. " * (size // 27)
        best = 9.0
        for _ in range(5):
            begun = time.thread_time()
            secrets.text(text)
            best = min(best, time.thread_time() - begun)
        return best

    assert seconds(1_000_000) < 40 * seconds(100_000)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_a_secret_in_a_page_of_any_encoding_is_replaced(encoding: str) -> None:
    page = "<title>hunter2-planted</title><body><article><p>The password is hunter2-planted, says the page.</p>"
    extract = guarded_ports(fake_ports(), known(password="hunter2-planted")).extract
    assert extract is not None
    found = extract(page.encode(encoding), url="https://e.example/")
    assert found["title"] == HIDDEN
    assert "hunter2" not in repr(found)


def test_the_error_of_a_cleaned_function_has_no_secret() -> None:
    def fail() -> None:
        raise StepError("hunter2-planted is wrong")

    with pytest.raises(StepError) as caught:
        known(password="hunter2-planted").cleaned(fail)()
    assert str(caught.value) == f"{HIDDEN} is wrong"


@pytest.mark.parametrize("before", ["", "x", "xy"])
async def test_a_secret_in_the_bytes_that_an_mcp_server_answers_is_replaced(before: str) -> None:
    """Also in a form of its own inside the bytes: with the slashes of JSON escaped."""
    secret, said = "tok/4711/Plain", "tok\\/4711\\/Plain"
    data = b64encode(f"{before}{said} and more".encode()).decode()
    answer = McpAnswer(
        content=(
            {"type": "image", "data": data, "mimeType": "image/png"},
            {"type": "resource", "resource": {"uri": "docs://a", "blob": data}},
            {"type": "audio", "data": "no base64!", "mimeType": "audio/wav"},
            {"type": "image", "data": b64encode(b"nothing of it").decode(), "mimeType": "image/png"},
        )
    )
    ports = guarded_ports(fake_ports(mcp=FakeMcp({"crm": {"say": answer}})), known(token=secret))
    assert ports.mcp is not None
    async with ports.mcp.open("crm") as session:
        image, resource, audio, other = (await session.call("say", {}, seconds=1.0)).content
    shown = f"{before}{HIDDEN} and more".encode()
    assert [b64decode(image["data"]), b64decode(resource["resource"]["blob"])] == [shown, shown]
    assert [audio, other] == list(answer.content[2:])
