"""An execution in this process: driven, shown as it goes, its reviews asked on the terminal."""

from __future__ import annotations

import asyncio
import sys
import threading

from flowbuilder.app import App
from flowbuilder.local import LocalRunner
from flowbuilder.ports import ReviewFilter
from flowbuilder.terminal.ask import ask_review
from flowbuilder.terminal.timeline import event_line


def run_here(app: App, runner: LocalRunner, execution_id: str, *, by: str, ask: bool) -> None:
    """Run an execution until it has ended, or until nobody answers what it asks."""
    while True:
        with _Progress(app, execution_id):
            settled = asyncio.run(runner.run(execution_id))
        if settled.status != "waiting" or not ask or not _answer_all(app, execution_id, by):
            return


def _answer_all(app: App, execution_id: str, by: str) -> bool:
    answers = [
        ask_review(app, review, by=by)
        for review in app.reviews(ReviewFilter(execution_id=execution_id), limit=1000).reviews
    ]
    return any(answers)


class _Progress:
    """Events on stderr while someone watches the terminal."""

    def __init__(self, app: App, execution_id: str) -> None:
        self._app, self._execution_id = app, execution_id
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._show, name="progress", daemon=True)
        self._watched = sys.stderr.isatty()
        self._seen = 0

    def __enter__(self) -> _Progress:
        if self._watched:
            events = self._app.events(self._execution_id)
            self._seen = events[-1].seq if len(events) > 1 else 0
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._watched:
            self._thread.join()

    def _show(self) -> None:
        stopping = False
        while not stopping:
            stopping = self._stop.wait(0.3)
            for event in self._app.events(self._execution_id, after=self._seen):
                self._seen = event.seq
                print(event_line(event), file=sys.stderr)
