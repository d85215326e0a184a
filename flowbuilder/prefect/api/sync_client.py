"""Prefect's synchronous client for commands, pages and connection limits: cached, with deadlines and clear errors."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Any

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.context import SettingsContext, get_settings_context
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, Settings

from flowbuilder.errors import FlowbuilderError, NotFound, Refused, Unavailable
from flowbuilder.prefect.api.availability import MAX_RETRIES, deadline, http_settings

ANSWER_SECONDS = 15.0
DEADLINE_SECONDS = 25.0
"""Seconds that all calls of one command or page may take together."""
BEST_EFFORT_SECONDS = 5.0
"""Seconds that all calls may take together when the reconciler repairs their loss."""


class PrefectClientCache:
    """One open client, and one copy of Prefect's settings with `retries`, for each API URL. May be used from any
    thread: opening a client takes a tenth of a second, copying the settings half a second."""

    def __init__(self, *, answer_seconds: float, retries: int) -> None:
        self._answer_seconds, self._retries = answer_seconds, retries
        self._lock = Lock()
        self._cached: dict[str, tuple[SyncPrefectClient, Settings]] = {}
        self._open = ExitStack()
        self._close = weakref.finalize(self, self._open.close)

    @contextmanager
    def client(self) -> Iterator[SyncPrefectClient]:
        """The client of the API that is configured, in a block where Prefect's settings have our number of retries."""
        api, context = str(PREFECT_API_URL.value()), get_settings_context()
        with self._lock:
            if api not in self._cached:
                settings = http_settings(answer_seconds=self._answer_seconds, asynchronous=False)
                client = self._open.enter_context(get_client(httpx_settings=settings, sync_client=True))
                changed = context.settings.copy_with_update(updates={PREFECT_CLIENT_MAX_RETRIES: self._retries})
                self._cached[api] = (client, changed)
            client, changed = self._cached[api]
        with SettingsContext(profile=context.profile, settings=changed):
            yield client

    def close(self) -> None:
        """Close all clients; the end of the process does it too. The cache cannot be used afterwards."""
        self._close()


_CLIENTS = PrefectClientCache(answer_seconds=ANSWER_SECONDS, retries=MAX_RETRIES)


@contextmanager
def prefect_client(*, best_effort: bool = False) -> Iterator[SyncPrefectClient]:
    """A client of the configured Prefect server. With `best_effort` an unanswered call is not retried.

    Raises `Unavailable` when the server does not answer within seconds or none is configured, `Refused` with the
    server's reason when it rejects a request, `NotFound` when it does not have what was asked for.
    """
    api = PREFECT_API_URL.value()
    if not api:
        raise Unavailable(
            "no Prefect server is configured: start one with `flowbuilder up`, or set PREFECT_API_URL to the address "
            "of one; `flowbuilder run --local` needs none"
        )
    try:
        with (
            _CLIENTS.client() as client,
            deadline(BEST_EFFORT_SECONDS if best_effort else DEADLINE_SECONDS, retry_only_busy=best_effort),
        ):
            yield client
    except Exception as problem:
        translated = translate_error(problem, str(api))
        if translated is None:
            raise
        raise translated from None


def translate_error(problem: Exception, api: str) -> FlowbuilderError | None:
    """The `FlowbuilderError` for an error of Prefect's client; None when it is not an error of Prefect's."""
    cause = problem.__cause__ if isinstance(problem.__cause__, httpx.HTTPStatusError) else problem
    if isinstance(problem, PrefectHTTPStatusError | httpx.HTTPStatusError) or cause is not problem:
        status = getattr(getattr(cause, "response", None), "status_code", 500)
        reason = _reason(getattr(cause, "response", None))
        if status in (401, 403):
            return Unavailable(f"the Prefect server at {api} denies access: {reason}")
        if status == 404:
            return NotFound(f"Prefect does not have it: {reason}")
        if status in (400, 409, 422):
            return Refused(f"Prefect does not accept it: {reason}")
        return Unavailable(f"the Prefect server at {api} answered {status}: {reason}")
    if isinstance(problem, httpx.TransportError | OSError):
        return Unavailable(
            f"the Prefect server at {api} does not answer ({type(problem).__name__}); is it running? "
            "`flowbuilder up` starts one"
        )
    return None


def _reason(response: Any) -> str:
    """The server's explanation in one line."""
    if response is None:
        return "no answer"
    try:
        body = response.json()
    except ValueError:
        return " ".join(str(response.text).split())[:300]
    detail = body.get("detail", body) if isinstance(body, dict) else body
    return " ".join(str(detail).split())[:500]
