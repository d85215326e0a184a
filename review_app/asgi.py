"""The ASGI server: Streamlit with additional routes, security headers, and garbage collection on a timer."""

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

from review_app import session
from review_app.headers import SecurityHeaders
from review_app.request_guard import RequestGuard
from review_app.stream import EventStreams

GC_INTERVAL = 60.0
"""Seconds between garbage collections. Streamlit's collection after every script run is off (`runner.postScriptGC`): it
took most of the server's time with fifty sessions."""

logger = logging.getLogger(__name__)
streams = EventStreams(session.flow_app, session.authorize)


@contextlib.asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[dict[str, object] | None]:
    """Collect garbage while the server runs; close the event streams when it stops."""
    streams.close_on_signals()
    task = asyncio.create_task(_collect_garbage(), name="collect garbage")
    try:
        yield None
    finally:
        streams.close()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _collect_garbage() -> None:
    while True:
        await asyncio.sleep(GC_INTERVAL)
        await asyncio.to_thread(gc.collect)


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
    routes=[Route("/healthy", healthy), Route("/events/{execution_id}", streams.handle)],
    middleware=[Middleware(SecurityHeaders), Middleware(RequestGuard, rules=session.guard_rules)],
    on_script_error=on_script_error,
)
