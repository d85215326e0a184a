"""The guarded HTTP client against a local server and a made-up resolver."""

import asyncio
import gzip
import json
import socket
import time
from pathlib import Path

import httpcore
import httpx
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from flowbuilder.adapters.egress import Egress, is_public
from flowbuilder.adapters.http.guarded_http import GuardedHttp
from flowbuilder.errors import ConfigurationError, StepError, TransientError
from flowbuilder.ports import HttpRequest
from flowbuilder.ports.url import parse
from tests.support.servers.raw_server import answer, raw_server

ATTACKS = [
    json.loads(line) for line in (Path(__file__).parents[2] / "cases/attacks/urls.jsonl").read_text().splitlines()
]
LOCAL = GuardedHttp(Egress(["127.0.0.1"]))


def resolver(**names: list[str]):
    async def resolve(host: str, port: int) -> list[str]:
        return names.get(host.replace(".", "_").replace("-", "_"), [host])

    return resolve


def get(url: str, **more) -> HttpRequest:
    return HttpRequest(method="GET", url=url, **more)


@pytest.mark.parametrize("row", ATTACKS, ids=lambda row: row["payload"])
async def test_hostile_urls_are_refused(row):
    nip = resolver(**{"169_254_169_254_nip_io": ["169.254.169.254"]})
    with pytest.raises(StepError) as caught:
        await GuardedHttp(resolve=nip).send(get(row["payload"], timeout=2))
    assert caught.value.code == "egress"


@pytest.mark.parametrize(
    "address",
    ["100.100.100.200", "224.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:8.8.8.8", "::7f00:1", "168.63.129.16",
     "2001:0:1::1", "fec0::1", "192.88.99.1", "255.255.255.255", "64:ff9b:1::1", "3fff::1"],
)  # fmt: skip
def test_internal_addresses_are_not_public(address):
    from ipaddress import ip_address

    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946"])
def test_addresses_of_the_internet_are_public(address):
    from ipaddress import ip_address

    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("HTTP://Example.COM", "http://example.com/"),
        ("https://example.com:443/a b", "https://example.com/a%20b"),
        ("https://example.com./ü?q=ä#part", "https://example.com/%C3%BC?q=%C3%A4"),
        ("http://example.com?x=1", "http://example.com/?x=1"),
        ("https://xn--bcher-kva.example/%2Fa%20", "https://xn--bcher-kva.example/%2Fa%20"),
    ],
)
def test_an_ordinary_url_has_one_normal_form(url, same):
    assert parse(url).url == same


@pytest.mark.parametrize(
    "url",
    ["http://0177.0.0.1/", "http://1.2.3/", "http://bücher.example/", "http://a%2eb/", "http://[::1%25eth0]/",
     "http://exam\tple.com/", "http://a:b@example.com/", "http://example.com:0/", "http://example.com:80:80/", "http://-a.b/",
     "http://a..b/", "file:///etc/passwd", "http://０.0.0.0/", "gopher://example.com/"],
)  # fmt: skip
def test_a_url_with_two_meanings_is_refused(url):
    with pytest.raises(StepError):
        parse(url)


async def test_a_name_is_refused_when_any_of_its_addresses_is_private():
    http = GuardedHttp(resolve=resolver(mixed_example_com=["93.184.216.34", "10.0.0.1"]))
    with pytest.raises(StepError, match=r"10\.0\.0\.1"):
        await http.send(get("http://mixed.example.com/"))


async def test_a_name_is_resolved_once_so_that_a_second_answer_cannot_differ(httpserver: HTTPServer):
    httpserver.expect_request("/").respond_with_data("here")
    asked = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    http = GuardedHttp(Egress(["127.0.0.0/8"]), resolve)
    answer = await http.send(get(f"http://site.example.com:{httpserver.port}/"))
    assert (answer.text, asked) == ("here", ["site.example.com"])


async def test_an_allowed_host_and_port_opens_that_port_only(httpserver: HTTPServer):
    httpserver.expect_request("/").respond_with_data("here")
    url = local(httpserver)
    assert (await GuardedHttp(Egress([f"127.0.0.1:{httpserver.port}"])).send(get(url))).status == 200
    with pytest.raises(StepError, match="refused"):
        await GuardedHttp(Egress(["127.0.0.1:1"])).send(get(url))


async def test_other_ports_of_public_hosts_are_closed():
    with pytest.raises(StepError, match="port 22"):
        await GuardedHttp().send(get("http://example.com:22/"))


async def test_a_workflow_reaches_its_own_hosts_only(httpserver: HTTPServer):
    httpserver.expect_request("/").respond_with_data("here")
    with pytest.raises(StepError, match="not among the hosts of this workflow"):
        await LOCAL.send(get(local(httpserver), hosts=("example.com", "*.example.com")))


