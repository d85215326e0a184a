"""Ghost's Admin API, with the key of a custom integration."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import Any

from flowbuilder.errors import ConfigurationError, Conflict, NotFound, StepError
from flowbuilder.ports import Http, HttpRequest, HttpResponse, NoThrottle, Throttle
from flowbuilder.ports.credentials import bound_to
from flowbuilder.ports.throttle import limit_key
from flowbuilder.ports.url import origin_of
from flowbuilder.values import JsonObject

_KEY = re.compile(r"([0-9a-f]{24}):([0-9a-f]{64})")
_LIFE = 300
"""Seconds for which a token is valid: Ghost takes none that lasts longer."""
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Answer:
    """`rows` are posts, pages or settings; `at` is the server's clock in seconds since 1970, None without one."""

    rows: Rows
    at: float | None = None


class GhostApi:
    """Calls of the Admin API. `connection` is `{url, admin_api_key}`.

    Raises `NotFound` (404), `Conflict` (409), and `StepError` with Ghost's own reason.
    """

    def __init__(self, http: Http, connection: JsonObject, *, name: str = "", throttle: Throttle | None = None) -> None:
        missing = [field for field in ("url", "admin_api_key") if not connection.get(field)]
        if missing:
            raise ConfigurationError(f"the Ghost connection needs {', '.join(missing)}")
        key = _KEY.fullmatch(str(connection["admin_api_key"]).strip())
        if key is None:
            raise ConfigurationError(
                "the Ghost connection's admin_api_key has another form: copy the Admin API key of a custom integration"
                " (Ghost Admin, Settings, Integrations): 24 characters, a colon and 64 characters"
            )
        self.url = str(connection["url"]).rstrip("/")
        bound_to(self.url, {})
        self._http = http
        self._key = (key[1], key[2])
        self._throttle = throttle or NoThrottle()
        self._limit_key = limit_key(name, self.url)

    async def rows(self, kind: str, place: str = "", **query: str) -> Answer:
        """GET `kind/place`."""
        return await self._call("GET", kind, place, query)

    async def add(self, kind: str, row: JsonObject) -> Answer:
        """POST a new post or page."""
        return await self._call("POST", kind, "", {"formats": "lexical"}, {kind: [row]})

    async def edit(self, kind: str, number: str, row: JsonObject) -> Answer:
        """PUT changed fields of a post or page; `Conflict` when its `updated_at` is not that of `row`."""
        return await self._call("PUT", kind, number, {"formats": "lexical"}, {kind: [row]})

    async def routes(self) -> str:
        """The site's routes.yaml; empty where the key may not read it."""
        try:
            return (await self._send("GET", "settings", "routes/yaml", {}, None)).text
        except (NotFound, StepError) as problem:
            if isinstance(problem, StepError) and problem.code != "auth":
                raise
            return ""

    async def _call(
        self, method: str, kind: str, place: str, query: JsonObject, body: JsonObject | None = None
    ) -> Answer:
        answer = await self._send(method, kind, place, query, body)
        what = f"Ghost: {method} {kind}"
        try:
            rows = json.loads(answer.body)[kind]
            if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
                return Answer(rows, _clock(answer))
        except (ValueError, RecursionError, LookupError, TypeError):
            pass
        raise StepError(f"{what} answered without {kind}; check that {self.url} is a Ghost site", code="not_json")

    async def _send(
        self, method: str, kind: str, place: str, query: JsonObject, body: JsonObject | None
    ) -> HttpResponse:
        name, limited = self._limit_key
        async with self._throttle.acquire(name, kind=limited):
            return await self._request(method, kind, place, query, body)

    async def _request(
        self, method: str, kind: str, place: str, query: JsonObject, body: JsonObject | None
    ) -> HttpResponse:
        address = f"{self.url}/ghost/api/admin/{kind}/" + (f"{place}/" if place else "")
        token = self._token()
        answer = await self._http.send(
            HttpRequest(
                method=method,
                url=address,
                headers={"Accept-Version": "v5.0"},
                auth=bound_to(self.url, {"Authorization": f"Ghost {token}"}),
                query=query,
                json=body,
            )
        )
        what = f"Ghost: {method} {kind}"
        reason = _reason(answer).replace(token, "[token]")
        if origin_of(answer.url) != origin_of(address):
            raise StepError(
                f"{what} was sent on to {answer.url:.100}; write the address of Ghost itself as the connection's url",
                code="moved",
            )
        match answer.status:
            case 404:
                raise NotFound(f"{what} answered 404: {reason}")
            case 401 | 403:
                message = f"{what} was denied: {reason} (check the connection's admin_api_key and this machine's clock)"
                raise StepError(message, code="auth", detail={"status": answer.status}, definitive=True)
            case 409:
                raise Conflict(f"{what}: {reason}")
            case 400 | 422:
                detail: JsonObject = {"status": answer.status}
                raise StepError(f"{what}: {reason}", code=f"http_{answer.status}", detail=detail, definitive=True)
        answer.ensure_success(what)
        return answer

    def _token(self) -> str:
        import jwt  # here: validating a document does not need it

        number, secret = self._key
        now = int(time.time())
        claims = {"iat": now, "exp": now + _LIFE, "aud": "/admin/"}
        return jwt.encode(claims, bytes.fromhex(secret), algorithm="HS256", headers={"kid": number})


def _clock(answer: HttpResponse) -> float | None:
    from email.utils import parsedate_to_datetime  # here: validating a document does not need it

    try:
        return parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return None


def _reason(answer: HttpResponse) -> str:
    try:
        error = json.loads(answer.body)["errors"][0]
        said = [str(error[name]) for name in ("message", "context") if error.get(name)]
        return " ".join(dict.fromkeys(said))[:400]
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return f"status {answer.status}"
