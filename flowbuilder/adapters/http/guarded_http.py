"""HTTP client with egress control: every hop connects to the very address that was checked."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote

import httpcore
import httpx

from flowbuilder.adapters.egress import Egress
from flowbuilder.adapters.http.client_credentials import ClientTokens
from flowbuilder.adapters.http.content_encodings import read_capped
from flowbuilder.adapters.http.outgoing import Message, checked_headers, message_of, with_query
from flowbuilder.errors import StepError, TransientError
from flowbuilder.ports import HttpRequest, HttpResponse
from flowbuilder.ports.allowed_hosts import current_hosts
from flowbuilder.ports.credentials import Credentials
from flowbuilder.ports.url import Target, join_url, refused, without_parameters

Resolve = Callable[[str, int], Awaitable[list[str]]]
MAX_REDIRECTS = 5
_SHARE_OF_BODY = 0.8
"""The share of a write's time limit after which the body of its answer is given up."""
_DISCONNECTED = ("Server disconnected", "peer closed connection")
"""What messages about an answer that does not arrive begin with; all others are about what has arrived."""
_BYTES = re.compile(r"""bytearray\(b(["'])(.*?)\1\)""")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


async def system_resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, from the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)
    return list(dict.fromkeys(str(item[4][0]) for item in found))


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves a name once, denies it if any of its addresses is denied, and connects to a checked address."""

    def __init__(
        self,
        egress: Egress,
        resolve: Resolve,
        inner: httpcore.AsyncNetworkBackend | None = None,
        hosts: tuple[str, ...] = (),
    ) -> None:
        self._egress = egress
        self._hosts = hosts
        self._resolve = resolve
        self._inner = inner or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's signature)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect by literal address; TLS still verifies the host name."""
        try:
            addresses = [ip_address(text) for text in await self._resolve(host, port)]
        except OSError as problem:
            raise httpcore.ConnectError(f"cannot resolve {host}: {problem.strerror or problem}") from None
        if not addresses:
            raise httpcore.ConnectError(f"{host} has no address")
        egress = self._egress.for_host(host.strip("[]"), self._hosts)
        for address in addresses:
            egress.ensure_address(address, host, port)
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(str(addresses[-1]), port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's signature)
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Always denied."""
        raise refused("a Unix socket")

    async def sleep(self, seconds: float) -> None:
        """Sleep, by the inner backend."""
        await self._inner.sleep(seconds)


@dataclass(frozen=True)
class GuardedHttp:
    """Implements `ports.Http`. A pool per request: the object may be used from any event loop."""

    egress: Egress = field(default_factory=Egress)
    resolve: Resolve = system_resolve
    tokens: ClientTokens = field(default_factory=ClientTokens)

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send a request. Redirects of GET and HEAD are followed, each hop checked; those of a write are returned.

        An error of a write of which nothing was sent is `definitive`; such an error is the cause of the
        `CancelledError` where the caller is cancelled before that.
        """
        sending = _Sending(writes=request.method.upper() not in ("GET", "HEAD"))
        try:
            return await self._send(replace(request, hosts=request.hosts or current_hosts()), sending)
        except StepError as problem:
            problem.definitive = problem.definitive or sending.did_nothing
            raise
        except asyncio.CancelledError as cancelled:
            if not sending.did_nothing:
                raise
            raise cancelled from StepError("nothing was sent", definitive=True)

    async def _send(self, request: HttpRequest, sending: _Sending) -> HttpResponse:
        target = self.egress.target(request.url, request.hosts)
        if sending.writes and _has_dot_segments(target.rest):
            # on the way `/public/../admin` becomes `/admin`: another place than the one a reviewer was shown
            raise StepError(f"{request.url:.200} has `.` or `..` in its path: write the path out", code="invalid_field")
        try:
            async with asyncio.timeout(request.timeout) as limit, self._client(request) as client:
                return await self._follow(_Connection(client, request, limit, sending), request, target)
        except (TimeoutError, httpx.HTTPError) as problem:
            raise _failure(problem, target.host, request.timeout) from None

    def _client(self, request: HttpRequest) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(verify=_tls(), trust_env=False)
        # httpx has no parameter for the network backend; a test fails when this attribute is removed
        transport._pool = httpcore.AsyncConnectionPool(
            ssl_context=_tls(),
            network_backend=GuardedBackend(self.egress, self.resolve, hosts=request.hosts),
            http1=True,
            http2=False,
        )
        return httpx.AsyncClient(
            transport=transport,
            trust_env=False,
            timeout=request.timeout,
            follow_redirects=False,
            event_hooks={"response": [_keep_location]},
        )

    async def _follow(self, connection: _Connection, request: HttpRequest, target: Target) -> HttpResponse:
        target = replace(target, rest=with_query(target.rest, request.query))
        message, credentials = message_of(request), request.credentials
        for _ in range(MAX_REDIRECTS + 1):
            target, answer = await self._exchange(connection, target, message, credentials)
            place = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not place or message.writes:
                return answer
            following = self.egress.target(join_url(target.url, place), request.hosts)
            if following.origin != target.origin:
                message = message.for_another_origin()
                if not credentials.may_be_sent_to(following.url):
                    # an outsider chooses what follows: no URL of theirs is asked for with credentials
                    credentials = Credentials()
            target = following
        raise StepError(f"more than {MAX_REDIRECTS} redirects from {request.url:.200}", code="redirects")

    async def _exchange(
        self, connection: _Connection, target: Target, message: Message, credentials: Credentials
    ) -> tuple[Target, HttpResponse]:
        """The answer to a message with the credentials that may be sent to this target, and the target without them.
        A token that is not accepted is replaced once: the server has done nothing with the request."""
        headers = checked_headers(credentials.headers_for(target.url))
        query, client = credentials.query_for(target.url), credentials.client_for(target.url)
        target = replace(target, rest=without_parameters(target.rest, query))
        called = replace(target, rest=with_query(target.rest, query))
        for is_last in (client is None, True):
            if client is not None:
                headers |= await self.tokens.headers(client, self.send, seconds=connection.request.timeout / 2)
            answer = await connection.exchange(called, message.with_headers(headers))
            if is_last or client is None or answer.status != 401:
                break
            self.tokens.forget(client, headers)
        return target, replace(answer, url=target.url)


@dataclass
class _Sending:
    """Whether a request writes, and whether any of it may have reached its server."""

    writes: bool
    begun: bool = False

    @property
    def did_nothing(self) -> bool:
        """Whether it is a write of which no byte was sent. A read says nothing of a write that was made before it."""
        return self.writes and not self.begun

    async def trace(self, event: str, _: object) -> None:
        """Called by httpcore at each event of a connection."""
        self.begun = self.begun or "send_request_headers" in event


@dataclass(frozen=True)
class _Connection:
    """The client of one request, and the time limit of all of it."""

    client: httpx.AsyncClient
    request: HttpRequest
    limit: asyncio.Timeout
    sending: _Sending

    async def exchange(self, target: Target, message: Message) -> HttpResponse:
        """Send one message. What is wrong with the body of an answer is raised for a read that succeeded, and returned
        with the answer otherwise: the status of a write is its outcome, and that of a failure its reason."""
        sent = self.client.build_request(
            message.method,
            target.url,
            headers=dict(message.headers),
            content=message.content or None,
            extensions={"trace": self.sending.trace},
        )
        if sent.url.host.strip("[]") != target.host:
            raise refused(f"{target.url:.200} is ambiguous: it names two hosts")
        answer = await self.client.send(sent, stream=True)
        body, unread = b"", None
        try:
            if message.method != "HEAD":
                async with asyncio.timeout_at(self._end_of_body() if message.writes else None):
                    body = await read_capped(answer, self.request.max_bytes)
        except (StepError, TimeoutError, httpx.HTTPError) as problem:
            if not message.writes and 200 <= answer.status_code < 300:
                raise
            unread = _failure(problem, target.host, self.request.timeout)
        finally:
            await answer.aclose()
        received = {name.lower(): value for name, value in answer.headers.items()}
        if "location" in answer.extensions:
            received["location"] = answer.extensions["location"]
        return HttpResponse(status=answer.status_code, headers=received, body=body, url=target.url, unread=unread)

    def _end_of_body(self) -> float:
        """The time, in the event loop's seconds, until which the body of a write's answer is read: the limit, less what
        the caller needs to record the status."""
        now, end = asyncio.get_running_loop().time(), self.limit.when() or 0.0
        return max(end - (1 - _SHARE_OF_BODY) * self.request.timeout, now + (end - now) / 2)


async def _keep_location(answer: httpx.Response) -> None:
    """Put the Location out of httpx's sight: it parses one that it does not follow, and raises for what is no URL."""
    if "location" in answer.headers:
        answer.extensions["location"] = answer.headers.pop("location")


def _failure(problem: Exception, host: str, seconds: float) -> StepError:
    """The error of a step for what went wrong with a request."""
    match problem:
        case StepError():
            return problem
        case TimeoutError() | httpx.TimeoutException():
            return TransientError(f"{host} did not answer within {seconds:g} s", reason="timeout")
        case httpx.RemoteProtocolError() if not str(problem).startswith(_DISCONNECTED):
            said = _BYTES.sub(r"\2", str(problem))[:200]
            return TransientError(f"{host} answered what is no HTTP: {said}", reason="server_error")
        case httpx.LocalProtocolError():
            return StepError(f"the request to {host} cannot be sent: {problem}", code="invalid_field")
    if isinstance(_root(problem), ssl.SSLCertVerificationError):
        return StepError(f"{host} has no valid TLS certificate: {problem}", code="tls")
    return TransientError(f"{host}: {str(problem) or type(problem).__name__}", reason="connection")


def _has_dot_segments(rest: str) -> bool:
    return any(unquote(part) in (".", "..") for part in rest.partition("?")[0].split("/"))


def _root(problem: BaseException) -> BaseException:
    while problem.__cause__ or problem.__context__:
        problem = problem.__cause__ or problem.__context__  # type: ignore[assignment]
    return problem


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)
