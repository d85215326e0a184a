"""One run: installation, load and faults; then, without faults, until all executions ended; returns the evidence."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread

from chaos.evidence import Evidence, Trace, trace
from chaos.faults import faults
from chaos.installation import Installation, start_installation
from chaos.load import Load
from chaos.options import Options
from chaos.reviewers import SimulatedReviewers
from chaos.schedule import Injector, schedule
from flowbuilder.audit import audit
from flowbuilder.model.execution import ACTIVE, Execution
from flowbuilder.ports import ExecutionFilter

PAGE = 500
MAX_EXTENSION = 1.5
"""Factor on the duration of a run in which a fault had no effect yet."""
FAULT_SECONDS = 60.0
"""Seconds within which a running fault must end."""


def run(options: Options, log: Callable[[str], None]) -> Evidence:
    """Run it; `log` receives the progress."""
    with start_installation(options) as installation:
        load, reviewers = Load(installation), SimulatedReviewers(installation)
        injectors = [
            Injector(installation, planned)
            for planned in schedule(faults(options), seconds=options.seconds, seed=options.seed)
        ]
        log(f"ready; {options.seconds:g} s of faults begin")
        for thread in (load.thread, reviewers.thread, *(injector.thread for injector in injectors)):
            thread.start()
        _watch(installation, injectors, log)
        installation.faults_over.set()
        _join([load.thread, *(injector.thread for injector in injectors)], FAULT_SECONDS)
        log("the faults are over")
        settled = _settle(installation, options.settle_seconds)
        installation.closed.set()
        reviewers.thread.join()
        log("all executions ended" if settled is not None else "some executions did not end")
        return Evidence(
            options=options,
            wanted=tuple(injector.planned.fault.name for injector in injectors),
            injections=tuple(item for injector in injectors for item in injector.injections),
            starts=tuple(load.starts),
            traces=_traces(installation),
            calls=tuple(installation.target.calls),
            pages={file.stem: file.read_text(encoding="utf-8") for file in installation.pages.glob("*.md")},
            decision_attempts=tuple(reviewers.attempts),
            resumed=tuple(reviewers.resumed),
            exits=tuple(exit for worker in installation.workers for exit in worker.exits),
            findings=audit(installation.store),
            settled_seconds=settled,
        )


def _watch(installation: Installation, injectors: list[Injector], log: Callable[[str], None]) -> None:
    """Wait until the time is over and every fault had an effect, at most `MAX_EXTENSION` times as long."""
    begun, reports, seconds = time.monotonic(), 0, installation.options.seconds
    while (passed := time.monotonic() - begun) < seconds * MAX_EXTENSION:
        if passed > seconds and all(injector.had_effect for injector in injectors):
            return
        if passed >= 30 * (reports + 1):
            reports += 1
            log(f"{passed:4.0f} s, {len(installation.target.calls)} effects at the target")
        time.sleep(0.2)


def _settle(installation: Installation, seconds: float) -> float | None:
    """Seconds until every execution ended; None after `seconds`."""
    begun = time.monotonic()
    while installation.store.executions(ExecutionFilter(statuses=ACTIVE), limit=1):
        if time.monotonic() - begun > seconds:
            return None
        time.sleep(0.1)
    return round(time.monotonic() - begun, 2)


def _join(threads: list[Thread], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _traces(installation: Installation) -> tuple[Trace, ...]:
    found: list[Execution] = []
    while page := installation.store.executions(ExecutionFilter(), limit=PAGE, before=found[-1].id if found else None):
        found += page
    return tuple(trace(installation.store, execution) for execution in found)
