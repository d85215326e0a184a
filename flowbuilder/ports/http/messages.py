"""Port of HTTP with egress control: a request, its answer, and what an answer means for a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from flowbuilder.errors import StepError, Transience, TransientError
from flowbuilder.ports.credentials import Credentials, bound_to
from flowbuilder.ports.http.content import is_binary, text_of
from flowbuilder.ports.http.reasons import MAX_READ, reason_of
from flowbuilder.ports.url import origin_of
from flowbuilder.values import Json

KEPT_ACROSS_ORIGINS = frozenset({"accept", "accept-encoding", "accept-language", "user-agent"})
"""Headers of an author that are sent to another origin too; every other may hold a credential."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a multipart form; one with a `filename` is a file."""

    name: str
    content: bytes
    filename: str | None = None
    content_type: str | None = None


@dataclass(frozen=True, kw_only=True)
class HttpRequest:
    """A request. `timeout` is in seconds, for all of it.

    `auth` are credentials, or headers that are sent to the origin of `url` only. `hosts` are the only hosts it may
    reach (patterns such as `*.example.com`); empty allows every public host.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    auth: Credentials | Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, Any] | None = None
    json: Json = None
    form: Mapping[str, Any] | None = None
    content: bytes | None = None
    content_type: str = ""
    """The type of `content`, where `headers` have none."""
    multipart: tuple[Part, ...] = ()
    timeout: float = 30.0
    max_bytes: int = 8 * 1024 * 1024
    hosts: tuple[str, ...] = ()
    idempotency_key: str | None = None

    @property
    def credentials(self) -> Credentials:
        """The credentials, which know the origins that they may be sent to."""
        if isinstance(self.auth, Credentials):
            return self.auth
        return bound_to(self.url, self.auth) if self.auth else Credentials()

    def at(self, url: str) -> HttpRequest:
        """The same request for another URL, without its query. Headers stay behind where the origin is another one."""
        headers = self.headers
        if origin_of(url) != origin_of(self.url):
            headers = {name: value for name, value in headers.items() if name.lower() in KEPT_ACROSS_ORIGINS}
        return replace(self, url=url, query=None, headers=headers, auth=self.credentials)


@dataclass(frozen=True, kw_only=True)
class HttpResponse:
    """An answer of any status; header names are lower case; `url` is the last one after redirects.

    `unread` says why the body could not be read: `body` is empty then. It is set for a write and for a failure, whose
    status counts all the same; for a read that succeeded it is raised.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    unread: StepError | None = None

    @property
    def text(self) -> str:
        """The body as text, as browsers read it; bad bytes are replaced."""
        return text_of(self.body, self.headers.get("content-type", ""))

    def ensure_success(self, what: str) -> None:
        """Raise unless the status is 2xx, as `ensure_status`, and the body could be read."""
        self.ensure_status(what)
        if self.unread is not None:
            raise self.unread

    def ensure_status(self, what: str) -> None:
        """Raise unless the status is 2xx: `TransientError` for 408, 429 and 5xx, else `StepError`.

        `what` begins the message, such as "GET https://example.com/"; the reason that the server gives follows. The
        detail is `{status, reason, body}`; `body` is bounded, without secrets.
        """
        if 200 <= self.status < 300:
            return
        reason, body = self._reason()
        message = f"{what} answered {self.status}{': ' if reason else ''}{reason}"
        detail: Json = {"status": self.status, "reason": reason, "body": body}
        if self.status in (408, 429) or self.status >= 500:
            reasons: dict[int, Transience] = {408: "timeout", 429: "rate_limit", 504: "timeout"}
            reason = reasons.get(self.status, "server_error")
            raise TransientError(message, reason=reason, retry_after=self.retry_after, detail=detail)
        rejected = 400 <= self.status < 500
        raise StepError(message, code=f"http_{self.status}", detail=detail, definitive=rejected)

    def _reason(self) -> tuple[str, Json]:
        kind = self.headers.get("content-type", "")
        if is_binary(self.body, kind):
            return "", None
        return reason_of(text_of(self.body[:MAX_READ], kind))

    @property
    def retry_after(self) -> float | None:
        """The `Retry-After` header in seconds, at most a day; None when there is none.

        A date is compared with the answer's own `Date`, so clocks need not agree.
        """
        text = self.headers.get("retry-after", "").strip()
        try:
            seconds = float(text) if text[:1].isdigit() else _between(self.headers["date"], text)
        except (KeyError, ValueError, TypeError):
            return None
        return min(max(seconds, 0.0), 86400.0)


class Http(Protocol):
    """HTTP with egress control: raises `StepError` for a refused address, `TransientError` when the network fails.

    An answer of any status is returned.
    """

    async def send(self, request: HttpRequest) -> HttpResponse: ...


def _between(earlier: str, later: str) -> float:
    from email.utils import parsedate_to_datetime  # here: validating a document does not need it

    return (parsedate_to_datetime(later) - parsedate_to_datetime(earlier)).total_seconds()
