"""The supervisor: starts programs, waits until they answer, starts them again when they die, and stops them all."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from flowbuilder.devstack.probes import answers
from flowbuilder.devstack.process import ProcessSpec, SupervisedProcess
from flowbuilder.errors import Unavailable

MAX_RESTARTS = 5
RESTART_WINDOW = 600.0
"""More than `MAX_RESTARTS` deaths of one program by its own fault within so many seconds end everything."""
KILLED = (-signal.SIGKILL, -signal.SIGTERM)
"""How a program ends that somebody, or the kernel for want of memory, has ended: starting it again may well help."""
GRACE = 8.0
"""Seconds that programs get to stop before they are killed."""
LARGEST_LOG = 5_000_000
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Someone asked to stop. Not an `Exception`, so that nothing on the way swallows it."""


class Supervisor(AbstractContextManager["Supervisor"]):
    """Keeps programs running between `with` and its end. SIGINT, SIGTERM and SIGHUP raise `Stopped` in the body."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: dict[str, SupervisedProcess] = {}
        self._deaths: dict[str, list[float]] = {}
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Supervisor:
        self._logs.mkdir(parents=True, exist_ok=True)
        # set before anything is started: a shell starts background jobs with SIGINT ignored, and children would inherit
        # that; a signal with a handler is reset to its default in the child
        self._before = {number: signal.signal(number, _stop) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        self.stop()
        for known, handler in self._before.items():
            signal.signal(known, handler)

    def start(self, program: ProcessSpec) -> None:
        """Start a program; its log begins anew when it has grown large."""
        log = self._logs / f"{program.name}.log"
        if log.exists() and log.stat().st_size > LARGEST_LOG:
            log.replace(log.with_suffix(".log.1"))
        self._children[program.name] = SupervisedProcess(program, log)

    def wait_until_ready(self, names: Iterable[str]) -> None:
        """Return when all of them answer; `Unavailable` with the end of the log when one ends or takes too long."""
        begun = time.monotonic()
        for name in names:
            child = self._children[name]
            while not answers(child.program.health):
                if child.exit_code is not None:
                    raise Unavailable(_ended(child))
                if time.monotonic() - begun > child.program.patience:
                    raise Unavailable(
                        f"{name} did not answer within {child.program.patience:.0f} seconds; see {child.log}"
                    )
                time.sleep(0.2)

    def watch_once(self) -> list[str]:
        """Start again what has died; returns the names. `Unavailable` when one dies too often."""
        restarted = []
        for name, child in list(self._children.items()):
            if child.exit_code is None:
                continue
            now = time.monotonic()
            recent = [moment for moment in self._deaths.get(name, []) if now - moment < RESTART_WINDOW]
            if child.exit_code not in KILLED:
                if len(recent) >= MAX_RESTARTS:
                    raise Unavailable(f"{name} died {len(recent) + 1} times. {_ended(child)}")
                recent = [*recent, now]
            self._deaths[name] = recent
            child.kill()
            time.sleep(min(0.5 * 2 ** max(len(recent) - 1, 0), 8.0))
            self.start(child.program)
            restarted.append(name)
        return restarted

    def watch(self) -> None:
        """Keep everything running until `Stopped`."""
        while True:
            self.watch_once()
            time.sleep(0.5)

    def stop(self) -> None:
        """Stop all process groups, those started last first; kill what is still there after `GRACE` seconds."""
        children = list(reversed(self._children.values()))
        for child in children:
            child.ask_to_stop()
        until = time.monotonic() + GRACE
        while any(child.exit_code is None for child in children) and time.monotonic() < until:
            time.sleep(0.05)
        for child in children:
            child.kill()
        self._children.clear()


def _stop(number: int, _frame: FrameType | None) -> None:
    raise Stopped(signal.Signals(number).name)


def _ended(child: SupervisedProcess) -> str:
    words = child.last_words()
    said = f"\nits last words (all in {child.log}):\n{words}" if words else ""
    return f"{child.program.name} ended with exit code {child.exit_code}{said}"
