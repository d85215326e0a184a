"""Real handshakes with the running server: whose page may connect, and who may name the user."""

from __future__ import annotations

import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from flowbuilder.devstack.configuration_checks import sign_in_problems
from flowbuilder.devstack.streamlit_command import TRUSTED_HEADERS_VARIABLE
from flowbuilder.errors import ConfigurationError
from flowbuilder.settings import Settings
from review_app.request_guard import GuardRules, RequestGuard, normalized_origin
from tests.support.servers.browser import served

PUBLIC = "https://review.example"
SECRET = "a-secret-that-only-the-proxy-knows"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`host:port` of a server that a proxy publishes as `PUBLIC`."""
    home = tmp_path_factory.mktemp("home")
    with served(Settings(home=home, review_url=PUBLIC), home / "log") as address:
        yield address.removeprefix("http://")


def handshake(server: str, origin: str | None, host: str | None = None, **headers: str) -> int:
    """The status of a websocket's handshake: 101 when it is accepted."""
    name, _, port = server.partition(":")
    with socket.create_connection((name, int(port)), 10) as connection:
        lines = [
            "GET /_stcore/stream HTTP/1.1",
            f"Host: {host or server}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: streamlit",
            *([f"Origin: {origin}"] if origin is not None else []),
            *(f"{key.replace('_', '-')}: {value}" for key, value in headers.items()),
        ]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return int(connection.recv(4096).split()[1])


def test_the_server_s_own_origins_may_connect(server: str) -> None:
    port = server.rpartition(":")[2]
    assert handshake(server, f"http://{server}") == 101
    assert handshake(server, f"HTTP://{server.upper()}") == 101
    assert handshake(server, f"http://localhost:{port}", host=f"localhost:{port}") == 101
    assert handshake(server, f"http://LocalHost:{port}", host=f"localhost:{port}") == 101
    forwarded = "localhost:9000"  # a tunnel: the browser's address is not the server's
    assert handshake(server, f"http://{forwarded}", host=forwarded) == 101


def test_the_public_origin_may_connect_through_the_proxy(server: str) -> None:
    assert handshake(server, PUBLIC, host="review.example") == 101
    assert handshake(server, PUBLIC + ":443", host="review.example") == 101
    assert handshake(server, "https://REVIEW.example") == 101  # a proxy that passes its own idea of the host


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "http://localhost:3000",
        "http://0.0.0.0:8501",
        "https://{server}",
        "ws://{server}",
        "ftp://{server}",
        "http://{server}.",
        "http://127.0.0.1.:{port}",
        "http://{server}@evil.test",
        "http://evil.test#{server}",
        "http://evil.test:{port}",
        "http://user@{server}",
        "http://{server}, http://evil.test",
        "http://127.0.0.1:{port}evil",
        "http://localhost:{port}",
        "http://review.example",
        "https://review.example:8443",
        "https://review.example.",
        "https://review.example.evil.test",
        "https://evil-review.example",
        "file://",
        "data:text/html,x",
    ],
)
def test_other_origins_may_not_connect(server: str, origin: str | None) -> None:
    port = server.rpartition(":")[2]
    given = origin.format(server=server, port=port) if origin is not None else None
    assert handshake(server, given) == 403


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.test", "evil.test"),  # a name of a stranger's that resolves to this server
        ("http://review.example", "review.example"),  # the public name without encryption
        ("http://review.example:443", "review.example:443"),
        ("http://localhost:1", "localhost:2"),
    ],
)
def test_a_matching_host_header_alone_is_not_enough(server: str, origin: str, host: str) -> None:
    assert handshake(server, origin, host=host) == 403


def test_two_origins_are_refused(server: str) -> None:
    assert handshake(server, f"http://{server}\r\nOrigin: http://evil.test") in (400, 403)


