"""G5: a power loss at every write, sync, truncation and deletion that SQLite makes for the store.

Each scenario runs once on a file system that keeps a journal. From the journal the test builds the disks that power
losses leave behind. Each must contain all acknowledged writes, and the execution must resume to the same end.
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
from tests.reliability.crash.test_crash_points import differences
from tests.support.faults.apsw_driver import Driver
from tests.support.faults.crash_injection import CrashInjector
from tests.support.faults.crash_scenario import CrashScenario, Ending
from tests.support.faults.crash_workflows import BY_NAME, SCENARIOS, Scenario
from tests.support.faults.effect_targets import Targets
from tests.support.faults.power_loss import Journal, Kept, RecordingVfs, losses
from tests.support.proof import sample

LOSSES = sample(quick=6, ci=24, thorough=600)
"""Power losses of each scenario, spread over all moments."""
RECOVERIES = sample(quick=1, ci=1, thorough=60)
"""The number of them that are resumed to the end."""
FILE = "flowbuilder.db"


@dataclass(frozen=True)
class Fact:
    """A write that the store has acknowledged to its caller, who may rely on it."""

    kind: str
    where: str
    what: Any


@dataclass(frozen=True)
class Snapshot:
    """The state at a moment: the number of acknowledged facts, and what a recovery needs."""

    facts: int
    now: datetime
    requested: frozenset[int]
    targets: Targets


class AcknowledgingStore(SqlStore):
    """The real store, which also records what it has acknowledged."""

    facts: list[Fact]

    def create_execution(self, execution: Any, **sensitive: Any) -> Any:
        made = super().create_execution(execution, **sensitive)
        self.facts.append(Fact("execution", made.id, None))
        return made

    def record_outcome(self, lease: Any, outcome: Any, events: Any) -> None:
        super().record_outcome(lease, outcome, events)
        self.facts.append(Fact("outcome", outcome.path, (outcome.status, outcome.output, outcome.error)))

    def decide(self, review_id: str, answer: Any, **given: Any) -> Any:
        review = super().decide(review_id, answer, **given)
        self.facts.append(Fact("review", review_id, review.status))
        return review

    def finish_effect(self, lease: Any, key: str, status: Any, **given: Any) -> Any:
        effect = super().finish_effect(lease, key, status, **given)
        self.facts.append(Fact("effect", key, effect.receipt))
        return effect


def is_kept(store: SqlStore, run: str, fact: Fact) -> bool:
    """Whether a store still has an acknowledged write."""
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
    """A scenario that was run with a journal."""

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
    weaken: Callable[[SqlStore], None] = lambda _: None,
) -> Recording:
    """Run a scenario on the real store, through apsw and a file system that keeps a journal."""
    folder.mkdir(parents=True)
    shutil.copyfile(template, folder / FILE)
    recording = Recording(scenario, {FILE: (folder / FILE).read_bytes()})
    name, clock = f"recording-{next(_NAMES)}", FakeClock()
    vfs = RecordingVfs(name, recording.journal)

    def opener() -> SqlStore:
        opened = open_store(f"sqlite:///{folder / FILE}", clock=clock)
        weaken(opened)
        store = AcknowledgingStore(opened.database)
        store.facts = recording.facts
        return store

    crash_run = CrashScenario(scenario, opener, clock)
    snapshots: dict[Any, Targets] = {}

    def take_snapshot() -> Snapshot:
        targets = crash_run.targets
        state = (len(targets.site.calls), len(targets.service.calls), *targets.service.failures.values())
        if state not in snapshots:
            snapshots[state] = copy.deepcopy(targets)
        return Snapshot(len(recording.facts), clock.now(), frozenset(crash_run.requested), snapshots[state])

    recording.journal.take_snapshot = take_snapshot
    with monkeypatch.context() as patched:
        patched.setattr("flowbuilder.store.db.sqlite.library", lambda: (Driver(name), safe))
        crash_run.run_process(CrashInjector())
        recording.ending = crash_run.ending()
        crash_run.close_observer()
    vfs.unregister()
    return recording


def spread(moments: int, number: int) -> Callable[[int], list[Kept]]:
    """So many losses, spread over the moments; after each, all, none or some of the unsynced operations survive."""
    ways: list[Kept] = ["nothing", "some", "some", "all"]
    wanted: dict[int, list[Kept]] = {}
    for index in range(number):
        wanted.setdefault(index * moments // number, []).append(ways[index % len(ways)])
    return lambda moment: wanted.get(moment, [])


def after_losses(recording: Recording, number: int, place: Path) -> Iterator[tuple[str, Snapshot]]:
    """Power losses, one after the other; the folder `place` holds the files that each leaves behind."""
    moments = len(recording.journal.operations)
    rng = random.Random(recording.scenario.name)
    for moment, snapshot, kept, image in losses(recording.files, recording.journal, spread(moments, number), rng):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for name, content in image.items():
            (place / name).write_bytes(content)
        operation = recording.journal.operations[moment]
        yield f"before {moment} ({operation.kind} {operation.file}), {kept} kept", snapshot


def lost_facts(recording: Recording, snapshot: Snapshot, store: SqlStore) -> Iterator[str]:
    """Acknowledged facts that are lost, calls without an intent, and damage."""
    try:
        with store.database.engine.connect() as connection:
            said = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    except DatabaseError as problem:
        said = [str(problem.orig)]
    if said != ["ok"]:
        yield f"damaged: {said}"
        return
    for fact in recording.facts[: snapshot.facts]:
        try:
            kept = is_kept(store, "run", fact)
        except NotFound:
            kept = False
        if not kept:
            yield f"lost: {fact}"
    ledger = {effect.key for effect in store.effects("run")}
    for key in snapshot.targets.keyed_calls():
        if key not in ledger:
            yield f"a call without an intent: {key}"
    yield from (str(finding) for finding in audit_rows(store))


def check_losses(recording: Recording, number: int, folder: Path, *, recoveries: int) -> tuple[int, list[str]]:
    """The number of losses tried, and the problems found."""
    problems: list[str] = []
    tried = 0
    clock = FakeClock()
    (folder / "observed").mkdir(parents=True)
    shutil.copyfile(folder.parent / "recorded" / FILE, folder / "observed" / FILE)
    open_again = reopened(f"sqlite:///{folder / 'observed' / FILE}", clock)
    for tried, (where, snapshot) in enumerate(after_losses(recording, number, folder / "observed"), start=1):
        clock.advance((snapshot.now - clock.now()).total_seconds())
        if recovers := tried * recoveries // number > (tried - 1) * recoveries // number:
            shutil.copytree(folder / "observed", folder / f"lost-{tried}")
        store = open_again()
        assert isinstance(store, SqlStore)
        found = list(lost_facts(recording, snapshot, store))
        store.close()
        if recovers and not found:
            found = list(recovery_differences(recording, snapshot, folder / f"lost-{tried}" / FILE))
        problems += [f"{where}: {said}" for said in found]
    return tried, problems


def recovery_differences(recording: Recording, snapshot: Snapshot, file: Path) -> Iterator[str]:
    """The differences between the ends of an execution with and without a power loss."""
    clock = FakeClock(snapshot.now)
    clock.advance(60)
    crash_run = CrashScenario(recording.scenario, partial(open_store, f"sqlite:///{file}", clock=clock), clock)
    crash_run.targets, crash_run.requested, crash_run.process_count = (
        copy.deepcopy(snapshot.targets),
        set(snapshot.requested),
        1,
    )
    crash_run.run_process(CrashInjector())
    assert recording.ending is not None
    yield from differences(crash_run, recording.ending)
    crash_run.close_observer()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_acknowledged_writes_survive_a_power_loss(
    scenario: Scenario, sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = record(scenario, sqlite_template, tmp_path / "recorded", monkeypatch)
    assert recording.ending is not None
    assert recording.ending.status == scenario.status
    assert {operation.kind for operation in recording.journal.operations} >= {"write", "sync", "delete"}
    tried, problems = check_losses(recording, LOSSES, tmp_path / "lost", recoveries=RECOVERIES)
    assert problems == []
    assert tried == LOSSES


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["straight", "reviewed", "three-targets"])
def test_acknowledged_writes_survive_a_power_loss_with_a_rollback_journal(
    name: str, sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = record(BY_NAME[name], sqlite_template, tmp_path / "recorded", monkeypatch, safe=False)
    assert any(operation.file.endswith("-journal") for operation in recording.journal.operations)
    tried, problems = check_losses(recording, LOSSES, tmp_path / "lost", recoveries=RECOVERIES)
    assert problems == []
    assert tried == LOSSES


def _synchronous(level: str) -> Callable[[SqlStore], None]:
    def weaken(store: SqlStore) -> None:
        store.database.engine.dispose()
        event.listen(store.database.engine, "connect", lambda connection, _: _run(connection, f"synchronous={level}"))

    return weaken


def _run(connection: Any, pragma: str) -> None:
    connection.cursor().execute(f"PRAGMA {pragma}")


@pytest.mark.parametrize("level", ["NORMAL", "OFF"])
def test_without_full_syncs_acknowledged_outcomes_are_lost_and_calls_have_no_intent(
    level: str, sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = record(
        BY_NAME["three-targets"], sqlite_template, tmp_path / "recorded", monkeypatch, weaken=_synchronous(level)
    )
    tried, problems = check_losses(recording, 60, tmp_path / "lost", recoveries=0)
    losing = {where for where, _, said in (text.partition(": ") for text in problems) if "lost" in said}
    assert len(losing) > tried // 3
    assert any("a call without an intent" in problem for problem in problems)
    assert any("damaged" in problem for problem in problems) == (level == "OFF")


def test_a_disk_that_ignores_syncs_is_noticed(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = record(BY_NAME["straight"], sqlite_template, tmp_path / "recorded", monkeypatch)
    honest = recording.journal.operations
    recording.journal.operations = [operation for operation in honest if operation.kind != "sync"]
    _, problems = check_losses(recording, 30, tmp_path / "lost", recoveries=0)
    assert any("lost" in problem for problem in problems)
