"""What goes wrong in a simulation, each kind of trouble in its own time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

from flowbuilder.model.execution import TERMINAL

Trouble = Callable[[Any], Awaitable[None]]


def troubles(installation: Any) -> Iterator[Coroutine[Any, Any, None]]:
    """Those that the mix has, each as a program that goes on for ever."""
    for name, trouble in TROUBLES.items():
        mean = getattr(installation.mix, name)
        if mean:
            yield _again_and_again(installation, mean, trouble)


async def _again_and_again(installation: Any, mean: float, trouble: Trouble) -> None:
    while True:
        await asyncio.sleep(installation.dice.expovariate(1 / mean))
        await trouble(installation)


def _place(installation: Any) -> int:
    """The place of a worker, sooner of one that is busy."""
    busy = [place for place, node in enumerate(installation.workers) if node.seats]
    return int(
        installation.dice.choice(
            busy if busy and installation.dice.random() < 0.8 else range(len(installation.workers))
        )
    )


async def kill(installation: Any) -> None:
    place = _place(installation)
    node = installation.workers[place]
    if node.dead:
        return
    installation.happens("a worker is killed", node.holder)
    node.kill()
    await asyncio.sleep(installation.dice.uniform(1, 30))
    if installation.workers[place] is node:
        installation.again(installation.workers, place)


async def stop(installation: Any) -> None:
    node = installation.workers[_place(installation)]
    if node.seats:
        installation.happens("a worker is stopped past its lease", node.holder)
    node.stop()
    await asyncio.sleep(installation.dice.uniform(16, 90))
    node.go_on()


async def leave(installation: Any) -> None:
    """SIGTERM: it finishes the steps that run, hands over the rest, and another takes its place."""
    place = installation.dice.randrange(len(installation.workers))
    node = installation.workers[place]
    if node.dead:
        return
    installation.happens("a worker is told to leave", node.holder)
    node.leaving = True
    for control in node.seats.values():
        control.stop()
    await asyncio.sleep(installation.dice.uniform(1, 30))
    node.kill()
    if installation.workers[place] is node:
        installation.again(installation.workers, place)


async def kill_sweeper(installation: Any) -> None:
    place = installation.dice.randrange(len(installation.sweepers))
    node = installation.sweepers[place]
    installation.happens("a sweeper is killed", node.holder)
    node.kill()
    await asyncio.sleep(installation.dice.uniform(1, 60))
    installation.again(installation.sweepers, place)


async def away(installation: Any) -> None:
    installation.away_until = installation.loop.seconds + installation.dice.uniform(0.5, 8)


async def set_clock(installation: Any) -> None:
    """The clock of the database is an hour ahead, an hour behind, or right again."""
    installation.clock.off = installation.dice.choice(
        [off for off in (-3600.0, 0.0, 3600.0) if off != installation.clock.off]
    )
    installation.happens("the clock is set", f"{installation.clock.off:.0f}")


async def storm(installation: Any) -> None:
    installation.outside.storm_until = installation.loop.seconds + installation.dice.uniform(60, 300)


async def deliver_again(installation: Any) -> None:
    installation.prefect.deliver_again()


async def restore_prefect(installation: Any) -> None:
    installation.prefect.back_up()
    await asyncio.sleep(installation.dice.uniform(60, 300))
    installation.prefect.restore()


async def press_resume(installation: Any) -> None:
    """Somebody presses Resume in Prefect's UI, where a decision is needed."""
    waiting = [run for run in started(installation) if installation.store.execution(run).status == "waiting"]
    if waiting:
        run = installation.dice.choice(waiting)
        installation.happens("Resume without a decision", run)
        installation.prefect.deliver(run)


async def press_cancel(installation: Any) -> None:
    running = [run for run in started(installation) if installation.store.execution(run).status not in TERMINAL]
    if running:
        run = installation.dice.choice(running)
        installation.happens("cancelled in Prefect", run)
        installation.prefect.cancelled.add(run)


def started(installation: Any) -> list[str]:
    """The executions that there are."""
    return [run for run in installation.runs if run in installation.people.started]


TROUBLES: dict[str, Trouble] = {
    "kill": kill, "stop": stop, "leave": leave, "kill_sweeper": kill_sweeper, "away": away, "set_clock": set_clock,
    "storm": storm, "deliver_again": deliver_again, "restore_prefect": restore_prefect, "press_resume": press_resume,
    "press_cancel": press_cancel,
}  # fmt: skip