def test_a_host_pattern_covers_subdomains_and_not_the_domain_itself():
    rule = Egress()
    assert rule.target("https://www.example.com/", ("*.example.com",)).host == "www.example.com"
    for url in ("https://example.com/", "https://evilexample.com/"):
        with pytest.raises(StepError):
            rule.target(url, ("*.example.com",))


@pytest.mark.parametrize("entry", ["10.0.0.0/99", "http://x", "a b", "host:port"])
def test_a_wrong_allow_entry_is_named(entry):
    with pytest.raises(ConfigurationError, match="FLOWBUILDER_EGRESS_ALLOW"):
        Egress([entry])


async def test_a_redirect_to_the_metadata_service_is_refused(httpserver: HTTPServer):
    httpserver.expect_request("/").respond_with_data("", 302, {"Location": "http://169.254.169.254/latest/"})
    with pytest.raises(StepError, match=r"169\.254\.169\.254"):
        await LOCAL.send(get(local(httpserver)))


async def test_credentials_stay_with_their_origin(httpserver: HTTPServer):
    seen: list[tuple[str, str | None, str | None]] = []

    def answer(request: Request) -> Response:
        seen.append((request.host, request.headers.get("Authorization"), request.headers.get("X-Team")))
        if request.path == "/far":
            return Response("", 302, {"Location": f"http://localhost:{httpserver.port}/end"})
        return Response("", 302, {"Location": "/far"}) if request.path == "/start" else Response("end")

    for path in ("/start", "/far", "/end"):
        httpserver.expect_request(path).respond_with_handler(answer)
    http = GuardedHttp(Egress(["127.0.0.1", "localhost"]))
    auth = {"Authorization": "Bearer secret"}
    last = await http.send(get(local(httpserver, "/start"), auth=auth, headers={"X-Team": "a"}))
    assert last.url.endswith("/end")
    assert [bool(token) for _, token, _ in seen] == [True, True, False]
    assert [team for _, _, team in seen] == ["a", "a", None]


async def test_the_number_of_redirects_is_limited(httpserver: HTTPServer):
    httpserver.expect_request("/").respond_with_data("", 302, {"Location": "/"})
    with pytest.raises(StepError, match="redirects"):
        await LOCAL.send(get(local(httpserver)))


async def test_a_redirected_write_is_handed_to_the_caller_and_not_repeated(httpserver: HTTPServer):
    httpserver.expect_request("/", method="POST").respond_with_data("", 307, {"Location": "/other"})
    answer = await LOCAL.send(HttpRequest(method="POST", url=local(httpserver), json={"a": 1}))
    assert (answer.status, len(httpserver.log)) == (307, 1)


def local(server: HTTPServer, path: str = "/") -> str:
    return f"http://127.0.0.1:{server.port}{path}"


async def test_a_decompression_bomb_ends_at_the_size_limit(httpserver: HTTPServer):
    bomb = gzip.compress(b"\0" * 50_000_000)
    httpserver.expect_request("/").respond_with_data(bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(StepError, match="larger than 2,000,000"):
        await LOCAL.send(get(local(httpserver), max_bytes=2_000_000))


async def test_a_compressed_answer_is_decoded(httpserver: HTTPServer):
    both = gzip.compress(b"one ") + gzip.compress(b"two")
    httpserver.expect_request("/").respond_with_data(both, headers={"Content-Encoding": "gzip"})
    assert (await LOCAL.send(get(local(httpserver)))).text == "one two"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("gzip", b"plain"), ("br", b"x"), ("gzip", gzip.compress(b"abc" * 99)[:-9])],
    ids=["not compressed", "unknown", "cut off"],
)
async def test_a_wrong_content_encoding_is_an_error(httpserver: HTTPServer, encoding, body):
    httpserver.expect_request("/").respond_with_data(body, headers={"Content-Encoding": encoding})
    with pytest.raises(StepError) as caught:
        await LOCAL.send(get(local(httpserver)))
    assert caught.value.code == "encoding"


async def test_a_large_answer_ends_at_the_size_limit(httpserver: HTTPServer):
    httpserver.expect_request("/").respond_with_data(b"x" * 100_000)
    with pytest.raises(StepError, match="larger"):
        await LOCAL.send(get(local(httpserver), max_bytes=99_999))
    assert len((await LOCAL.send(get(local(httpserver), max_bytes=100_000))).body) == 100_000


async def test_the_deadline_covers_the_whole_answer():
    gone = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        try:
            for _ in range(1000):
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            gone.set()
        finally:
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    begun = time.monotonic()
    with pytest.raises(TransientError) as caught:
        await LOCAL.send(get(f"http://127.0.0.1:{port}/", timeout=0.3))
    assert caught.value.reason == "timeout"
    assert time.monotonic() - begun < 1.5
    await asyncio.wait_for(gone.wait(), 5)
    server.close()


async def test_a_closed_port_is_a_transient_failure(httpserver: HTTPServer):
    with pytest.raises(TransientError) as caught:
        await LOCAL.send(get("http://127.0.0.1:9/", timeout=2))
    assert caught.value.reason == "connection"