@pytest.mark.parametrize(("origin", "status"), [("http://localhost:3000", 403), ("null", 403), (None, 405)])
def test_requests_that_may_change_something_are_refused_from_other_origins(
    server: str, origin: str | None, status: int
) -> None:
    request = urllib.request.Request(f"http://{server}/healthy", data=b"x", method="POST")
    if origin is not None:
        request.add_header("Origin", origin)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request)
    assert caught.value.code == status


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://a.example:443/x?y", "https://a.example"),
        ("http://[::1]:8501", "http://[::1]:8501"),
        ("HTTP://A.Example:80", "http://a.example"),
        ("http://a:99999", None),
        ("http://", None),
        ("null", None),
        ("http://[::1", None),
    ],
)
def test_origins_are_compared_in_one_form(url: str, origin: str | None) -> None:
    assert normalized_origin(url) == origin


def page_text(server: str, **headers: str) -> str:
    """What the home page shows to a request with these headers."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    with connect(
        f"ws://{server}/_stcore/stream",
        origin=f"http://{server}",  # type: ignore[arg-type]
        additional_headers=given,
        subprotocols=["streamlit"],  # type: ignore[list-item]
        max_size=None,
        proxy=None,
    ) as connection:
        rerun = BackMsg()
        rerun.rerun_script.query_string = ""
        connection.send(rerun.SerializeToString())
        shown = []
        while True:
            message = ForwardMsg()
            message.ParseFromString(connection.recv(timeout=60))
            shown.append(str(message))
            if message.WhichOneof("type") == "script_finished":
                return "\n".join(shown)


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Servers behind a proxy: one that knows it by a secret, one by the address 127.0.0.9."""
    before = os.environ.get(TRUSTED_HEADERS_VARIABLE)
    os.environ[TRUSTED_HEADERS_VARIABLE] = '{"X-Forwarded-Email": "email"}'
    home = tmp_path_factory.mktemp("proxied")
    try:
        with (
            served(Settings(home=home, proxy_secret=SECRET), home / "log") as by_secret,
            served(Settings(home=home, proxy_addresses="127.0.0.9, 10.0.0.0/24"), home / "log2") as by_address,
        ):
            yield by_secret.removeprefix("http://"), by_address.removeprefix("http://")
    finally:
        os.environ.pop(TRUSTED_HEADERS_VARIABLE)
        if before is not None:
            os.environ[TRUSTED_HEADERS_VARIABLE] = before


def test_the_proxy_s_secret_makes_its_header_count(proxied: tuple[str, str]) -> None:
    server, _ = proxied
    text = page_text(server, X_Forwarded_Email="ana@example.com", X_Flowbuilder_Proxy_Secret=SECRET)
    assert "ana@example.com" in text
    assert "was ignored" not in text


@pytest.mark.parametrize("secret", [None, "", SECRET[:-1], SECRET.upper(), SECRET + " x"])
def test_without_the_secret_the_header_is_ignored_and_the_page_says_so(
    proxied: tuple[str, str], secret: str | None
) -> None:
    server, _ = proxied
    headers = {} if secret is None else {"X_Flowbuilder_Proxy_Secret": secret}
    text = page_text(server, X_Forwarded_Email="mallory@example.com", **headers)
    assert "mallory" not in text
    assert "the header X-Forwarded-Email was ignored: the request did not come from the proxy" in text
    assert SECRET not in text


def test_a_request_from_another_address_is_ignored_also_when_it_claims_to_be_forwarded(
    proxied: tuple[str, str],
) -> None:
    _, server = proxied
    for headers in ({}, {"X_Forwarded_For": "127.0.0.9"}, {"X_Forwarded_For": "10.0.0.7, 10.0.0.8"}):
        text = page_text(server, X_Forwarded_Email="mallory@example.com", **headers)
        assert "mallory" not in text
        assert "did not come from the proxy" in text


