"""Two or three actors, each with its own store, in every order of their operations with at most two preemptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
from tests.support.proof import sample
from tests.support.store_contract import TTL, StoreHarness

Actor = Callable[["InterleavingScenario", str], Iterator[None]]
"""A generator that yields before each of its operations."""


class InterleavingScenario:
    """An execution that is ready, the store, and a log of the calls to the target."""

    def __init__(self, opener: Callable[[], Store], clock: FakeClock, run: str) -> None:
        self.opener, self.clock, self.run = opener, clock, run
        self.harness = StoreHarness(opener(), clock)
        self.harness.create_execution(run)
        self.calls: list[str] = []
        self.read: list[Event] = []

    @property
    def store(self) -> Store:
        return self.harness.store


def worker(scenario: InterleavingScenario, name: str) -> Iterator[None]:
    """Claims the execution, makes each effect once, records two steps, and settles it."""
    store, run = scenario.store, scenario.run
    yield
    try:
        lease = store.claim(run, name, TTL)
        for step in ("a", "b"):
            yield
            if step in {outcome.path for outcome in store.outcomes(run)}:
                continue
            yield
            yield from write(scenario, lease, step)
            yield
            event = NewEvent(type="step_completed", path=step)
            store.record_outcome(lease, Outcome(path=step, status="completed"), [event])
        yield
        store.settle(lease, "completed", events=[NewEvent(type="execution_completed")])
    except (Conflict, LostLease, Refused):
        return


def write(scenario: InterleavingScenario, lease: Lease, step: str) -> Iterator[None]:
    key = f"{scenario.run}-{step}"
    effect = scenario.store.begin_effect(
        lease, Intent(key=key, path=step, target="t", target_class="deduplicates", request_hash="h")
    )
    if effect.status == "done":
        return
    yield
    if key not in scenario.calls:
        scenario.calls.append(key)  # the target honours the key
    yield
    scenario.store.finish_effect(lease, key, "done", receipt={"of": key})


def pause_past_lease(scenario: InterleavingScenario, name: str) -> Iterator[None]:
    """Pauses all actors for longer than a lease lasts."""
    yield
    scenario.clock.advance(16)


def canceller(scenario: InterleavingScenario, name: str) -> Iterator[None]:
    yield
    try:
        scenario.store.request_control(scenario.run, "cancel", name)
    except Refused:
        return


def reconciler(scenario: InterleavingScenario, name: str) -> Iterator[None]:
    """Runs the execution when it is ready; looks twice."""
    for _ in range(2):
        yield
        if scenario.run in {execution.id for execution in scenario.store.ready()}:
            yield from worker(scenario, name)


def reader(scenario: InterleavingScenario, name: str) -> Iterator[None]:
    """Reads the timeline from the last event that it has read."""
    for _ in range(8):
        yield
        scenario.read += scenario.store.events(
            scenario.run, after=scenario.read[-1].seq if scenario.read else 0, limit=2
        )


def review_opener(scenario: InterleavingScenario, name: str) -> Iterator[None]:
    """Opens a review, and settles the execution as waiting."""
    try:
        yield
        lease = scenario.store.claim(scenario.run, name, TTL)
        yield
        scenario.store.open_review(lease, "review", ReviewRequest(title="?", proposal=1, expires_in=10.0))
        yield
        waits = NewEvent(type="execution_waiting", data={"reviews": ["review"], "until": None})
        if not scenario.store.decisions(scenario.run):
            yield
            scenario.store.settle(lease, "waiting", events=[waits])
        else:
            yield
            scenario.store.settle(lease, "completed", events=[NewEvent(type="execution_completed")])
    except (Conflict, LostLease, Refused):
        return


def reviewer(scenario: InterleavingScenario, name: str) -> Iterator[None]:
    for _ in range(3):
        yield
        found = scenario.harness.event_types(scenario.run)
        if "review_opened" in found:
            yield
            try:
                for review in scenario.store.reviews(ReviewFilter(execution_id=scenario.run)).reviews:
                    scenario.harness.approve(review, name)
            except (Conflict, Refused):
                return


def review_expirer(scenario: InterleavingScenario, name: str) -> Iterator[None]:
    yield
    scenario.clock.advance(11)
    yield
    scenario.store.expire_reviews()


CASES: dict[str, list[Actor]] = {
    "two workers and a pause": [worker, pause_past_lease, worker],
    "a worker and a cancellation": [worker, canceller],
    "two reconcilers and a live worker": [worker, reconciler, reconciler],
    "a reader and two writers": [worker, reader, pause_past_lease, worker],
    "a decision and a worker that settles": [review_opener, reviewer],
    "a decision, an expiry and a worker": [review_opener, reviewer, review_expirer],
}


def schedules(lengths: list[int], preemptions: int = 2) -> Iterator[list[int]]:
    """Orders of actors: each runs until it ends, except for at most so many preemptions by another one."""
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
    """The kind of store. Operations are whole transactions, so their order has the same effects on every database."""
    found: str = request.param
    return found


@pytest.mark.parametrize("name", CASES)
def test_every_interleaving_leaves_a_sound_store(name: str, kind: str, openers: Openers) -> None:
    clock = FakeClock()
    opener = openers(clock)
    actors = CASES[name]
    orders = list(schedules([_LENGTHS[actor] for actor in actors], 2 if len(actors) == 2 else 1))
    assert len(orders) > 10
    problems: list[str] = []
    tried = (
        sample(quick=200, ci=len(orders), thorough=len(orders))
        if kind == "memory"
        else sample(quick=15, ci=60, thorough=60)
    )
    for number, order in enumerate(orders[:: max(1, len(orders) // tried)]):
        scenario = InterleavingScenario(openers(clock) if kind == "memory" else opener, clock, f"run-{number}")
        run_in_order(scenario, actors, order)
        problems += [f"{order}: {said}" for said in violations(scenario)]
    assert problems == []


def run_in_order(scenario: InterleavingScenario, actors: list[Actor], order: list[int]) -> None:
    acting = [actor(scenario, f"{actor.__name__}-{index}") for index, actor in enumerate(actors)]
    for index in order:
        next(acting[index], None)
    for rest in acting:
        for _ in rest:
            pass
    # after the schedule a worker finishes the execution
    for _ in range(4):
        scenario.clock.advance(16)
        if scenario.run in {execution.id for execution in scenario.store.ready()}:
            for _ in worker(scenario, "last"):
                pass


def violations(scenario: InterleavingScenario) -> list[str]:
    store, run = scenario.store, scenario.run
    found = [str(finding) for finding in audit_rows(store, [run])]
    execution = store.execution(run)
    if execution.status not in ("completed", "cancelled", "waiting"):
        found.append(f"is still {execution.status}")
    if execution.status == "waiting" and store.decisions(run):
        found.append("waits for a review that is decided")
    if len(scenario.calls) != len(set(scenario.calls)):
        found.append(f"calls {scenario.calls}")
    if execution.status == "completed" and scenario.harness.event_types(run).count("step_completed") not in (0, 2):
        found.append("completed without its steps")
    sequence = [event.seq for event in scenario.read]
    if sequence != list(range(1, len(sequence) + 1)):
        found.append(f"the reader saw {sequence}")
    return found


_LENGTHS: dict[Actor, int] = {
    worker: 10, reconciler: 8, reader: 8, pause_past_lease: 1, canceller: 1, review_opener: 5, reviewer: 6,
    review_expirer: 2,
}  # fmt: skip
"""The number of operations of each actor."""
