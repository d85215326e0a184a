"""T2: the power goes at every write, sync, truncation and deletion that the real store has SQLite do.

Each scenario is run once on a file system that keeps a journal. From it come the disks that losses of power leave
behind, and each must hold what the store had acknowledged by then, and go on to the same end.
"""

from __future__ import annotations

import copy
import itertools
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError

from flowbuilder.audit import audit_rows
from flowbuilder.errors import NotFound
from flowbuilder.store import SqlStore, open_store
from flowbuilder.testing import FakeClock
from tests.reliability.conftest import reopened
from tests.reliability.crash.test_crash_points import wrong
from tests.support.apsw_driver import Driver
from tests.support.crash_injection import CrashInjector
from tests.support.crash_scenario import CrashScenario, Ending
from tests.support.crash_workflows import BY_NAME, SCENARIOS, Scenario
from tests.support.effect_targets import Targets
from tests.support.power_loss import Journal, Kept, RecordingVfs, losses
from tests.support.proof import sample

LOSSES = sample(quick=12, ci=24, thorough=600)
"""Of each scenario, spread over all moments."""
RECOVERIES = sample(quick=1, ci=1, thorough=60)
"""How many of them go on to the end."""
FILE = "flowbuilder.db"


@dataclass(frozen=True)
class Fact:
    """Something that the store has told its caller, who may act on it from then on."""

    kind: str
    where: str
    what: Any


@dataclass(frozen=True)
class Seen:
    """What the world knew at a moment: how many facts, and what a recovery needs."""

    facts: int
    now: datetime
    asked: frozenset[int]
    targets: Targets


class TellingStore(SqlStore):
    """The real store. It notes what it has acknowledged."""

    facts: list[Fact]

    def create_execution(self, execution: Any) -> Any:
        made = super().create_execution(execution)
        self.facts.append(Fact("execution", made.id, None))
        return made

    def record_outcome(self, lease: Any, outcome: Any, events: Any) -> None:
        super().record_outcome(lease, outcome, events)
        self.facts.append(Fact("outcome", outcome.path, (outcome.status, outcome.output, outcome.error)))

    def decide(self, review_id: str, answer: Any) -> Any:
        review = super().decide(review_id, answer)
        self.facts.append(Fact("review", review_id, review.status))
        return review

    def finish_effect(self, lease: Any, key: str, status: Any, **given: Any) -> Any:
        effect = super().finish_effect(lease, key, status, **given)
        self.facts.append(Fact("effect", key, effect.receipt))
        return effect


def kept_by(store: SqlStore, run: str, fact: Fact) -> bool:
    """Whether a store still knows what was told."""
    if fact.kind == "execution":
        return store.execution(fact.where).id == fact.where
    if fact.kind == "outcome":
        found = {outcome.path: (outcome.status, outcome.output, outcome.error) for outcome in store.outcomes(run)}
        return found.get(fact.where) == fact.what
    if fact.kind == "review":
        return store.review(fact.where).status in (fact.what, "decided")
    return fact.what is None or bool(store.effect(fact.where).receipt == fact.what)


@dataclass
class Recording:
    """One scenario, run while the journal was kept."""

    scenario: Scenario
    files: dict[str, bytes]
    journal: Journal = field(default_factory=Journal)
    facts: list[Fact] = field(default_factory=list)
    ending: Ending | None = None


_NAMES = itertools.count()


def record(
    scenario: Scenario,
    template: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    safe: bool = True,
    sabotage: Callable[[SqlStore], None] = lambda _: None,
) -> Recording:
    """Run a scenario on the real store, through apsw and a file system that keeps a journal."""
    folder.mkdir(parents=True)
    shutil.copyfile(template, folder / FILE)
    recording = Recording(scenario, {FILE: (folder / FILE).read_bytes()})
    name, clock = f"recording-{next(_NAMES)}", FakeClock()
    vfs = RecordingVfs(name, recording.journal)

    def opener() -> SqlStore:
        opened = open_store(f"sqlite:///{folder / FILE}", clock=clock)
        sabotage(opened)
        store = TellingStore(opened.database)
        store.facts = recording.facts
        return store

    crash_run = CrashScenario(scenario, opener, clock)
    snapshots: dict[Any, Targets] = {}

    def witness() -> Seen:
        targets = crash_run.targets
        state = (len(targets.site.calls), len(targets.service.calls), *targets.service.failures.values())
        if state not in snapshots:
            snapshots[state] = copy.deepcopy(targets)
        return Seen(len(recording.facts), clock.now(), frozenset(crash_run.asked), snapshots[state])

    recording.journal.witness = witness
    with monkeypatch.context() as patched:
        patched.setattr("flowbuilder.store.db.sqlite.library", lambda: (Driver(name), safe))
        crash_run.live(CrashInjector())
        recording.ending = crash_run.ending()
        crash_run.look_away()
    vfs.unregister()
    return recording


