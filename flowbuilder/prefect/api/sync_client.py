"""Prefect's API for people and programs that wait for its answer: quick, and clear about what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.context import SettingsContext, get_settings_context
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, Settings

from flowbuilder.errors import FlowbuilderError, NotFound, Refused, Unavailable
from flowbuilder.prefect.api.http_settings import TRIES, impatient, within

ANSWER_SECONDS = 15.0
HINT_SECONDS = 5.0
ALL_SECONDS = 25.0
"""How long one command or page may wait for Prefect altogether."""


@contextmanager
def server(*, hint: bool = False) -> Iterator[SyncPrefectClient]:
    """A client of the Prefect server that is configured. For a `hint`, which may get lost, one that is away is not
    waited for.

    `Unavailable` when it does not answer (within seconds: nothing here is tried again for minutes) or when none is
    configured, `Refused` with the server's reason when it does not accept something, `NotFound` when it is not there.
    """
    api = PREFECT_API_URL.value()
    if not api:
        raise Unavailable(
            "no Prefect server is configured: start one with `flowbuilder up`, or set PREFECT_API_URL to the address "
            "of one; `flowbuilder run --local` needs none"
        )
    try:
        with _trying_often(), within(HINT_SECONDS if hint else ALL_SECONDS, only_busy=hint):
            yield _client(str(api))
    except Exception as problem:
        translated = translate(problem, str(api))
        if translated is None:
            raise
        raise translated from None


_clients: dict[str, SyncPrefectClient] = {}
_settings: dict[int, tuple[Settings, Settings]] = {}


def _client(api: str) -> SyncPrefectClient:
    """The client of this process: opening one costs a tenth of a second."""
    if api not in _clients:
        settings = impatient(answer=ANSWER_SECONDS, asynchronous=False)
        _clients[api] = get_client(httpx_settings=settings, sync_client=True).__enter__()
    return _clients[api]


@contextmanager
def _trying_often() -> Iterator[None]:
    """Prefect's settings, but for the number of tries. Changing them costs half a second, so it is done once."""
    context = get_settings_context()
    known = _settings.get(id(context.settings))
    if known is None:
        changed = context.settings.copy_with_update(updates={PREFECT_CLIENT_MAX_RETRIES: TRIES})
        known = _settings[id(context.settings)] = (context.settings, changed)
    with SettingsContext(profile=context.profile, settings=known[1]):
        yield


def translate(problem: Exception, api: str) -> FlowbuilderError | None:
    """What Prefect's client raised, as one of ours; None for what is none of Prefect's."""
    cause = problem.__cause__ if isinstance(problem.__cause__, httpx.HTTPStatusError) else problem
    if isinstance(problem, PrefectHTTPStatusError | httpx.HTTPStatusError) or cause is not problem:
        status = getattr(getattr(cause, "response", None), "status_code", 500)
        reason = _reason(getattr(cause, "response", None))
        if status in (401, 403):
            return Unavailable(f"the Prefect server at {api} does not let us in: {reason}")
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
    if response is None:
        return "no answer"
    try:
        body = response.json()
    except ValueError:
        return " ".join(str(response.text).split())[:300]
    detail = body.get("detail", body) if isinstance(body, dict) else body
    return " ".join(str(detail).split())[:500]
