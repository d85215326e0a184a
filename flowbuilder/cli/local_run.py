"""Runs an execution in this process: shows its progress and asks its reviews on the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading

from flowbuilder.app import App
from flowbuilder.cli.input.review_prompt import ask_review
from flowbuilder.cli.output.timeline import event_line
from flowbuilder.engine.drive_control import DriveControl
from flowbuilder.engine.driver import RunResult
from flowbuilder.engine.in_process import LocalRunner


def run_here(app: App, runner: LocalRunner, execution_id: str, *, by: str, ask: bool) -> None:
    """Run an execution until it has ended, or until a review is left open."""
    while True:
        with _Progress(app, execution_id):
            result = asyncio.run(_run(runner, execution_id))
        if result.status != "waiting" or not ask or not _answer_all(app, execution_id, by):
            return


async def _run(runner: LocalRunner, execution_id: str) -> RunResult:
    """Run it once. Ctrl-C lets the running step finish and requeues the execution; a second Ctrl-C stops at once."""
    control, task = DriveControl(), asyncio.current_task()

    def stop() -> None:
        if control.stopping and task is not None:
            task.cancel()
        print("stopping after this step; press Ctrl-C again to stop now", file=sys.stderr)
        control.stop()

    with contextlib.suppress(NotImplementedError):  # not every system has signal handlers of this kind
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop)
    try:
        return await runner.run(execution_id, control=control)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _answer_all(app: App, execution_id: str, by: str) -> bool:
    answers = [ask_review(app, review, by=by) for review in app.open_reviews_of(execution_id)]
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
