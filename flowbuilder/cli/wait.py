"""Waiting for an execution that runs elsewhere."""

from __future__ import annotations

import sys
import time

from flowbuilder.app import App
from flowbuilder.cli.output.timeline import event_line
from flowbuilder.errors import NotFound
from flowbuilder.model.execution import TERMINAL


def wait_for(app: App, execution_id: str, *, every: float = 0.5) -> None:
    """Return when an execution has ended, is paused, or waits for a person; show its events on a terminal. Ctrl-C ends
    the waiting, not the execution."""
    try:
        _wait(app, execution_id, every)
    except KeyboardInterrupt:
        print(f"\nit goes on without you: flowbuilder executions watch {execution_id}", file=sys.stderr)
        raise


def _wait(app: App, execution_id: str, every: float) -> None:
    watched = sys.stderr.isatty()
    seen = 0
    while True:
        try:
            execution = app.execution(execution_id)
        except NotFound:
            # a worker writes it down when it takes the flow run up
            time.sleep(every)
            continue
        for event in app.events(execution_id, after=seen) if watched else ():
            seen = event.seq
            print(event_line(event), file=sys.stderr)
        if execution.status in TERMINAL or execution.status in ("waiting", "paused"):
            return
        time.sleep(every)