async def test_a_name_without_an_address_is_a_transient_failure():
    async def nothing(host: str, port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    with pytest.raises(TransientError, match=r"cannot resolve gone\.example\.com"):
        await GuardedHttp(resolve=nothing).send(get("http://gone.example.com/"))


@pytest.mark.parametrize(
    "headers",
    [{"X-A": "b\r\nX-C: d"}, {"X-A\r\nX-B": "c"}, {"Host": "other"}, {"Transfer-Encoding": "chunked"}, {"X": "ü"},
     {"": "x"}, {"Proxy-Authorization": "x"}],
)  # fmt: skip
async def test_headers_cannot_change_the_message(headers):
    with pytest.raises(StepError) as caught:
        await LOCAL.send(get("http://127.0.0.1/", headers=headers))
    assert caught.value.code == "invalid_field"


async def test_the_query_form_and_body_arrive(httpserver: HTTPServer):
    def echo(request: Request) -> Response:
        seen = {
            "args": request.args.to_dict(flat=False),
            "form": request.form.to_dict(),
            "key": request.headers.get("Idempotency-Key"),
        }
        return Response(json.dumps(seen | {"json": request.get_json(silent=True)}))

    httpserver.expect_request("/e").respond_with_handler(echo)
    url = local(httpserver, "/e?a=1")
    asked = json.loads((await LOCAL.send(get(url, query={"b": ["x y", "&"], "c": True, "d": None}))).text)
    assert asked["args"] == {"a": ["1"], "b": ["x y", "&"], "c": ["true"]}
    sent = HttpRequest(method="POST", url=url, form={"f": 1}, idempotency_key="k1")
    assert json.loads((await LOCAL.send(sent)).text)["form"] == {"f": "1"}
    told = json.loads(
        (await LOCAL.send(HttpRequest(method="PUT", url=url, json={"ü": [1]}, idempotency_key="k1"))).text
    )
    assert (told["json"], told["key"]) == ({"ü": [1]}, "k1")


async def test_proxies_of_the_environment_are_not_used(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    httpserver.expect_request("/").respond_with_data("direct")
    assert (await LOCAL.send(get(local(httpserver)))).text == "direct"


async def test_httpx_still_connects_through_the_pool_that_is_replaced():
    transport = httpx.AsyncHTTPTransport(trust_env=False)
    assert isinstance(transport._pool, httpcore.AsyncConnectionPool)
    await transport.aclose()


def test_the_client_works_in_one_event_loop_after_another(httpserver: HTTPServer):
    httpserver.expect_request("/").respond_with_data("here")
    assert [asyncio.run(LOCAL.send(get(local(httpserver)))).text for _ in range(2)] == ["here", "here"]


@pytest.mark.parametrize("place", ["mailto:a@b.example", "http://[::bad", "ftp://a.example/", "http://a b/"])
async def test_a_redirect_to_what_is_no_url_is_refused_with_its_reason(place: str):
    moved = answer("302 Found", b"", f"Location: {place}")
    with raw_server(lambda request, connection: connection.sendall(moved)) as base, pytest.raises(StepError) as caught:
        await LOCAL.send(get(f"{base}/"))
    assert caught.value.code == "egress"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://127.0.0.1:1/", "connection"),
        ("http://no-such-name.invalid/", "connection"),
        ("http://169.254.169.254/", "egress"),
        ("http://user:word@127.0.0.1/", "egress"),
    ],
)
async def test_a_write_of_which_nothing_was_sent_certainly_did_nothing(url: str, code: str):
    for method, definitive in (("POST", True), ("GET", False)):  # a read says nothing of a write before it
        with pytest.raises(StepError) as caught:
            await LOCAL.send(HttpRequest(method=method, url=url))
        assert (caught.value.code, caught.value.definitive) == (code, definitive)


async def test_a_write_that_got_no_answer_may_have_been_made():
    with raw_server(lambda request, connection: connection.close()) as base, pytest.raises(StepError) as caught:
        await LOCAL.send(HttpRequest(method="POST", url=base, json={}))
    assert (caught.value.code, caught.value.definitive) == ("connection", False)


@pytest.mark.parametrize("connects", [True, False])
async def test_a_cancelled_write_says_whether_anything_was_sent(connects: bool):
    reached = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def resolve(host: str, port: int) -> list[str]:
        if not connects:
            reached.set()
            await loop.create_future()
        return ["127.0.0.1"]

    def hang(request: bytes, connection: socket.socket) -> None:
        loop.call_soon_threadsafe(reached.set)
        connection.recv(1)

    with raw_server(hang) as base:
        http = GuardedHttp(Egress(["127.0.0.1", "a.example"]), resolve)
        url = base.replace("127.0.0.1", "a.example")
        sent = asyncio.create_task(http.send(HttpRequest(method="POST", url=url, json={})))
        await reached.wait()
        sent.cancel()
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await sent
    assert getattr(cancelled.value.__cause__, "definitive", False) is not connects
