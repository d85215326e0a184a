"""The server: Streamlit as an ASGI application, with routes of our own, headers that keep pages to themselves, and a
quiet collector of garbage."""

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
from review_app.stream import Streams

COLLECT_EVERY = 60.0
"""Seconds between two collections of garbage. The server is told not to collect after each run: that took most of its
time with fifty sessions."""

logger = logging.getLogger(__name__)
streams = Streams(session.flow_app, session.door)


@contextlib.asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[dict[str, object] | None]:
    """Collect garbage while the server runs; end the streams when it is to stop."""
    streams.close_on_signals()
    task = asyncio.create_task(_collect(), name="collect garbage")
    try:
        yield None
    finally:
        streams.close()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _collect() -> None:
    while True:
        await asyncio.sleep(COLLECT_EVERY)
        await asyncio.to_thread(gc.collect)


async def healthy(_: Request) -> PlainTextResponse:
    """Whether the server answers; says nothing about the database."""
    return PlainTextResponse("ok")


def on_script_error(problem: Exception) -> bool:
    """A fault of ours: the whole story goes to the log, the page says so in one sentence."""
    logger.error("a page failed", exc_info=problem)
    st.error("This page failed. The server's log has the details; reload the page to try again.")
    return True


app = st.App(
    Path(__file__).with_name("main.py"),
    lifespan=lifespan,
    routes=[Route("/healthy", healthy), Route("/events/{execution_id}", streams.answer)],
    middleware=[Middleware(SecurityHeaders)],
    on_script_error=on_script_error,
)
