"""The live stream of an execution: server-sent events that say which events there are by now, resumed after any cut.

Only sequence numbers and kinds of event travel here, never a text; the page then reads the store itself.
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
from review_app.identity import AccessPolicy, NotSignedIn

LOOK_EVERY = 0.4
"""Seconds between two looks at the store."""
BEAT_EVERY = 15.0
"""Seconds after which a quiet stream sends a comment, so that nothing between takes it for dead."""
AT_ONCE = 500


class Streams:
    """Answers `/events/{execution_id}`: a number a client already has comes as `Last-Event-ID` or `?after=`."""

    def __init__(self, open_app: Callable[[], App], door: Callable[[], AccessPolicy]) -> None:
        self._open_app = open_app
        self._door = door
        self._closing = threading.Event()

    async def answer(self, request: Request) -> Response:
        """The stream, 403 for whom the door does not admit, 404 for an execution that is not there."""
        try:
            self._door().admits(request.headers)
        except NotSignedIn as refusal:
            return PlainTextResponse(str(refusal), status_code=403)
        execution_id = request.path_params["execution_id"]
        try:
            app = await asyncio.to_thread(self._open_app)
            await asyncio.to_thread(app.execution, execution_id)
        except NotFound:
            return PlainTextResponse("there is no such execution", status_code=404)
        except FlowbuilderError as problem:
            return PlainTextResponse(problem.message, status_code=503)
        return StreamingResponse(
            self._lines(app, execution_id, _after(request)),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    def close_on_signals(self) -> None:
        """End all streams when the server is told to stop: it waits for open answers before it ends."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            _precede(number, self._closing.set)

    def close(self) -> None:
        """End all streams."""
        self._closing.set()

    async def _lines(self, app: App, execution_id: str, after: int) -> AsyncIterator[str]:
        yield "retry: 1000\n\n"
        quiet = 0.0
        while not self._closing.is_set():
            try:
                # the status first: what ended before the events were read has all of its events
                ended = (await asyncio.to_thread(app.execution, execution_id)).status in TERMINAL
                events = await asyncio.to_thread(app.events, execution_id, after=after, limit=AT_ONCE)
            except FlowbuilderError:
                return  # the client comes back and asks again from where it is
            for event in events:
                after = event.seq
                said = json.dumps({"seq": event.seq, "type": event.type})
                yield f"id: {event.seq}\nevent: happened\ndata: {said}\n\n"
            if events:
                quiet = 0.0
                continue
            if ended:
                yield f"event: ended\ndata: {after}\n\n"
                return
            quiet += LOOK_EVERY
            if quiet >= BEAT_EVERY:
                quiet = 0.0
                yield ": still here\n\n"
            await asyncio.sleep(LOOK_EVERY)


def _after(request: Request) -> int:
    given = request.headers.get("last-event-id") or request.query_params.get("after") or "0"
    return int(given) if given.isascii() and given.isdigit() and len(given) < 18 else 0


def _precede(number: int, act: Callable[[], None]) -> None:
    """Have `act` called before whatever handles this signal now."""
    before = signal.getsignal(number)

    def handle(received: int, frame: FrameType | None) -> None:
        act()
        if callable(before):
            before(received, frame)

    if callable(before):
        signal.signal(number, handle)