def spread(moments: int, number: int) -> Callable[[int], list[Kept]]:
    """So many losses, spread over the moments; at each all, none or some of what was not synced is left."""
    ways: list[Kept] = ["nothing", "some", "some", "all"]
    wanted: dict[int, list[Kept]] = {}
    for index in range(number):
        wanted.setdefault(index * moments // number, []).append(ways[index % len(ways)])
    return lambda moment: wanted.get(moment, [])


def after(recording: Recording, number: int, place: Path) -> Iterator[tuple[str, Seen]]:
    """Losses of power; the files that each leaves are at the place until the next."""
    moments = len(recording.journal.entries)
    dice = random.Random(recording.scenario.name)
    for moment, seen, kept, image in losses(recording.files, recording.journal, spread(moments, number), dice):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for name, content in image.items():
            (place / name).write_bytes(content)
        entry = recording.journal.entries[moment]
        yield f"before {moment} ({entry.deed} {entry.file}), {kept} kept", seen


def missing(recording: Recording, seen: Seen, store: SqlStore) -> Iterator[str]:
    """What a store does not know any more, or never should have forgotten."""
    try:
        with store.database.engine.connect() as connection:
            said = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    except DatabaseError as problem:
        said = [str(problem.orig)]
    if said != ["ok"]:
        yield f"damaged: {said}"
        return
    for fact in recording.facts[: seen.facts]:
        try:
            kept = kept_by(store, "run", fact)
        except NotFound:
            kept = False
        if not kept:
            yield f"forgotten: {fact}"
    ledger = {effect.key for effect in store.effects("run")}
    for key in seen.targets.keyed_calls():
        if key not in ledger:
            yield f"a call without an intent: {key}"
    yield from (str(finding) for finding in audit_rows(store))


def examine(recording: Recording, number: int, folder: Path, *, recoveries: int) -> tuple[int, list[str]]:
    """How many losses were tried, and what was wrong after them."""
    problems: list[str] = []
    tried = 0
    clock = FakeClock()
    (folder / "eyes").mkdir(parents=True)
    shutil.copyfile(folder.parent / "recorded" / FILE, folder / "eyes" / FILE)
    open_again = reopened(f"sqlite:///{folder / 'eyes' / FILE}", clock)
    for tried, (where, seen) in enumerate(after(recording, number, folder / "eyes"), start=1):
        clock.advance((seen.now - clock.now()).total_seconds())
        if goes_on := tried * recoveries // number > (tried - 1) * recoveries // number:
            shutil.copytree(folder / "eyes", folder / f"lost-{tried}")
        store = open_again()
        assert isinstance(store, SqlStore)
        found = list(missing(recording, seen, store))
        store.close()
        if goes_on and not found:
            found = list(not_as_without(recording, seen, folder / f"lost-{tried}" / FILE))
        problems += [f"{where}: {said}" for said in found]
    return tried, problems


def not_as_without(recording: Recording, seen: Seen, file: Path) -> Iterator[str]:
    """How an execution ends otherwise that goes on after a loss."""
    clock = FakeClock(seen.now)
    clock.advance(60)
    crash_run = CrashScenario(recording.scenario, partial(open_store, f"sqlite:///{file}", clock=clock), clock)
    crash_run.targets, crash_run.asked, crash_run.lives = copy.deepcopy(seen.targets), set(seen.asked), 1
    crash_run.live(CrashInjector())
    assert recording.ending is not None
    yield from wrong(crash_run, recording.ending)
    crash_run.look_away()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_what_was_acknowledged_survives_the_power(
    scenario: Scenario, sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = record(scenario, sqlite_template, tmp_path / "recorded", monkeypatch)
    assert recording.ending is not None
    assert recording.ending.status == scenario.status
    assert {entry.deed for entry in recording.journal.entries} >= {"write", "sync", "delete"}
    tried, problems = examine(recording, LOSSES, tmp_path / "lost", recoveries=RECOVERIES)
    assert problems == []
    assert tried == LOSSES


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["straight", "reviewed", "three-targets"])
def test_so_it_does_with_a_rollback_journal(
    name: str, sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = record(BY_NAME[name], sqlite_template, tmp_path / "recorded", monkeypatch, safe=False)
    assert any(entry.file.endswith("-journal") for entry in recording.journal.entries)
    tried, problems = examine(recording, LOSSES, tmp_path / "lost", recoveries=RECOVERIES)
    assert problems == []
    assert tried == LOSSES


def _synchronous(level: str) -> Callable[[SqlStore], None]:
    def sabotage(store: SqlStore) -> None:
        store.database.engine.dispose()
        event.listen(store.database.engine, "connect", lambda connection, _: _run(connection, f"synchronous={level}"))

    return sabotage


def _run(connection: Any, pragma: str) -> None:
    connection.cursor().execute(f"PRAGMA {pragma}")


@pytest.mark.parametrize("level", ["NORMAL", "OFF"])
def test_without_full_syncs_acknowledged_outcomes_are_lost_and_calls_have_no_intent(
    level: str, sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = record(
        BY_NAME["three-targets"], sqlite_template, tmp_path / "recorded", monkeypatch, sabotage=_synchronous(level)
    )
    tried, problems = examine(recording, 60, tmp_path / "lost", recoveries=0)
    losing = {where for where, _, said in (text.partition(": ") for text in problems) if "forgotten" in said}
    assert len(losing) > tried // 3
    assert any("a call without an intent" in problem for problem in problems)
    assert any("damaged" in problem for problem in problems) == (level == "OFF")


def test_a_disk_that_only_says_that_it_synced_is_noticed(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = record(BY_NAME["straight"], sqlite_template, tmp_path / "recorded", monkeypatch)
    honest = recording.journal.entries
    recording.journal.entries = [entry for entry in honest if entry.deed != "sync"]
    _, problems = examine(recording, 30, tmp_path / "lost", recoveries=0)
    assert any("forgotten" in problem for problem in problems)
