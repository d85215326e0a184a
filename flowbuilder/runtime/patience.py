"""How calls to Prefect's API are tried again.

A Prefect server on SQLite answers 503 whenever two of its transactions meet, which is harmless and over at once. Its
client would wait 2, 4, 8 seconds then; here it waits a fifth of one.
"""

from __future__ import annotations

import time
from typing import Any

import httpx

from flowbuilder.errors import Unavailable

AGAIN_SECONDS = 0.15
TRIES = 40
"""How often a command or a page tries again, within its `seconds`. A worker keeps Prefect's own, lower number: between
tries after a lost connection the client waits ever longer."""
BUSY = 503


def impatient(*, seconds: float | None = None, answer: float = 60.0, asynchronous: bool) -> dict[str, Any]:
    """`httpx_settings` for Prefect's client. All calls together may take so many `seconds` (None: any), one of them
    `answer` seconds; then they are `Unavailable`."""
    until = None if seconds is None else time.monotonic() + seconds

    def before(_request: httpx.Request) -> None:
        if until is not None and time.monotonic() > until:
            raise Unavailable(f"the Prefect server has not answered within {seconds:.0f} s")

    async def before_async(request: httpx.Request) -> None:
        before(request)

    async def after_async(response: httpx.Response) -> None:
        after(response)

    hooks: dict[str, list[Any]] = (
        {"request": [before_async], "response": [after_async]}
        if asynchronous
        else {"request": [before], "response": [after]}
    )
    return {"event_hooks": hooks, "timeout": httpx.Timeout(answer, connect=3.0)}


def after(response: httpx.Response) -> None:
    """Prefect's client tries again when this header says."""
    if response.status_code == BUSY and "retry-after" not in response.headers:
        response.headers["Retry-After"] = str(AGAIN_SECONDS)
