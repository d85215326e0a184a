"""When Prefect's server does not answer: what that looks like, and how long is waited for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

ANSWER_SECONDS = 5.0
"""How long work waits for one answer of Prefect's before it goes on without: our own record decides anyway."""


class PrefectUnavailable(Exception):
    """Prefect does not answer, or only that it cannot."""


@asynccontextmanager
async def prefect_asked(seconds: float | None = None) -> AsyncIterator[None]:
    """A block that calls Prefect's API; raises `PrefectUnavailable` when there is no answer within `seconds`. Refusals
    are raised as they are."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS if seconds is None else seconds):
            yield
    except (httpx.HTTPError, TimeoutError) as problem:
        if not is_away(problem):
            raise
        raise PrefectUnavailable(f"Prefect does not answer ({type(problem).__name__})") from None


def is_away(problem: BaseException) -> bool:
    """Whether an error says that Prefect cannot answer now, and not that it refuses."""
    if isinstance(problem, httpx.HTTPStatusError):
        return problem.response.status_code >= 500
    return isinstance(problem, httpx.TransportError | TimeoutError | PrefectUnavailable)
