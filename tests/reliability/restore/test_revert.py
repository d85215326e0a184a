"""An effect can be reverted once, and only while the target still has what it made."""

import asyncio

import pytest

from flowbuilder.audit import audit
from flowbuilder.engine.effects.undo import revert
from flowbuilder.errors import NotFound, Refused
from flowbuilder.testing import FakeClock, MemoryStore, fake_ports
from flowbuilder.values import digest_text
from tests.support.crash_injection import CrashInjector
from tests.support.crash_scenario import CrashScenario
from tests.support.crash_workflows import BY_NAME, PAGE, Scenario


@pytest.fixture
def crash_run() -> CrashScenario:
    """An execution that has published."""
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    made = CrashScenario(BY_NAME["three-targets"], lambda: store, clock)
    made.live(CrashInjector())
    return made


def key(crash_run: CrashScenario, path: str) -> str:
    return next(effect.key for effect in crash_run.opener().effects("run") if effect.path == path)


def take_back(crash_run: CrashScenario, path: str = "lookup") -> str:
    ports = fake_ports(clock=crash_run.clock, cms=crash_run.targets.site)
    return asyncio.run(revert(crash_run.opener(), ports, key(crash_run, path), by="ana@example.com")).status


def body(crash_run: CrashScenario) -> str:
    return asyncio.run(crash_run.targets.site.read(PAGE)).body


def test_what_was_published_is_as_it_was_before(crash_run: CrashScenario) -> None:
    assert body(crash_run) == "known"
    assert take_back(crash_run) == "reverted"
    assert body(crash_run) == "old text"
    event = crash_run.opener().events("run")[-1]
    assert (event.type, event.path, event.data["by"]) == ("effect_reverted", "lookup", "ana@example.com")
    assert audit(crash_run.opener()) == ()


def test_it_is_taken_back_once(crash_run: CrashScenario) -> None:
    take_back(crash_run)
    with pytest.raises(Refused, match="reverted already"):
        take_back(crash_run)


def test_a_crash_between_the_write_and_its_note_does_no_harm(crash_run: CrashScenario) -> None:
    crash_run.targets.site.put(PAGE, "old text")
    assert take_back(crash_run) == "reverted"


def test_what_someone_has_changed_since_stays(crash_run: CrashScenario) -> None:
    crash_run.targets.site.put(PAGE, "by hand")
    with pytest.raises(Refused, match="changed since"):
        take_back(crash_run)
    assert body(crash_run) == "by hand"
    assert crash_run.opener().effect(key(crash_run, "lookup")).status == "done"


@pytest.mark.parametrize("path", ["keyed", "bare"])
def test_what_has_no_inverse_is_refused(crash_run: CrashScenario, path: str) -> None:
    with pytest.raises(Refused, match="no inverse was recorded"):
        take_back(crash_run, path)


def test_an_effect_that_is_not_there_is_not_found(crash_run: CrashScenario) -> None:
    with pytest.raises(NotFound):
        asyncio.run(revert(crash_run.opener(), fake_ports(), "nothing", by="ana"))


NEW = "https://site.example/new"


@pytest.fixture
def making() -> CrashScenario:
    """An execution that has made a page."""
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    steps = [{"id": "new", "type": "cms", "operation": "create", "url": NEW, "title": "New", "body": "fresh"}]
    scenario = Scenario(name="makes-a-page", steps=steps, outputs={"hash": "{{ steps.new.output.hash }}"})
    made = CrashScenario(scenario, lambda: store, clock)
    made.live(CrashInjector())
    assert made.execution().status == "completed"
    return made


def test_a_page_that_was_made_is_taken_away_again(making: CrashScenario) -> None:
    assert take_back(making, "new") == "reverted"
    with pytest.raises(NotFound):
        asyncio.run(making.targets.site.read(NEW))
    assert audit(making.opener()) == ()


def test_a_page_that_was_made_and_changed_since_stays(making: CrashScenario) -> None:
    making.targets.site.put(NEW, "by hand")
    with pytest.raises(Refused, match="changed since"):
        take_back(making, "new")
    assert asyncio.run(making.targets.site.read(NEW)).body == "by hand"


def test_a_page_that_someone_has_taken_away_is_taken_back_all_the_same(making: CrashScenario) -> None:
    asyncio.run(making.targets.site.delete(NEW, if_unchanged=digest_text("fresh")))
    assert take_back(making, "new") == "reverted"
