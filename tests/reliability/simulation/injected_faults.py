"""What goes wrong in a simulation, each kind of trouble in its own time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

from flowbuilder.model.execution import TERMINAL

Trouble = Callable[[Any], Awaitable[None]]


def troubles(world: Any) -> Iterator[Coroutine[Any, Any, None]]:
    """Those that the mix has, each as a program that goes on for ever."""
    for name, trouble in TROUBLES.items():
        mean = getattr(world.mix, name)
        if mean:
            yield _again_and_again(world, mean, trouble)


async def _again_and_again(world: Any, mean: float, trouble: Trouble) -> None:
    while True:
        await asyncio.sleep(world.dice.expovariate(1 / mean))
        await trouble(world)


def _place(world: Any) -> int:
    """The place of a worker, sooner of one that is busy."""
    busy = [place for place, node in enumerate(world.workers) if node.seats]
    return int(world.dice.choice(busy if busy and world.dice.random() < 0.8 else range(len(world.workers))))


async def kill(world: Any) -> None:
    place = _place(world)
    node = world.workers[place]
    if node.dead:
        return
    world.happens("a worker is killed", node.holder)
    node.kill()
    await asyncio.sleep(world.dice.uniform(1, 30))
    if world.workers[place] is node:
        world.again(world.workers, place)


async def stop(world: Any) -> None:
    node = world.workers[_place(world)]
    if node.seats:
        world.happens("a worker is stopped past its lease", node.holder)
    node.stop()
    await asyncio.sleep(world.dice.uniform(16, 90))
    node.go_on()


async def leave(world: Any) -> None:
    """SIGTERM: it finishes the steps that run, hands over the rest, and another takes its place."""
    place = world.dice.randrange(len(world.workers))
    node = world.workers[place]
    if node.dead:
        return
    world.happens("a worker is told to leave", node.holder)
    node.leaving = True
    for control in node.seats.values():
        control.stop()
    await asyncio.sleep(world.dice.uniform(1, 30))
    node.kill()
    if world.workers[place] is node:
        world.again(world.workers, place)


async def kill_sweeper(world: Any) -> None:
    place = world.dice.randrange(len(world.sweepers))
    node = world.sweepers[place]
    world.happens("a sweeper is killed", node.holder)
    node.kill()
    await asyncio.sleep(world.dice.uniform(1, 60))
    world.again(world.sweepers, place)


async def away(world: Any) -> None:
    world.away_until = world.loop.seconds + world.dice.uniform(0.5, 8)


async def set_clock(world: Any) -> None:
    """The clock of the database is an hour ahead, an hour behind, or right again."""
    world.clock.off = world.dice.choice([off for off in (-3600.0, 0.0, 3600.0) if off != world.clock.off])
    world.happens("the clock is set", f"{world.clock.off:.0f}")


async def storm(world: Any) -> None:
    world.outside.storm_until = world.loop.seconds + world.dice.uniform(60, 300)


async def deliver_again(world: Any) -> None:
    world.prefect.deliver_again()


async def restore_prefect(world: Any) -> None:
    world.prefect.back_up()
    await asyncio.sleep(world.dice.uniform(60, 300))
    world.prefect.restore()


async def press_resume(world: Any) -> None:
    """Somebody presses Resume in Prefect's UI, where a decision is needed."""
    waiting = [run for run in started(world) if world.store.execution(run).status == "waiting"]
    if waiting:
        run = world.dice.choice(waiting)
        world.happens("Resume without a decision", run)
        world.prefect.deliver(run)


async def press_cancel(world: Any) -> None:
    running = [run for run in started(world) if world.store.execution(run).status not in TERMINAL]
    if running:
        run = world.dice.choice(running)
        world.happens("cancelled in Prefect", run)
        world.prefect.cancelled.add(run)


def started(world: Any) -> list[str]:
    """The executions that there are."""
    return [run for run in world.runs if run in world.people.started]


TROUBLES: dict[str, Trouble] = {
    "kill": kill, "stop": stop, "leave": leave, "kill_sweeper": kill_sweeper, "away": away, "set_clock": set_clock,
    "storm": storm, "deliver_again": deliver_again, "restore_prefect": restore_prefect, "press_resume": press_resume,
    "press_cancel": press_cancel,
}  # fmt: skip
