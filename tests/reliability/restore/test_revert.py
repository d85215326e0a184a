"""An effect can be reverted once, and only while the target still has what the effect wrote."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from flowbuilder.audit import audit
from flowbuilder.engine.effects.undo import revert
from flowbuilder.errors import NotFound, Refused
from flowbuilder.model.effect import Effect
from flowbuilder.ports import Store
from flowbuilder.testing import FakeClock, MemoryStore, fake_ports
from flowbuilder.values import JsonObject, digest_text
from tests.support.faults.crash_injection import Crash, CrashInjector
from tests.support.faults.crash_scenario import CrashScenario
from tests.support.faults.crash_workflows import BY_NAME, PAGE, Scenario


@pytest.fixture
def crash_run() -> CrashScenario:
    """An execution that has published a page."""
    made = new_run()
    made.run_process(CrashInjector())
    return made


def new_run() -> CrashScenario:
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    return CrashScenario(BY_NAME["three-targets"], lambda: store, clock)


def test_a_page_is_restored_wherever_the_process_that_wrote_it_crashed() -> None:
    survey = CrashInjector()
    new_run().run_process(survey)
    written = survey.operations.index("cms.update") + 1
    for point in range(written - 4, written + 5):
        for when in ("before", "after"):
            made = new_run()
            with pytest.raises(Crash):
                made.run_process(CrashInjector(point, when))
            made.clock.advance(3600)
            made.run_process(CrashInjector())
            assert body(made) == "known", (point, when)
            assert revert_effect(made) == "reverted"
            assert body(made) == "old text", (point, when)


def test_a_write_in_doubt_of_a_cancelled_execution_is_undone_or_a_person_is_told() -> None:
    survey = CrashInjector()
    new_run().run_process(survey)
    written = survey.operations.index("cms.update") + 1
    ends = set()
    for point in range(written, written + 2):
        for when in ("before", "after"):
            made = new_run()
            with pytest.raises(Crash):
                made.run_process(CrashInjector(point, when))
            made.clock.advance(3600)
            made.opener().request_control("run", "cancel", "ana@example.com")
            made.run_process(CrashInjector())
            assert made.execution().status == "cancelled"
            try:
                ends.add((revert_effect(made), body(made)))
            except Refused as problem:
                ends.add((str(problem).rpartition(";")[2], body(made)))
            assert audit(made.opener()) == ()
    doubt = " it is not known whether the write was made: look at the page"
    assert ends == {("reverted", "old text"), (doubt, "known")}


def key(crash_run: CrashScenario, path: str) -> str:
    return next(effect.key for effect in crash_run.opener().effects("run") if effect.path == path)


def revert_effect(crash_run: CrashScenario, path: str = "lookup") -> str:
    ports = fake_ports(clock=crash_run.clock, cms=crash_run.targets.site)
    return asyncio.run(revert(crash_run.opener(), ports, key(crash_run, path), by="ana@example.com")).status


def body(crash_run: CrashScenario) -> str:
    return asyncio.run(crash_run.targets.site.read(PAGE)).body


def test_a_reverted_publication_restores_the_page(crash_run: CrashScenario) -> None:
    assert body(crash_run) == "known"
    assert revert_effect(crash_run) == "reverted"
    assert body(crash_run) == "old text"
    event = crash_run.opener().events("run")[-1]
    assert (event.type, event.path, event.data["by"]) == ("effect_reverted", "lookup", "ana@example.com")
    assert audit(crash_run.opener()) == ()


def test_an_effect_is_reverted_once(crash_run: CrashScenario) -> None:
    revert_effect(crash_run)
    with pytest.raises(Refused, match="reverted already"):
        revert_effect(crash_run)


def test_a_crash_between_the_reverting_write_and_its_record_is_harmless(crash_run: CrashScenario) -> None:
    crash_run.targets.site.put(PAGE, "old text")
    assert revert_effect(crash_run) == "reverted"


def test_a_page_that_was_changed_since_is_not_reverted(crash_run: CrashScenario) -> None:
    crash_run.targets.site.put(PAGE, "by hand")
    with pytest.raises(Refused, match="changed since"):
        revert_effect(crash_run)
    assert body(crash_run) == "by hand"
    assert crash_run.opener().effect(key(crash_run, "lookup")).status == "done"


@pytest.mark.parametrize("path", ["keyed", "bare"])
def test_an_effect_without_an_inverse_cannot_be_reverted(crash_run: CrashScenario, path: str) -> None:
    with pytest.raises(Refused, match="no inverse was recorded"):
        revert_effect(crash_run, path)


def test_an_unknown_effect_is_not_found(crash_run: CrashScenario) -> None:
    with pytest.raises(NotFound):
        asyncio.run(revert(crash_run.opener(), fake_ports(), "nothing", by="ana"))


@pytest.mark.parametrize("theirs", [{"title": "Theirs"}, {"description": "Theirs"}])
def test_a_page_whose_title_or_description_changed_since_is_not_reverted(
    crash_run: CrashScenario, theirs: dict[str, str]
) -> None:
    crash_run.targets.site.put(PAGE, "known", **theirs)
    with pytest.raises(Refused, match="changed since"):
        revert_effect(crash_run)


class EarlierRelease:
    """A store whose effects have the inverse of an earlier release: the page's texts, and the hash of its body."""

    def __init__(self, inner: Store, **texts: str) -> None:
        self._inner, self._texts = inner, texts

    def effect(self, key: str) -> Effect:
        made: JsonObject = {"operation": "update", "url": PAGE, "if_unchanged": digest_text("known"), **self._texts}
        return replace(self._inner.effect(key), inverse=made)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.mark.parametrize("texts", [{"body": "old text", "title": ""}, {"body": "known", "description": "Old."}])
