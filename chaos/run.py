"""One run: a world, a load, faults; then no faults, until everything has ended or should have; then what is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread

from chaos.evidence import Evidence, Trace, trace
from chaos.faults import faults
from chaos.installation import World, world
from chaos.load import Load
from chaos.options import Options
from chaos.reviewers import SimulatedReviewers
from chaos.schedule import Injector, schedule
from flowbuilder.audit import audit
from flowbuilder.model.execution import ACTIVE, Execution
from flowbuilder.ports import ExecutionFilter

PAGE = 500
LONGEST_SHARE = 1.5
"""How much longer a run may take in which a fault has not yet hit anything."""
HEAL_SECONDS = 60.0
"""How long a fault that is under way may take to end."""


def run(options: Options, say: Callable[[str], None]) -> Evidence:
    """Do all of it; `say` is told how far it is."""
    with world(options) as there:
        load, people = Load(there), SimulatedReviewers(there)
        injectors = [
            Injector(there, planned)
            for planned in schedule(faults(options), seconds=options.seconds, seed=options.seed)
        ]
        say(f"ready; {options.seconds:g} s of faults begin")
        for thread in (load.thread, people.thread, *(injector.thread for injector in injectors)):
            thread.start()
        _watch(there, injectors, say)
        there.over.set()
        _join([load.thread, *(injector.thread for injector in injectors)], HEAL_SECONDS)
        say("the faults are over")
        settled = _settle(there, options.settle_seconds)
        there.closed.set()
        people.thread.join()
        say("all has ended" if settled is not None else "not everything has ended")
        return Evidence(
            options=options,
            wanted=tuple(injector.planned.fault.name for injector in injectors),
            injections=tuple(item for injector in injectors for item in injector.injections),
            starts=tuple(load.starts),
            traces=_traces(there),
            calls=tuple(there.target.calls),
            pages={file.stem: file.read_text(encoding="utf-8") for file in there.pages.glob("*.md")},
            answers=tuple(people.answers),
            resumed=tuple(people.resumed),
            ends=tuple(end for worker in there.workers for end in worker.ends),
            findings=audit(there.store),
            settled_seconds=settled,
        )


def _watch(there: World, injectors: list[Injector], say: Callable[[str], None]) -> None:
    """Until the time is over and every fault has hit something; not much longer, though."""
    begun, said, seconds = time.monotonic(), 0, there.options.seconds
    while (passed := time.monotonic() - begun) < seconds * LONGEST_SHARE:
        if passed > seconds and all(injector.has_hit for injector in injectors):
            return
        if passed >= 30 * (said + 1):
            said += 1
            say(f"{passed:4.0f} s, {len(there.target.calls)} effects at the target")
        time.sleep(0.2)


def _settle(there: World, seconds: float) -> float | None:
    """How long it takes until every execution has ended; None when it takes longer than that."""
    begun = time.monotonic()
    while there.store.executions(ExecutionFilter(statuses=ACTIVE), limit=1):
        if time.monotonic() - begun > seconds:
            return None
        time.sleep(0.1)
    return round(time.monotonic() - begun, 2)


def _join(threads: list[Thread], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _traces(there: World) -> tuple[Trace, ...]:
    found: list[Execution] = []
    while page := there.store.executions(ExecutionFilter(), limit=PAGE, before=found[-1].id if found else None):
        found += page
    return tuple(trace(there.store, execution) for execution in found)
