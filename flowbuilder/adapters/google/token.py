"""Access tokens for Google's APIs, from a service account or a refresh token."""

from __future__ import annotations

import asyncio
import json
from threading import Lock
from typing import Any

from flowbuilder.errors import ConfigurationError, StepError, TransientError
from flowbuilder.values import JsonObject, digest

SCOPE = "https://www.googleapis.com/auth/webmasters.readonly"
TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 (an address)


class GoogleTokens:
    """Cache of credentials in this process; google-auth refreshes them a few minutes before they expire."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}
        self._lock = Lock()

    async def token(self, connection: JsonObject) -> str | None:
        """A valid access token; None for a connection that says `{auth: none}`."""
        if connection.get("auth") == "none":
            return None
        return await asyncio.to_thread(self._token, connection)

    def _token(self, connection: JsonObject) -> str:
        # in a thread: google-auth is synchronous, and refreshing is a request
        from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
        from google.auth.transport.requests import Request
        from requests import Session

        with self._lock:
            credentials = self._known.setdefault(digest(connection), None) or _credentials(connection)
            self._known[digest(connection)] = credentials
            try:
                if not credentials.valid:
                    with Session() as session:
                        session.max_redirects = 0  # the request holds the credentials
                        credentials.refresh(Request(session))
            except TransportError as problem:
                raise TransientError(f"Google's token server: {problem}", reason="connection") from None
            except RefreshError as problem:
                if problem.retryable:
                    raise TransientError(f"Google's token server: {problem}", reason="server_error") from None
                raise StepError(f"Google rejected the connection's credentials: {problem}", code="auth") from None
            except GoogleAuthError as problem:
                raise StepError(f"Google's credentials: {problem}", code="auth") from None
            except (ValueError, TypeError, KeyError, AttributeError) as problem:  # google-auth reads no odd answer
                raise StepError(f"Google's token server gave no token: {problem!s:.100}", code="bad_answer") from None
            if not isinstance(credentials.token, str):
                raise StepError("Google's token server gave no token", code="bad_answer")
            return credentials.token


def _credentials(connection: JsonObject) -> Any:
    from google.oauth2 import credentials, service_account

    account = connection.get("service_account")
    if isinstance(account, str):
        try:
            account = json.loads(account)
        except ValueError:
            raise ConfigurationError("the connection's service_account is not the JSON of a key file") from None
    try:
        if isinstance(account, dict):
            return service_account.Credentials.from_service_account_info(account, scopes=[SCOPE])  # type: ignore[no-untyped-call]
        if connection.get("refresh_token"):
            return credentials.Credentials(  # type: ignore[no-untyped-call]
                token=None,
                refresh_token=str(connection["refresh_token"]),
                token_uri=str(connection.get("token_uri") or TOKEN_URI),
                client_id=str(connection["client_id"]),
                client_secret=str(connection["client_secret"]),
                scopes=[SCOPE],
            )
    except (ValueError, KeyError) as problem:
        raise ConfigurationError(f"the connection's Google credentials cannot be used: {problem}") from None
    raise ConfigurationError(
        "a Search Console connection needs service_account, or refresh_token with client_id and client_secret"
    )