def test_an_effect_of_an_earlier_release_is_reverted(crash_run: CrashScenario, texts: dict[str, str]) -> None:
    ports = fake_ports(clock=crash_run.clock, cms=crash_run.targets.site)
    store: Any = EarlierRelease(crash_run.opener(), **texts)
    assert asyncio.run(revert(store, ports, key(crash_run, "lookup"), by="ana@example.com")).status == "reverted"
    page = asyncio.run(crash_run.targets.site.read(PAGE))
    assert {name: getattr(page, name) for name in texts} == texts


NEW = "https://site.example/new"


@pytest.fixture
def page_creation() -> CrashScenario:
    """An execution that has created a page."""
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    steps = [{"id": "new", "type": "cms", "operation": "create", "url": NEW, "title": "New", "body": "fresh"}]
    scenario = Scenario(name="makes-a-page", steps=steps, outputs={"hash": "{{ steps.new.output.hash }}"})
    made = CrashScenario(scenario, lambda: store, clock)
    made.run_process(CrashInjector())
    assert made.execution().status == "completed"
    return made


def test_reverting_a_created_page_deletes_it(page_creation: CrashScenario) -> None:
    assert revert_effect(page_creation, "new") == "reverted"
    with pytest.raises(NotFound):
        asyncio.run(page_creation.targets.site.read(NEW))
    assert audit(page_creation.opener()) == ()


def test_a_created_page_that_was_changed_since_is_not_deleted(page_creation: CrashScenario) -> None:
    page_creation.targets.site.put(NEW, "by hand")
    with pytest.raises(Refused, match="changed since"):
        revert_effect(page_creation, "new")
    assert asyncio.run(page_creation.targets.site.read(NEW)).body == "by hand"


def test_a_created_page_of_which_only_the_revision_changed_is_not_deleted(page_creation: CrashScenario) -> None:
    page_creation.targets.site.put(NEW, "fresh", title="New")  # as when a colleague sets a tag
    with pytest.raises(Refused, match="changed since"):
        revert_effect(page_creation, "new")


def test_a_created_page_that_was_deleted_since_counts_as_reverted(page_creation: CrashScenario) -> None:
    asyncio.run(page_creation.targets.site.delete(NEW, if_unchanged=digest_text("fresh")))
    assert revert_effect(page_creation, "new") == "reverted"
