"""The event stream of an execution: server-sent events that a client can resume after a disconnect.

It carries only the numbers and types of events, never their data; the page reads the store itself.
"""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections.abc import AsyncIterator, Callable
from types import FrameType

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from flowbuilder.app import App
from flowbuilder.errors import FlowbuilderError, NotFound
from flowbuilder.model.execution import TERMINAL
from review_app.identity import NotSignedIn

POLL_SECONDS = 0.4
"""Seconds between two reads of the store."""
HEARTBEAT_SECONDS = 15.0
"""Seconds without events after which the stream sends a comment, so that proxies keep the connection."""
BATCH_SIZE = 500


class EventStreams:
    """Serves `/events/{execution_id}`. The client sends the last number it has as `Last-Event-ID` or `?after=`."""

    def __init__(self, open_app: Callable[[], App], authorize: Callable[[Request], object]) -> None:
        """`authorize` raises `NotSignedIn` for a request that is refused."""
        self._open_app = open_app
        self._authorize = authorize
        self._closing = threading.Event()

    async def handle(self, request: Request) -> Response:
        """The stream; 403 when the access policy refuses, 404 for an unknown execution, 503 without a store."""
        try:
            self._authorize(request)
        except NotSignedIn as refusal:
            return PlainTextResponse(str(refusal), status_code=403)
        execution_id = request.path_params["execution_id"]
        try:
            app = await asyncio.to_thread(self._open_app)
            await asyncio.to_thread(app.execution, execution_id)
        except NotFound:
            return PlainTextResponse("execution not found", status_code=404)
        except FlowbuilderError as problem:
            return PlainTextResponse(problem.message, status_code=503)
        return StreamingResponse(
            self._lines(app, execution_id, _after(request)),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    def close_on_signals(self) -> None:
        """Close all streams when the server gets a signal to stop: it waits for open responses before it exits."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            _prepend_handler(number, self._closing.set)

    def close(self) -> None:
        """Close all streams."""
        self._closing.set()

    async def _lines(self, app: App, execution_id: str, after: int) -> AsyncIterator[str]:
        yield "retry: 1000\n\n"
        idle = 0.0
        while not self._closing.is_set():
            try:
                # read the status first: an execution that has ended by now has all of its events
                ended = (await asyncio.to_thread(app.execution, execution_id)).status in TERMINAL
                events = await asyncio.to_thread(app.events, execution_id, after=after, limit=BATCH_SIZE)
            except FlowbuilderError:
                return  # the client reconnects and resumes after the last event it has
            for event in events:
                after = event.seq
                data = json.dumps({"seq": event.seq, "type": event.type})
                yield f"id: {event.seq}\nevent: happened\ndata: {data}\n\n"
            if events:
                idle = 0.0
                continue
            if ended:
                yield f"event: ended\ndata: {after}\n\n"
                return
            idle += POLL_SECONDS
            if idle >= HEARTBEAT_SECONDS:
                idle = 0.0
                yield ": still here\n\n"
            await asyncio.sleep(POLL_SECONDS)


def _after(request: Request) -> int:
    given = request.headers.get("last-event-id") or request.query_params.get("after") or "0"
    return int(given) if given.isascii() and given.isdigit() and len(given) < 18 else 0


def _prepend_handler(number: int, act: Callable[[], None]) -> None:
    """Install a signal handler that calls `act`, then the current handler."""
    before = signal.getsignal(number)

    def handle(received: int, frame: FrameType | None) -> None:
        act()
        if callable(before):
            before(received, frame)

    if callable(before):
        signal.signal(number, handle)
