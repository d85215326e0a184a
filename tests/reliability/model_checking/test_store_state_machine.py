"""G6: a model made of dictionaries says what each call of a store must do; hypothesis searches for a difference.

Old leases and stale tabs keep being used: they reveal a missing fence.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from flowbuilder.audit import audit_rows
from flowbuilder.errors import Conflict, LostLease, Refused
from flowbuilder.model.effect import Intent
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import TERMINAL, Lease, Outcome
from flowbuilder.model.review import Assignment, Review, ReviewRequest
from flowbuilder.model.review_rules import Answer
from flowbuilder.ports import Store
from flowbuilder.store import open_store, upgrade
from flowbuilder.testing import FakeClock, MemoryStore
from tests.support.proof import THOROUGH, sample
from tests.support.store_contract import TTL, StoreHarness

EXAMPLES, STEPS = sample(quick=(40, 50), ci=(200, 50), thorough=(20_000, 100))
WORKERS = st.sampled_from(["w1", "w2", "w3"])
RUNS = st.sampled_from(["run-1", "run-2"])
PEOPLE = st.sampled_from(["ana", "ben", "cat"])


@dataclass
class Model:
    """The expected state of an execution."""

    status: str = "queued"
    epoch: int = 0
    holder: str | None = None
    until: float = 0.0
    deaths: int = 0
    control: str | None = None
    outcomes: set[str] = field(default_factory=set)
    effects: dict[str, str] = field(default_factory=dict)


class StoreMachine(RuleBasedStateMachine):
    """The base of the state machines: a store, and a clock that moves forward."""

    store: Store
    template: Path | None = None

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.now = 0.0
        self.folder: str | None = None
        if self.template is None:
            self.store = MemoryStore(clock=self.clock)
        else:
            self.folder = tempfile.mkdtemp(prefix="flowbuilder-machine-", dir=_memory())
            file = Path(self.folder) / "machine.db"
            shutil.copyfile(self.template, file)
            self.store = open_store(f"sqlite:///{file}", clock=self.clock, durable=False)
        self.harness = StoreHarness(self.store, self.clock)

    def teardown(self) -> None:
        assert [str(finding) for finding in audit_rows(self.store)] == []
        if self.folder is not None:
            self.store.close()  # type: ignore[attr-defined]
            shutil.rmtree(self.folder)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.now += seconds


class Leases(StoreMachine):
    """Claims, renewals, outcomes, effects, control requests, and workers that die."""

    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.models = {name: Model() for name in ("run-1", "run-2")}
        for name in self.models:
            self.harness.create_execution(name)

    @rule(seconds=st.sampled_from([0.0, 5.0, 14.9, 15.1, 3600.0]))
    def tick(self, seconds: float) -> None:
        self.pass_time(seconds)

    @rule(target=leases, run=RUNS, worker=WORKERS)
    def claim(self, run: str, worker: str) -> Any:
        model = self.models[run]
        held = model.holder is not None and model.until > self.now
        died = model.holder not in (None, worker) and not held
        if model.status in TERMINAL or model.status == "paused":
            with pytest.raises(Refused):
                self.store.claim(run, worker, TTL)
            return multiple()
        if held and model.holder != worker:
            with pytest.raises(Conflict):
                self.store.claim(run, worker, TTL)
            return multiple()
        model.epoch += 1
        if died and model.deaths == 2:
            with pytest.raises(Refused):
                self.store.claim(run, worker, TTL)
            model.status = "cancelled" if model.control == "cancel" else "paused"
            model.deaths, model.holder, model.control = 3, None, None
            return multiple()
        lease = self.store.claim(run, worker, TTL)
        assert lease == Lease(execution_id=run, holder=worker, epoch=model.epoch)
        model.status, model.holder, model.until = "running", worker, self.now + 15
        model.deaths += died
        return lease

    def holds_lease(self, lease: Lease) -> bool:
        model = self.models[lease.execution_id]
        return model.epoch == lease.epoch and model.status not in TERMINAL

    @rule(lease=leases)
    def renew(self, lease: Lease) -> None:
        if not self.holds_lease(lease):
            with pytest.raises(LostLease):
                self.store.renew(lease, TTL)
            return
        self.store.renew(lease, TTL)
        self.models[lease.execution_id].until = self.now + 15

    @rule(lease=leases, path=st.sampled_from(["a", "b", "c"]))
    def finish(self, lease: Lease, path: str) -> None:
        model = self.models[lease.execution_id]
        outcome, event = Outcome(path=path, status="completed"), NewEvent(type="step_completed", path=path)
        if not self.holds_lease(lease):
            with pytest.raises(LostLease):
                self.store.record_outcome(lease, outcome, [event])
        elif path in model.outcomes:
            with pytest.raises(Conflict):
                self.store.record_outcome(lease, outcome, [event])
        else:
            self.store.record_outcome(lease, outcome, [event])
            model.outcomes.add(path)
            model.deaths = 0

    @rule(lease=leases, key=st.sampled_from(["k1", "k2"]))
    def begin_effect(self, lease: Lease, key: str) -> None:
        model, key = self.models[lease.execution_id], f"{lease.execution_id}-{key}"

        def begin() -> Any:
            return self.store.begin_effect(
                lease, Intent(key=key, path="a", target="t", target_class="neither", request_hash="h")
            )

        if not self.holds_lease(lease):
            with pytest.raises(LostLease):
                begin()
        elif model.effects.get(key) in (None, "refused") and model.control == "cancel":
            with pytest.raises(Refused):
                begin()
        else:
            effect = begin()
            assert effect.resumed == (model.effects.get(key) not in (None, "refused"))
            if not effect.resumed:
                model.effects[key] = "intended"
            assert effect.status == model.effects[key]

    @rule(lease=leases, key=st.sampled_from(["k1", "k2"]), how=st.sampled_from(["done", "unknown", "refused"]))
    def finish_effect(self, lease: Lease, key: str, how: Any) -> None:
        model, key = self.models[lease.execution_id], f"{lease.execution_id}-{key}"
        receipt = {"of": lease.epoch} if how == "done" else None
        if key not in model.effects and self.holds_lease(lease):
            return
        if not self.holds_lease(lease):
            with pytest.raises(LostLease):
                self.store.finish_effect(lease, key, how, receipt=receipt)
        elif model.effects[key] == "done" and self.store.effect(key).receipt != receipt:
            with pytest.raises(Conflict):
                self.store.finish_effect(lease, key, how, receipt=receipt)
        else:
            self.store.finish_effect(lease, key, how, receipt=receipt)
            model.effects[key] = how if model.effects[key] != "done" else "done"

    @rule(run=RUNS, control=st.sampled_from(["pause", "cancel", None]))
    def request_control(self, run: str, control: Any) -> None:
        model = self.models[run]
        held = model.holder is not None and model.until > self.now
        if model.status in TERMINAL and not (model.status == "cancelled" and control == "cancel"):
            with pytest.raises(Refused):
                self.store.request_control(run, control, "ana")
            return
        if control is None and model.control == "cancel":
            with pytest.raises(Refused):
                self.store.request_control(run, control, "ana")
            return
        self.store.request_control(run, control, "ana")
        if model.status in TERMINAL:
            return
        if control is None:
            model.control = None
            if model.status == "paused":
                model.status, model.holder, model.deaths = "queued", None, 0
                model.epoch += 1
        elif held:
            model.control = "cancel" if "cancel" in (control, model.control) else control
        elif not (control == "pause" and (model.status == "paused" or model.control == "cancel")):
            model.status = "cancelled" if control == "cancel" else "paused"
            model.control, model.holder = None, None
            model.epoch += 1

    @rule(lease=consumes(leases), status=st.sampled_from(["waiting", "completed", "failed", "queued", "paused"]))
    def release(self, lease: Lease, status: Any) -> None:
        model = self.models[lease.execution_id]
        if not self.holds_lease(lease):
            with pytest.raises(LostLease):
                self.store.settle(lease, status, events=[])
            return
        self.store.settle(lease, status, events=[])
        if status not in TERMINAL and model.control is not None:
            status = "cancelled" if model.control == "cancel" else "paused"
        model.status, model.holder, model.control = status, None, None
        model.epoch += 1

    @invariant()
    def the_store_agrees_with_the_model(self) -> None:
        for name, model in self.models.items():
            found = self.store.execution(name)
            assert (found.status, found.epoch, found.holder, found.deaths, found.control) == (
                model.status, model.epoch, model.holder, model.deaths, model.control,
            )  # fmt: skip
            assert {outcome.path for outcome in self.store.outcomes(name)} == model.outcomes

    @invariant()
    def runnable_executions_without_a_lease_are_ready(self) -> None:
        ready = {execution.id for execution in self.store.ready()}
        for name, model in self.models.items():
            lapsed = model.holder is not None and model.until <= self.now
            assert (name in ready) == (lapsed or model.status == "queued"), model


class Reviews(StoreMachine):
    """Reviews that are opened, shown in tabs, decided, held, undone, claimed and expired, while their execution may
    end."""

    tabs = Bundle("tabs")

    def __init__(self) -> None:
        super().__init__()
        self.lease: Lease | None = self.harness.claim()
        self.decided: dict[str, tuple[str, str]] = {}
        self.held: dict[str, tuple[str, str, float]] = {}
        self.opened: dict[str, Review] = {}
        self.expires_at: dict[str, float] = {}
        self.escalated: set[str] = set()
        self.approvals: dict[str, list[str]] = {}
        self.proposals: dict[str, tuple[Any, str | None]] = {}
        self.before_edit: dict[str, tuple[tuple[Any, str | None], list[str]]] = {}
        self.versions: dict[str, int] = {}

    @rule(seconds=st.sampled_from([0.0, 1.0, 61.0, 3600.0]))
    def tick(self, seconds: float) -> None:
        self.pass_time(seconds)

    @rule(
        number=st.integers(0, 3), expires=st.sampled_from([None, 60.0]), quorum=st.integers(1, 2),
        on_expire=st.sampled_from(["approved", "rejected", "withdrawn", "escalate"]),
    )  # fmt: skip
    def open(self, number: int, expires: float | None, quorum: int, on_expire: Any) -> None:
        if self.lease is None:
            return
        request = ReviewRequest(
            title=f"Review {number}?", proposal=number, expires_in=expires, on_expire=on_expire,
            assign=Assignment(quorum=quorum),
        )  # fmt: skip
        path = f"r{number}"
        review = self.store.open_review(self.lease, path, request)
        if path in self.opened:
            assert review.id == self.opened[path].id
            return
        self.opened[path] = review
        self.versions[path], self.approvals[path] = 1, []
        self.proposals[path] = number, None
        if expires is not None:
            self.expires_at[path] = self.now + expires

    @rule(target=tabs, number=st.integers(0, 3))
    def look(self, number: int) -> Any:
        path = f"r{number}"
        return self.store.review(self.opened[path].id) if path in self.opened else multiple()

    @rule(
        tab=tabs, person=PEOPLE, kind=st.sampled_from(["approved", "rejected"]), hold=st.sampled_from([0.0, 0.0, 10.0])
    )
    def decide(self, tab: Review, person: str, kind: Any, hold: float) -> None:
        path = tab.path
        request = self.opened[path].request

        def act() -> Review:
            answer = Answer.to(tab, kind=kind, by=person, comment="so")
            return self.store.decide(tab.id, answer, hold=timedelta(seconds=hold))

        seen = tab.version == self.versions[path]
        if path in self.decided or path in self.held or not seen or self.is_expired(path):
            with pytest.raises(Conflict):
                act()
        elif kind == "approved" and person in self.approvals[path]:
            with pytest.raises(Refused):
                act()
        elif kind == "approved" and len(self.approvals[path]) + 1 < request.assign.quorum:
            assert act().status == "open"
            self.approvals[path].append(person)
            self.versions[path] += 1
        else:
            assert act().status == "decided"
            self.versions[path] += 1
            if hold:
                self.held[path] = (kind, person, self.now + hold)
            else:
                self.decided[path] = (kind, person)

    @rule(tab=tabs, person=PEOPLE, text=st.sampled_from(["a", "b"]))
    def edit(self, tab: Review, person: str, text: str) -> None:
        path = tab.path
        seen = tab.version == self.versions[path]
        open_now = path not in self.decided and path not in self.held and not self.is_expired(path)
        if not (seen and open_now) or self.opened[path].request.assign.quorum < 2 or self.proposals[path][0] == text:
            return  # `decide` has these cases
        edited = self.store.decide(tab.id, Answer.to(tab, kind="approved", by=person, edited=text))
        self.before_edit[path] = self.proposals[path], self.approvals[path]
        self.proposals[path], self.approvals[path] = (text, person), [person]
        self.versions[path] += 1
        assert (edited.status, edited.request.proposal) == ("open", text)

    def is_expired(self, path: str) -> bool:
        """Whether a review has passed its `expires_at`: it takes no answer, also while it is open."""
        return self.expires_at.get(path, self.now + 1) <= self.now

    @rule(tab=tabs, person=PEOPLE)
    def undo(self, tab: Review, person: str) -> None:
        _, by, until = self.held.get(tab.path, ("", "", 0.0))
        is_open = tab.path not in self.held and tab.path not in self.decided
        if is_open and self.approvals[tab.path][-1:] == [person]:  # short of the quorum
            if self.proposals[tab.path][1] != person:
                self.approvals[tab.path].pop()
            elif tab.path in self.before_edit:
                self.proposals[tab.path], self.approvals[tab.path] = self.before_edit.pop(tab.path)
            else:
                with pytest.raises(Conflict):
                    self.store.undo_decision(tab.id, person)
                return
            opened = self.store.undo_decision(tab.id, person)
            assert (opened.request.proposal, opened.amended_by) == self.proposals[tab.path]
            self.versions[tab.path] += 1
            assert (opened.version, opened.approvals) == (self.versions[tab.path], tuple(self.approvals[tab.path]))
            return
        if person != by or until <= self.now:
            with pytest.raises(Conflict):
                self.store.undo_decision(tab.id, person)
            return
        opened = self.store.undo_decision(tab.id, person)
        del self.held[tab.path]
        self.versions[tab.path] += 1
        assert (opened.status, opened.version) == ("open", self.versions[tab.path])

    @rule()
    def release(self) -> None:
        due = {path for path, (_, _, until) in self.held.items() if until <= self.now}
        assert {review.path for review in self.store.release_decisions()} == due
        for path in due:
            kind, person, _ = self.held.pop(path)
            self.decided[path] = (kind, person)

    @rule(tab=tabs, person=PEOPLE)
    def claim(self, tab: Review, person: str) -> None:
        current = self.store.review(tab.id)
        taken = current.claimed_by not in (None, person) and (current.claimed_until or 0) > self.clock.now()  # type: ignore[operator]
        if tab.path in self.decided or tab.path in self.held or taken or self.is_expired(tab.path):
            with pytest.raises(Conflict):
                self.store.claim_review(tab.id, person, TTL)
            return
        claimed = self.store.claim_review(tab.id, person, TTL)
        self.versions[tab.path] += current.claimed_by != person
        assert claimed.version == self.versions[tab.path]

    @rule()
    def expire(self) -> None:
        closed = self.decided.keys() | self.held.keys()
        due = {path for path, at in self.expires_at.items() if at <= self.now and path not in closed}
        changed = self.store.expire_reviews()
        assert {review.path for review in changed} == due
        for review in changed:
            if review.status == "open":
                self.escalated.add(review.path)
                self.expires_at[review.path] = self.now + 120.0
                self.versions[review.path] += 1
            else:
                on_expire = self.opened[review.path].request.on_expire
                expected = "withdrawn" if on_expire == "escalate" else on_expire
                assert on_expire != "escalate" or review.path in self.escalated
                self.decided[review.path] = (expected, "flowbuilder")

    @rule(how=st.sampled_from(["completed", "cancel", "waiting"]))
    def end(self, how: Any) -> None:
        if self.lease is None:
            return
        self.store.renew(self.lease, TTL)
        if how == "waiting":
            self.store.settle(self.lease, "waiting", events=[])
            self.lease = self.store.claim("run-1", "worker-1", TTL)
            return
        if how == "cancel":
            self.store.request_control("run-1", "cancel", "ana")
        self.store.settle(self.lease, "waiting" if how == "cancel" else "completed", events=[])
        cancelled = self.store.execution("run-1").status in TERMINAL
        assert cancelled
        self.lease = None
        for path, (kind, person, _) in self.held.items():
            self.decided[path] = (kind, person)
        self.held.clear()
        for path in self.opened.keys() - self.decided.keys():
            self.decided[path] = ("withdrawn", "flowbuilder")

    @invariant()
    def decisions_agree_with_the_model(self) -> None:
        made = {path: (decision.kind, decision.by) for path, decision in self.store.decisions("run-1").items()}
        assert made == self.decided
        left = len(self.opened) - len(self.decided) - len(self.held)
        assert self.store.pending_counts() == ({"refresh": left} if left else {})


class Starts(StoreMachine):
    """Executions that are started repeatedly, under two ids, of changing versions."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, Any] = {}

    @rule(run=st.sampled_from(["a", "b", "c"]), seconds=st.sampled_from([0.0, 1.0]))
    def start(self, run: str, seconds: float) -> None:
        self.pass_time(seconds)
        made = self.harness.create_execution(run)
        assert made == self.known.setdefault(run, made)

    @rule(run=st.sampled_from(["a", "b", "c"]))
    def work(self, run: str) -> None:
        if run in self.known and self.known[run].status == "queued":
            self.store.settle(self.store.claim(run, "w", TTL), "completed", events=[])
            self.known[run] = self.store.execution(run)

    @rule(digest=st.sampled_from(["d1", "d2", "d3"]))
    def push(self, digest: str) -> None:
        before = self.store.latest_version("refresh")
        after = self.store.save_version(name="refresh", title="R", document={}, source="", digest=digest)
        same = before.digest == digest and before.status != "archived"
        assert after.number == before.number + (0 if same else 1)

    @rule()
    def publish(self) -> None:
        latest = self.store.latest_version("refresh")
        if latest.status != "archived":
            assert self.store.publish("refresh").number == latest.number
        published = [version for version in self.store.versions("refresh") if version.status == "published"]
        assert len(published) <= 1

    @invariant()
    def there_is_one_execution_an_id(self) -> None:
        for run, made in self.known.items():
            assert self.store.execution(run) == made
            assert [event.type for event in self.store.events(run)].count("execution_started") == 1


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database."""
    file = tmp_path_factory.mktemp("machines") / "template.db"
    upgrade(f"sqlite:///{file}")
    return file


@pytest.mark.timeout(0 if THOROUGH else 170)
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize("machine", [Leases, Reviews, Starts])
def test_a_store_does_what_the_model_says(machine: type[StoreMachine], kind: str, template: Path) -> None:
    examples = EXAMPLES if kind == "memory" or THOROUGH else EXAMPLES // 10
    found = type(machine.__name__, (machine,), {"template": template if kind == "sqlite" else None})
    run_state_machine_as_test(
        found,  # type: ignore[arg-type]
        settings=settings(
            max_examples=examples, stateful_step_count=STEPS, deadline=None, database=None,
            suppress_health_check=list(HealthCheck), derandomize=not THOROUGH,
        ),
    )  # fmt: skip
