"""Runs an execution in this process: prints its events and prompts for its reviews on the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading

from flowbuilder.app import App
from flowbuilder.cli.input.review_prompt import prompt_for_decision
from flowbuilder.cli.output.execution_view import event_line
from flowbuilder.engine.drive_control import DriveControl
from flowbuilder.engine.driver import RunResult
from flowbuilder.engine.in_process import LocalRunner


def run_in_process(app: App, runner: LocalRunner, execution_id: str, *, by: str, prompt: bool) -> None:
    """Run an execution until it ends or waits. With `prompt`, reviews are decided on the terminal and it continues."""
    while True:
        with _EventPrinter(app, execution_id):
            result = asyncio.run(_run(runner, execution_id))
        if result.status != "waiting" or not prompt or not _prompt_for_reviews(app, execution_id, by):
            return


async def _run(runner: LocalRunner, execution_id: str) -> RunResult:
    """On the first Ctrl-C, finish the running step and release the execution; on the second, stop immediately."""
    control, task = DriveControl(), asyncio.current_task()

    def stop() -> None:
        if control.stopping and task is not None:
            task.cancel()
        print("Stopping after this step. Press Ctrl-C again to stop immediately.", file=sys.stderr)
        control.stop()

    with contextlib.suppress(NotImplementedError):  # event loops on Windows have no signal handlers
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop)
    try:
        return await runner.run(execution_id, control=control)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _prompt_for_reviews(app: App, execution_id: str, by: str) -> bool:
    """Prompt for every open review; returns whether at least one was decided."""
    decided = [prompt_for_decision(app, review, by=by) for review in app.open_reviews_of(execution_id)]
    return any(decided)


class _EventPrinter:
    """Prints events to stderr from a thread while an execution runs; does nothing when stderr is no terminal."""

    def __init__(self, app: App, execution_id: str) -> None:
        self._app, self._execution_id = app, execution_id
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._print_events, name="event-printer", daemon=True)
        self._enabled = sys.stderr.isatty()
        self._last_seq = 0

    def __enter__(self) -> _EventPrinter:
        if self._enabled:
            events = self._app.events(self._execution_id)
            self._last_seq = events[-1].seq if len(events) > 1 else 0
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._enabled:
            self._thread.join()

    def _print_events(self) -> None:
        stopping = False
        while not stopping:
            stopping = self._stop.wait(0.3)
            for event in self._app.events(self._execution_id, after=self._last_seq):
                self._last_seq = event.seq
                print(event_line(event), file=sys.stderr)
