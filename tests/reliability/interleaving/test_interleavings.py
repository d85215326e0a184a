"""T7: two or three actors on stores of their own, in every order of their operations with at most two preemptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flowbuilder.audit import audit_rows
from flowbuilder.errors import Conflict, LostLease, Refused
from flowbuilder.model.effect import Intent
from flowbuilder.model.events import Event, NewEvent
from flowbuilder.model.execution import Lease, Outcome
from flowbuilder.model.review import ReviewRequest
from flowbuilder.ports import ReviewFilter, Store
from flowbuilder.testing import FakeClock
from tests.reliability.conftest import Openers
from tests.support.store_contract import TTL, StoreHarness

Actor = Callable[["SeededApp", str], Iterator[None]]
"""A generator that yields before each of its operations."""


class SeededApp:
    """One execution that waits to be worked on, and a log of what the outside world was asked to do."""

    def __init__(self, opener: Callable[[], Store], clock: FakeClock, run: str) -> None:
        self.opener, self.clock, self.run = opener, clock, run
        self.harness = StoreHarness(opener(), clock)
        self.harness.create_execution(run)
        self.calls: list[str] = []
        self.read: list[Event] = []

    @property
    def store(self) -> Store:
        return self.harness.store


def worker(scene: SeededApp, name: str) -> Iterator[None]:
    """Takes the execution up, makes an effect once, records two steps, and lets go."""
    store, run = scene.store, scene.run
    yield
    try:
        lease = store.claim(run, name, TTL)
        for step in ("a", "b"):
            yield
            if step in {outcome.path for outcome in store.outcomes(run)}:
                continue
            yield
            yield from write(scene, lease, step)
            yield
            event = NewEvent(type="step_completed", path=step)
            store.record_outcome(lease, Outcome(path=step, status="completed"), [event])
        yield
        store.settle(lease, "completed", events=[NewEvent(type="execution_completed")])
    except (Conflict, LostLease, Refused):
        return


def write(scene: SeededApp, lease: Lease, step: str) -> Iterator[None]:
    key = f"{scene.run}-{step}"
    effect = scene.store.begin_effect(
        lease, Intent(key=key, path=step, target="t", target_class="deduplicates", request_hash="h")
    )
    if effect.status == "done":
        return
    yield
    if key not in scene.calls:
        scene.calls.append(key)  # the target honours the key
    yield
    scene.store.finish_effect(lease, key, "done", receipt={"of": key})


def pause_of_the_world(scene: SeededApp, name: str) -> Iterator[None]:
    """Everything stands still for longer than a lease lasts."""
    yield
    scene.clock.advance(16)


def canceller(scene: SeededApp, name: str) -> Iterator[None]:
    yield
    try:
        scene.store.request_control(scene.run, "cancel", name)
    except Refused:
        return


def sweeper(scene: SeededApp, name: str) -> Iterator[None]:
    """Takes up what is ready, as often as it looks."""
    for _ in range(2):
        yield
        if scene.run in {execution.id for execution in scene.store.ready()}:
            yield from worker(scene, name)


def reader(scene: SeededApp, name: str) -> Iterator[None]:
    """Follows the timeline from where it has got to."""
    for _ in range(8):
        yield
        scene.read += scene.store.events(scene.run, after=scene.read[-1].seq if scene.read else 0, limit=2)


def asker(scene: SeededApp, name: str) -> Iterator[None]:
    """Asks, and waits as a worker does."""
    try:
        yield
        lease = scene.store.claim(scene.run, name, TTL)
        yield
        scene.store.open_review(lease, "review", ReviewRequest(title="?", proposal=1, expires_in=10.0))
        yield
        waits = NewEvent(type="execution_waiting", data={"reviews": ["review"], "until": None})
        if not scene.store.decisions(scene.run):
            yield
            scene.store.settle(lease, "waiting", events=[waits])
        else:
            yield
            scene.store.settle(lease, "completed", events=[NewEvent(type="execution_completed")])
    except (Conflict, LostLease, Refused):
        return


def person(scene: SeededApp, name: str) -> Iterator[None]:
    for _ in range(3):
        yield
        found = scene.harness.event_types(scene.run)
        if "review_opened" in found:
            yield
            try:
                for review in scene.store.reviews(ReviewFilter(execution_id=scene.run)).reviews:
                    scene.harness.approve(review, name)
            except (Conflict, Refused):
                return


def expirer(scene: SeededApp, name: str) -> Iterator[None]:
    yield
    scene.clock.advance(11)
    yield
    scene.store.expire_reviews()


PLAYS: dict[str, list[Actor]] = {
    "two workers and a pause": [worker, pause_of_the_world, worker],
    "a worker and someone who cancels": [worker, canceller],
    "two sweepers and a live worker": [worker, sweeper, sweeper],
    "a reader and two writers": [worker, reader, pause_of_the_world, worker],
    "a decision and a worker that lets go": [asker, person],
    "a decision, an expiry and a worker": [asker, person, expirer],
}


def schedules(lengths: list[int], preemptions: int = 2) -> Iterator[list[int]]:
    """Orders of actors: each runs until it ends, but for at most so many moments at which another goes on instead."""
    yield from _schedules(lengths, preemptions, [], None)


def _schedules(left: list[int], preemptions: int, done: list[int], current: int | None) -> Iterator[list[int]]:
    if not any(left):
        yield done
        return
    for actor in [index for index, count in enumerate(left) if count]:
        forced = current is None or left[current] == 0
        cost = 0 if forced or actor == current else 1
        if cost <= preemptions:
            after = [count - (index == actor) for index, count in enumerate(left)]
            yield from _schedules(after, preemptions - cost, [*done, actor], actor)


@pytest.fixture(params=["memory", "sqlite"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which store. Operations are whole transactions: what their order does is the same on every database."""
    found: str = request.param
    return found


