"""The faults of a simulation that occur at random times, one task for each kind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

from flowbuilder.model.execution import TERMINAL

Fault = Callable[[Any], Awaitable[None]]


def fault_tasks(installation: Any) -> Iterator[Coroutine[Any, Any, None]]:
    """An endless task for each kind of fault whose rate is not 0."""
    for name, inject in FAULT_ACTIONS.items():
        mean = getattr(installation.rates, name)
        if mean:
            yield _repeat(installation, mean, inject)


async def _repeat(installation: Any, mean: float, inject: Fault) -> None:
    while True:
        await asyncio.sleep(installation.rng.expovariate(1 / mean))
        await inject(installation)


def _busy_worker(installation: Any) -> int:
    """The index of a worker: with a probability of 80 % of one that runs executions."""
    busy = [index for index, process in enumerate(installation.workers) if process.slots]
    return int(
        installation.rng.choice(busy if busy and installation.rng.random() < 0.8 else range(len(installation.workers)))
    )


async def kill(installation: Any) -> None:
    index = _busy_worker(installation)
    process = installation.workers[index]
    if process.dead:
        return
    installation.record_fault("a worker is killed", process.holder)
    process.kill()
    await asyncio.sleep(installation.rng.uniform(1, 30))
    if installation.workers[index] is process:
        installation.replace_process(installation.workers, index)


async def stop(installation: Any) -> None:
    process = installation.workers[_busy_worker(installation)]
    if process.slots:
        installation.record_fault("a worker is stopped past its lease", process.holder)
    process.stop()
    await asyncio.sleep(installation.rng.uniform(16, 90))
    process.resume()


async def leave(installation: Any) -> None:
    """SIGTERM: the worker finishes its running steps, releases the rest, and is replaced."""
    index = installation.rng.randrange(len(installation.workers))
    process = installation.workers[index]
    if process.dead:
        return
    installation.record_fault("a worker is terminated", process.holder)
    process.terminating = True
    for control in process.slots.values():
        control.stop()
    await asyncio.sleep(installation.rng.uniform(1, 30))
    process.kill()
    if installation.workers[index] is process:
        installation.replace_process(installation.workers, index)


async def kill_reconciler(installation: Any) -> None:
    index = installation.rng.randrange(len(installation.reconcilers))
    process = installation.reconcilers[index]
    installation.record_fault("a reconciler is killed", process.holder)
    process.kill()
    await asyncio.sleep(installation.rng.uniform(1, 60))
    installation.replace_process(installation.reconcilers, index)


async def database_away(installation: Any) -> None:
    installation.away_until = installation.loop.seconds + installation.rng.uniform(0.5, 8)


async def set_clock(installation: Any) -> None:
    """The clock of the database is an hour ahead, an hour behind, or right again."""
    installation.clock.off = installation.rng.choice(
        [off for off in (-3600.0, 0.0, 3600.0) if off != installation.clock.off]
    )
    installation.record_fault("the clock is set", f"{installation.clock.off:.0f}")


async def rate_limit(installation: Any) -> None:
    installation.network.rate_limited_until = installation.loop.seconds + installation.rng.uniform(60, 300)


async def deliver_again(installation: Any) -> None:
    installation.prefect.deliver_again()


async def restore_prefect(installation: Any) -> None:
    installation.prefect.back_up()
    await asyncio.sleep(installation.rng.uniform(60, 300))
    installation.prefect.restore()


async def press_resume(installation: Any) -> None:
    """Press Resume in Prefect's UI on an execution that waits for a decision."""
    waiting = [run for run in started(installation) if installation.store.execution(run).status == "waiting"]
    if waiting:
        run = installation.rng.choice(waiting)
        installation.record_fault("Resume without a decision", run)
        installation.prefect.deliver(run)


async def press_cancel(installation: Any) -> None:
    running = [run for run in started(installation) if installation.store.execution(run).status not in TERMINAL]
    if running:
        run = installation.rng.choice(running)
        installation.record_fault("cancelled in Prefect", run)
        installation.prefect.cancelled.add(run)


def started(installation: Any) -> list[str]:
    """The executions that have been started."""
    return [run for run in installation.runs if run in installation.reviewers.started]


FAULT_ACTIONS: dict[str, Fault] = {
    "kill": kill, "stop": stop, "leave": leave, "kill_reconciler": kill_reconciler, "database_away": database_away,
    "set_clock": set_clock, "rate_limit": rate_limit, "deliver_again": deliver_again,
    "restore_prefect": restore_prefect, "press_resume": press_resume, "press_cancel": press_cancel,
}  # fmt: skip
