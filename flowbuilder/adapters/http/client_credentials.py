"""Access tokens by OAuth2 client credentials (RFC 6749, 4.4), kept in this process until shortly before they expire."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote
from weakref import WeakKeyDictionary

from flowbuilder.errors import StepError
from flowbuilder.ports import HttpRequest, HttpResponse
from flowbuilder.ports.allowed_hosts import allowed_hosts
from flowbuilder.ports.credentials import ClientCredentials, basic, bound_to
from flowbuilder.ports.known_secrets import current_secrets
from flowbuilder.ports.url import origin_of

Send = Callable[[HttpRequest], Awaitable[HttpResponse]]
SECONDS = 300.0
"""The life of a token whose server does not say it."""
MARGIN_SECONDS = 30.0
"""A token that expires within this time, or within a tenth of its life, is not used any more."""
MAX_SECONDS = 30.0
"""The longest that a token server may take."""
MAX_TOKENS = 256


class ClientTokens:
    """A cache of tokens. May be used from any event loop; in each, one request at a time asks for a token."""

    def __init__(self) -> None:
        self._tokens: dict[ClientCredentials, tuple[str, float]] = {}
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[ClientCredentials, asyncio.Lock]] = (
            WeakKeyDictionary()
        )

    async def headers(self, client: ClientCredentials, send: Send, *, seconds: float) -> dict[str, str]:
        """The header with a token, which becomes a known secret. `StepError` with code `auth` where the server refuses
        the client, `bad_answer` where it gives no token; `TransientError` where it fails. All of them are definitive:
        the request that needs the token has not been sent."""
        lock = self._locks.setdefault(asyncio.get_running_loop(), {}).setdefault(client, asyncio.Lock())
        async with lock:
            token, expires = self._tokens.get(client, ("", 0.0))
            if time.monotonic() >= expires:
                try:
                    token, expires = await _ask(client, send, min(seconds, MAX_SECONDS))
                except StepError as problem:
                    problem.definitive = True
                    raise
                if len(self._tokens) >= MAX_TOKENS:
                    self._tokens.clear()
                self._tokens[client] = token, expires
        current_secrets().add(f"token of {origin_of(client.token_url)[1]:.100}", [token])
        return {"authorization": f"Bearer {token}"}

    def forget(self, client: ClientCredentials, headers: dict[str, str]) -> None:
        """Ask for a new token the next time: the server did not accept this one."""
        token, _ = self._tokens.get(client, ("", 0.0))
        if headers.get("authorization") == f"Bearer {token}":
            self._tokens.pop(client, None)


async def _ask(client: ClientCredentials, send: Send, seconds: float) -> tuple[str, float]:
    form: dict[str, str] = {"grant_type": "client_credentials"}
    form |= {name: value for name, value in (("scope", client.scope), ("audience", client.audience)) if value}
    auth: dict[str, str] = {}
    if client.send_in == "body":
        form |= {"client_id": client.client_id, "client_secret": client.client_secret}
    else:  # RFC 6749, 2.3.1: both are encoded as in a form
        auth = {"authorization": basic(quote(client.client_id, safe=""), quote(client.client_secret, safe=""))}
    begun = time.monotonic()
    with allowed_hosts(()):  # the connection names this server, and a workflow's hosts do not bind it
        answer = await send(
            HttpRequest(
                method="POST", url=client.token_url, headers={"accept": "application/json"},
                auth=bound_to(client.token_url, auth), form=form, timeout=seconds, max_bytes=256 * 1024,
            )
        )  # fmt: skip
    what = f"the token server {client.token_url:.200}"
    try:
        answer.ensure_success(what)
    except StepError as problem:
        if 400 <= answer.status < 500 and answer.status not in (408, 429):
            message = f"{problem} (check client_id, client_secret and scope of the connection's oauth2)"
            raise StepError(message, code="auth", detail=problem.detail) from None
        raise
    found: Any = None
    with suppress(ValueError, RecursionError):
        found = json.loads(answer.body)
    token = found.get("access_token") if isinstance(found, dict) else None
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable() or " " in token:
        raise StepError(f"{what} answered {answer.status} without an access_token", code="bad_answer")
    life = found.get("expires_in")
    if isinstance(life, str) and life.isdecimal() and len(life) < 12:
        life = int(life)
    if not isinstance(life, int | float) or isinstance(life, bool) or not 0 <= life < 1e9:
        life = SECONDS
    return token, begun + life - max(min(MARGIN_SECONDS, life / 2), life / 10)