def test_a_forged_refusal_or_a_user_twice_is_not_believed(proxied: tuple[str, str]) -> None:
    server, _ = proxied
    headers = {"X_Forwarded_Email": "ana@example.com", "X_Flowbuilder_Proxy_Secret": SECRET}
    text = page_text(server, **headers, X_Flowbuilder_Ignored="a forged refusal")
    assert "ana@example.com" in text
    assert "forged" not in text
    rules = GuardRules(public_url=PUBLIC, user_headers=("x-forwarded-email",), secret=SECRET)
    twice = [(b"x-forwarded-email", b"mallory"), (b"x-forwarded-email", b"ana")]
    assert "more than once" in rules.distrust([*twice, (b"x-flowbuilder-proxy-secret", SECRET.encode())], None)


def test_events_need_the_proxy_too(proxied: tuple[str, str]) -> None:
    server, _ = proxied
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(f"http://{server}/events/x", headers={"X-Forwarded-Email": "mallory"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        opener.open(request)
    assert caught.value.code == 403
    assert "was ignored" in caught.value.read().decode()
    request.add_header("X-Flowbuilder-Proxy-Secret", SECRET)
    with pytest.raises(urllib.error.HTTPError) as caught:
        opener.open(request)
    assert caught.value.code == 404  # there is no such execution


RULES = GuardRules(
    public_url=PUBLIC, user_headers=("x-forwarded-email",), networks=Settings(proxy_addresses="10.0.0.5").proxy_networks
)


@pytest.mark.parametrize(
    ("peer", "counts"),
    [
        ("10.0.0.5", True),
        ("::ffff:10.0.0.5", True),
        ("10.0.0.6", False),
        ("::1", False),
        ("nonsense", False),
        (None, False),
    ],
)
def test_a_proxy_is_known_by_its_address(peer: str | None, counts: bool) -> None:
    assert (RULES.distrust([(b"x-forwarded-email", b"ana")], peer) == "") == counts


async def test_an_address_that_may_be_made_up_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[tuple[bytes, bytes]]] = []

    async def app(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        seen.append(scope["headers"])

    scope = {
        "type": "http",
        "method": "GET",
        "client": ("10.0.0.5", 1),
        "headers": [(b"x-forwarded-email", b"ana"), (b"x-forwarded-for", b"10.0.0.5")],
    }
    for variable, kept in (("127.0.0.1", False), ("", True)):
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", variable)
        await RequestGuard(app, lambda: RULES)(scope, None, None)  # type: ignore[arg-type]
        assert ((b"x-forwarded-email", b"ana") in seen[-1]) == kept


@pytest.mark.parametrize(
    ("settings", "header", "verdicts"),
    [
        ({}, False, []),
        ({}, True, ["problem"]),
        ({"proxy_secret": SECRET}, True, []),
        ({"proxy_secret": "short"}, True, ["warning"]),
        ({"proxy_addresses": "10.0.0.5"}, True, []),
        ({"proxy_addresses": "127.0.0.1"}, True, ["warning"]),
        ({"proxy_addresses": "0.0.0.0/0"}, True, ["problem"]),
        ({"proxy_addresses": "::/0"}, True, ["problem"]),
        ({"proxy_secret": SECRET, "review_url": "http://review.example"}, True, ["warning"]),
        ({"proxy_secret": SECRET}, False, ["warning"]),
    ],
)
def test_doctor_names_what_is_unsafe(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], header: bool, verdicts: list[str]
) -> None:
    monkeypatch.delenv(TRUSTED_HEADERS_VARIABLE, raising=False)
    if header:
        monkeypatch.setenv(TRUSTED_HEADERS_VARIABLE, '{"X-Forwarded-Email": "email"}')
    assert [verdict for verdict, _, _ in sign_in_problems(Settings(**settings))] == verdicts


def test_an_address_that_is_none_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match=r"FLOWBUILDER_PROXY_ADDRESSES: 'proxy\.example'"):
        _ = Settings(proxy_addresses="proxy.example").proxy_networks
