"""The ASGI server: Streamlit with additional routes and security headers; on timers, garbage collection and the release
of decisions that can no longer be undone."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from flowbuilder.errors import FlowbuilderError
from review_app import session
from review_app.drafts_route import DraftRoute
from review_app.headers import SecurityHeaders
from review_app.request_guard import RequestGuard
from review_app.stream import EventStreams

GC_INTERVAL = 60.0
"""Seconds between garbage collections. Streamlit's collection after every script run is off (`runner.postScriptGC`): it
took most of the server's time with fifty sessions."""

RELEASE_INTERVAL = 0.5
"""Seconds between two looks for held decisions that are to be made final."""
LONGEST_PAUSE = 15.0
"""The most seconds between two looks while the store is unavailable."""

logger = logging.getLogger(__name__)
drafts = DraftRoute(session.flow_app, session.authorize)
streams = EventStreams(session.flow_app, session.authorize)


@contextlib.asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[dict[str, object] | None]:
    """Collect garbage and release held decisions while the server runs; close the event streams when it stops."""
    streams.close_on_signals()
    tasks = [
        asyncio.create_task(_collect_garbage(), name="collect garbage"),
        asyncio.create_task(_release_decisions(), name="release decisions"),
    ]
    try:
        yield None
    finally:
        streams.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _collect_garbage() -> None:
    while True:
        await asyncio.sleep(GC_INTERVAL)
        await asyncio.to_thread(gc.collect)


async def _release_decisions() -> None:
    """Make held decisions final when their time is over, also those of a server that was killed before."""
    pause = RELEASE_INTERVAL
    while True:
        try:
            await asyncio.to_thread(lambda: session.flow_app().release_decisions())
            pause = RELEASE_INTERVAL
        except FlowbuilderError as problem:
            if pause == RELEASE_INTERVAL:
                logger.warning("held decisions cannot be released: %s", problem.message)
            pause = min(2 * pause, LONGEST_PAUSE)
        except Exception:
            logger.exception("held decisions cannot be released")
            pause = LONGEST_PAUSE
        await asyncio.sleep(pause)


async def healthy(_: Request) -> PlainTextResponse:
    """Health check of the server; does not check the database."""
    return PlainTextResponse("ok")


def on_script_error(problem: Exception) -> bool:
    """Log an unexpected error with its traceback, and show one sentence on the page."""
    logger.error("a page failed", exc_info=problem)
    st.error("Something went wrong on this page. Reload it to try again; the server log has the details.")
    return True


app = st.App(
    Path(__file__).with_name("main.py"),
    lifespan=lifespan,
    routes=[
        Route("/healthy", healthy),
        Route("/events/{execution_id}", streams.handle),
        Route("/drafts/{review_id}", drafts.handle, methods=["POST"]),
    ],
    middleware=[Middleware(SecurityHeaders), Middleware(RequestGuard, rules=session.guard_rules)],
    on_script_error=on_script_error,
)
