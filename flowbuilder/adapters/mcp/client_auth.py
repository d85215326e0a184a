"""OAuth2 client credentials for MCP servers over HTTP, by the tokens that the HTTP connections of this process use."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx2

from flowbuilder.adapters.http.client_credentials import ClientTokens, Send
from flowbuilder.ports.credentials import ClientCredentials

TOKEN_SECONDS = 30.0


class ClientAuth(httpx2.Auth):
    """Adds a token to each request. After a 401 it asks once for a new token: the server has done nothing."""

    def __init__(self, client: ClientCredentials, tokens: ClientTokens, send: Send) -> None:
        self._client, self._tokens, self._send = client, tokens, send

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """The request with a token, and once more where the token was not accepted."""
        for is_last in (False, True):
            headers = await self._tokens.headers(self._client, self._send, seconds=TOKEN_SECONDS)
            request.headers.update(headers)
            answer = yield request
            if answer.status_code != 401 or is_last:
                return
            self._tokens.forget(self._client, headers)