@pytest.mark.parametrize("name", PLAYS)
def test_every_interleaving_leaves_a_sound_store(name: str, kind: str, openers: Openers) -> None:
    clock = FakeClock()
    opener = openers(clock)
    play = PLAYS[name]
    orders = list(schedules([_LENGTHS[actor] for actor in play], 2 if len(play) == 2 else 1))
    assert len(orders) > 10
    problems: list[str] = []
    for number, order in enumerate(orders if kind == "memory" else orders[:: max(1, len(orders) // 60)]):
        scene = SeededApp(openers(clock) if kind == "memory" else opener, clock, f"run-{number}")
        perform(scene, play, order)
        problems += [f"{order}: {said}" for said in complaints(scene)]
    assert problems == []


def perform(scene: SeededApp, play: list[Actor], order: list[int]) -> None:
    acting = [actor(scene, f"{actor.__name__}-{index}") for index, actor in enumerate(play)]
    for index in order:
        next(acting[index], None)
    for rest in acting:
        for _ in rest:
            pass
    # the faults are over: the rest of the work is done
    for _ in range(4):
        scene.clock.advance(16)
        if scene.run in {execution.id for execution in scene.store.ready()}:
            for _ in worker(scene, "last"):
                pass


def complaints(scene: SeededApp) -> list[str]:
    store, run = scene.store, scene.run
    found = [str(finding) for finding in audit_rows(store, [run])]
    execution = store.execution(run)
    if execution.status not in ("completed", "cancelled", "waiting"):
        found.append(f"is still {execution.status}")
    if execution.status == "waiting" and store.decisions(run):
        found.append("waits for a review that is decided")
    if len(scene.calls) != len(set(scene.calls)):
        found.append(f"calls {scene.calls}")
    if execution.status == "completed" and scene.harness.event_types(run).count("step_completed") not in (0, 2):
        found.append("completed without its steps")
    sequence = [event.seq for event in scene.read]
    if sequence != list(range(1, len(sequence) + 1)):
        found.append(f"the reader saw {sequence}")
    return found


_LENGTHS: dict[Any, int] = {
    worker: 10, sweeper: 8, reader: 8, pause_of_the_world: 1, canceller: 1, asker: 5, person: 6, expirer: 2,
}  # fmt: skip
