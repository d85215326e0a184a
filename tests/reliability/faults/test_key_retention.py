"""A target forgets idempotency keys after their retention: an older call in doubt is asked about, not repeated."""

from collections.abc import Iterator

import pytest

from flowbuilder.testing import FakeClock, MemoryStore
from tests.support.faults.crash_injection import Crash, CrashInjector
from tests.support.faults.crash_scenario import CrashScenario
from tests.support.faults.crash_workflows import Scenario

HOUR, DAY = 3600, 86_400
URL = "https://service.example/order"


def ordering(**effect: object) -> CrashScenario:
    """A call that the author declares as deduplicated, to a service that has forgotten every key."""
    steps = [{"id": "order", "type": "api", "method": "POST", "url": URL, "json": {"n": 1}, "effect": effect}]
    scenario = Scenario(name="order", steps=steps, outputs={"said": "{{ steps.order.output.body.accepted }}"})
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    return CrashScenario(scenario, lambda: store, clock)


def crashed_after_the_call(crash_run: CrashScenario) -> None:
    """Run a process that crashes after the service has applied the call, before the receipt is recorded."""
    clock, injector = FakeClock(), CrashInjector()
    store = MemoryStore(clock=clock)
    CrashScenario(crash_run.scenario, lambda: store, clock).run_process(injector)
    point = injector.operations.index("service.send") + 1
    with pytest.raises(Crash):
        crash_run.run_process(CrashInjector(point, "after"))
    assert len(crash_run.targets.service.applied) == 1


@pytest.fixture(params=[{"deduplicates": True}, {"deduplicates": True, "key_retention": "P2D"}], ids=["a day", "two"])
def crash_run(request: pytest.FixtureRequest) -> Iterator[CrashScenario]:
    made = ordering(**request.param)
    crashed_after_the_call(made)
    yield made
    assert made.execution().status in ("completed", "failed")


def test_after_key_retention_a_person_is_asked_before_a_repeat(crash_run: CrashScenario) -> None:
    crash_run.clock.advance(3 * DAY)
    crash_run.run_process(CrashInjector())
    assert crash_run.targets.service.applied == ["POST /order"]
    assert any(event.type == "review_opened" and event.path.startswith("order") for event in crash_run.events())
    assert (crash_run.execution().error or {})["code"] == "effect_unknown"


def test_within_key_retention_the_call_is_repeated_with_the_same_key(crash_run: CrashScenario) -> None:
    crash_run.clock.advance(HOUR)
    crash_run.run_process(CrashInjector())
    [(_, first), (_, second)] = crash_run.targets.service.calls
    assert first == second
    assert crash_run.execution().status == "completed"
    assert not any(event.type == "review_opened" for event in crash_run.events())


def test_the_author_may_declare_the_key_retention() -> None:
    short, long = ordering(deduplicates=True, key_retention="PT10M"), ordering(deduplicates=True, key_retention="P7D")
    for crash_run, later in ((short, HOUR), (long, 3 * DAY)):
        crashed_after_the_call(crash_run)
        crash_run.clock.advance(later)
        crash_run.run_process(CrashInjector())
    assert short.targets.service.applied == ["POST /order"]
    assert len(long.targets.service.applied) == 2


def test_an_idempotent_call_is_repeated_without_asking() -> None:
    steps = [{"id": "order", "type": "api", "method": "PUT", "url": URL, "json": {"n": 1}}]
    scenario = Scenario(name="order", steps=steps, outputs={"said": "{{ steps.order.output.body.revision }}"})
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    crash_run = CrashScenario(scenario, lambda: store, clock)
    crashed_after_the_call(crash_run)
    crash_run.clock.advance(30 * DAY)
    crash_run.run_process(CrashInjector())
    assert crash_run.execution().status == "completed"
    assert [event.type for event in crash_run.events()].count("review_opened") == 0
