"""Bugs that users of other engines reported: each has a test here, or where `COVERED` names it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flowbuilder.app import App
from flowbuilder.engine.runner import run_execution
from flowbuilder.engine.start import create_execution
from flowbuilder.errors import Conflict, LostLease, Refused, Unavailable
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Execution, Outcome
from flowbuilder.model.review_rules import NO_EDIT, Answer
from flowbuilder.ports import ReviewFilter, Store
from flowbuilder.prefect.runs.state_mapping import suspended
from flowbuilder.settings import Settings
from flowbuilder.store import SqlStore
from flowbuilder.testing import FakeClock, fake_ports
from tests.reliability.conftest import Openers
from tests.reliability.simulation.fault_rates import FaultRates
from tests.reliability.simulation.simulation import simulate
from tests.reliability.simulation.store_factory import StoreFactory
from tests.support.faults.crash_scenario import TTL
from tests.support.faults.crash_workflows import PAGE, SITE, approved, ask, publish, put, read
from tests.support.faults.database_faults import Faults
from tests.support.faults.deterministic_scheduling import deterministic_scheduling
from tests.support.faults.effect_targets import Service, Site

ROOT = Path(__file__).resolve().parents[3]
HERE = "tests/reliability/faults/test_known_bugs_of_peers.py"
COVERED: dict[str, tuple[str, ...]] = {
    "dbos-transact-java#491: a recovery takes over a run that was started in the same millisecond": (
        f"{HERE}::test_an_execution_started_and_reconciled_at_once_runs_once",
    ),
    "dbos-transact-ts#1205: two recoverers wait for one message, and one of them times out": (
        f"{HERE}::test_of_a_decision_and_an_expiry_the_first_counts_for_both_workers",
        "tests/contract/store/test_races.py::test_a_decision_races_an_expiry_and_a_cancellation_and_one_of_them_stands",
    ),
    "dbos-transact-py#805: between two steps a recovered run stalls and keeps its slot": (
        "tests/reliability/crash/test_crash_points.py::test_a_crash_at_any_operation_leads_to_the_same_end",
    ),
    "prefect#18839, #18893: a run is marked as crashed, and its process continues": (
        "tests/contract/store/test_races.py::test_of_two_workers_the_one_that_lost_its_lease_writes_nothing_more",
        "tests/reliability/faults/test_frozen_process.py::test_a_call_does_not_begin_once_another_worker_has_the_lease",
        f"{HERE}::test_a_worker_that_has_lost_its_lease_stops_by_itself",
    ),
    "prefect#18942: a late renewal makes a completed run a crashed one": (
        f"{HERE}::test_late_writes_do_not_change_an_ended_execution",
        "tests/contract/store/test_databases.py::test_an_ended_execution_stays_as_it_ended",
    ),
    "prefect#18933: the worker dies between taking a run and beginning it": (
        f"{HERE}::test_a_worker_that_dies_before_it_starts_costs_one_lease",
    ),
    "prefect#17281: another format of keys repeats every effect": (
        "tests/reliability/restore/test_replay_corpus.py::test_the_keys_of_its_effects_are_the_same_to_the_byte",
    ),
    "prefect#16459: a running run is considered crashed": (
        "tests/reliability/model_checking/test_store_state_machine.py::test_a_store_does_what_the_model_says",
        "tests/contract/store/test_execution_store.py::test_an_execution_held_by_another_worker_cannot_be_claimed",
        "tests/prefect/test_reconciler.py::test_two_reconcilers_and_a_live_holder_run_each_step_once",
    ),
    "airflow#58570: the scheduler dies after it has dispatched a task, and dispatches it again": (
        "tests/reliability/crash/test_crash_points.py::test_a_crash_at_any_operation_leads_to_the_same_end",
        f"{HERE}::test_a_run_that_is_dispatched_twice_runs_once",
    ),
    "airflow#25843, #13808: every scheduler handles the same dead run": (
        "tests/contract/store/test_races.py::test_of_twenty_who_take_over_an_expired_lease_one_does_and_one_death_is_counted",
    ),
    "temporal#771: timers are lost with the memory of a process": (
        f"{HERE}::test_timers_are_restored_in_a_new_process",
    ),
    "temporal#459: a task is lost with the process that was to wake its worker": (
        f"{HERE}::test_without_wake_ups_every_execution_ends",
        "tests/prefect/test_reconciler.py::test_a_decision_whose_wake_up_was_lost_is_found",
    ),
    "temporal#5176, redpanda#31110: a fence is ahead of the committed state": (
        f"{HERE}::test_a_claim_that_was_not_committed_fences_no_worker_out",
    ),
    "langgraph#6663: one question is answered twice, and both answers count": (
        "tests/contract/store/test_races.py::test_of_twenty_who_decide_one_review_exactly_one_wins",
        "tests/reliability/simulation/test_simulation.py::test_under_faults_every_execution_ends_and_no_effect_is_applied_twice",
    ),
    "langgraph#6108: answers find their questions by their order": (
        f"{HERE}::test_two_questions_answered_in_reverse_keep_their_own_answers",
    ),
    "langgraph#6792: steps before a question run again after the answer": (
        f"{HERE}::test_steps_before_a_review_do_not_run_again_after_it",
    ),
    "restate#2655: an invocation stays stuck after the fault has ended": (
        "tests/reliability/simulation/test_simulation.py::test_under_faults_every_execution_ends_and_no_effect_is_applied_twice",
    ),
    "litestream#752, #1164: a backup that cannot be restored, or is damaged": (
        "tests/reliability/restore/test_restore.py::test_a_restored_backup_is_resumed_to_a_valid_end_and_repeats_no_effect",
        "tests/reliability/restore/test_restore.py::test_a_backup_is_complete_while_others_write",
        "tests/reliability/restore/test_restore.py::test_a_damaged_backup_is_refused_and_the_database_stays",
    ),
    "SQLite's WAL-reset bug": (
        "tests/contract/store/test_opening.py::test_releases_with_the_wal_reset_bug_are_known",
        "tests/reliability/interleaving/test_many_processes.py::test_many_processes_write_to_one_file_and_checkpoint_it",
    ),
    "prefect#8880: one run is submitted twice": (f"{HERE}::test_a_run_that_is_dispatched_twice_runs_once",),
    "Prefect 3.8: a crash is reported again a while later, over what was set since": (
        "tests/prefect/test_reconciler.py::test_a_run_that_ended_only_in_prefect_is_rescheduled_after_a_delay",
    ),
    "Prefect 3.8: a run whose worker was killed with it stays running": (
        "tests/prefect/test_workers.py::test_an_execution_of_a_killed_worker_is_resumed_by_the_next",
    ),
    "Prefect 3.8: a retry clears the keys of pauses, and a question is asked again": (
        f"{HERE}::test_no_two_suspensions_share_a_key",
        "tests/prefect/test_executions.py::test_a_resume_without_a_decision_passes_no_review",
    ),
}


@pytest.mark.parametrize("bug", COVERED)
def test_a_bug_of_a_peer_has_its_test(bug: str) -> None:
    for harness in COVERED[bug]:
        file, _, name = harness.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text(), harness


@dataclass
class EngineHarness:
    """A store with one workflow, its targets, and workers with names."""

    store: Store
    clock: FakeClock
    service: Service = field(default_factory=Service)
    site: Site = field(default_factory=lambda: Site({PAGE: "old text"}))

    def start(self, *steps: dict[str, Any], **outputs: str) -> str:
        document = {
            "schema": "flowbuilder/v1", "name": "peer", "title": "Peer", "steps": list(steps), "outputs": outputs,
            "hosts": ["site.example", "service.example"],
        }  # fmt: skip
        self.store.save_site(str(SITE["site"]), SITE)
        version = App(self.store, None, Settings()).push(document)  # type: ignore[arg-type]
        create_execution(self.store, self.clock, execution_id="run", version=version, inputs={}, site=str(SITE["site"]))
        return "run"

    async def run_worker(self, holder: str) -> str:
        """Run the execution in a worker; returns its status, or the name of the error."""
        ports = fake_ports(clock=self.clock, http=self.service, cms=self.site)  # type: ignore[arg-type]
        try:
            settled = await run_execution(self.store, "run", holder=holder, ttl=TTL, ports=ports)
        except (Conflict, Refused) as problem:
            return type(problem).__name__
        return settled.status

    def run_workers(self, *holders: str) -> list[str]:
        """Run several workers at once."""

        async def gather_all() -> list[str]:
            return await asyncio.gather(*(self.run_worker(holder) for holder in holders))

        with deterministic_scheduling():
            return asyncio.run(gather_all())

    def run(self) -> Execution:
        return self.store.execution("run")

    def approve(self, path: str, text: str | None = None) -> None:
        (review,) = [one for one in self.store.reviews(ReviewFilter()).reviews if one.path == path]
        edited = NO_EDIT if text is None else text
        self.store.decide(review.id, Answer.to(review, kind="approved", by="ana@example.com", edited=edited))


@pytest.fixture
def harness(openers: Openers) -> EngineHarness:
    clock = FakeClock()
    return EngineHarness(openers(clock)(), clock)


def test_an_execution_started_and_reconciled_at_once_runs_once(harness: EngineHarness) -> None:
    harness.start(put("keyed"), put("other", depends_on=["keyed"]))
    assert [execution.id for execution in harness.store.ready()] == ["run"]
    assert sorted(harness.run_workers("started", "swept")) == ["Conflict", "completed"]
    assert harness.service.calls == [(what, key) for what, key in dict(harness.service.calls).items()]
    assert harness.run().deaths == 0


@pytest.mark.parametrize("first", ["answer", "timeout"])
def test_of_a_decision_and_an_expiry_the_first_counts_for_both_workers(first: str, harness: EngineHarness) -> None:
    harness.start(ask("review", expires_in="PT1H", on_expire="rejected"), by="{{ steps.review.output.decision }}")
    assert harness.run_workers("w") == ["waiting"]
    # an answer counts until the review expires, also when no worker has expired it yet
    acts: list[tuple[float, Callable[[], Any]]] = [
        (3599 if first == "answer" else 3600, lambda: harness.approve("review")),
        (3600, harness.store.expire_reviews),
    ]
    began = harness.clock.now()
    for seconds, act in acts if first == "answer" else reversed(acts):
        harness.clock.advance(seconds - (harness.clock.now() - began).total_seconds())
        with contextlib.suppress(Conflict, ValueError):
            act()
    ended = harness.run_workers("w-1", "w-2")
    assert "completed" in ended
    assert set(ended) <= {"completed", "Conflict", "Refused"}
    assert harness.run().outputs == {"by": "approved" if first == "answer" else "rejected"}


def test_a_worker_that_has_lost_its_lease_stops_by_itself(harness: EngineHarness) -> None:
    class Slow(Service):
        async def send(self, request: Any) -> Any:
            harness.clock.advance(20)  # the lease expires while it waits, and another worker claims the execution
            harness.store.claim("run", "another", TTL)
            await asyncio.sleep(30)
            raise AssertionError("it was waited for to the end")

    harness.start(read("one"), put("keyed", depends_on=["one"]))
    harness.service = Slow()
    short = timedelta(seconds=0.3)

    async def run_until_lost() -> None:
        ports = fake_ports(clock=harness.clock, http=harness.service)  # type: ignore[arg-type]
        with pytest.raises(LostLease):
            await run_execution(harness.store, "run", holder="w", ttl=short, ports=ports)

    with deterministic_scheduling():
        asyncio.run(asyncio.wait_for(run_until_lost(), 20))
    assert harness.run().holder == "another"


def test_late_writes_do_not_change_an_ended_execution(harness: EngineHarness) -> None:
    harness.start(put("keyed"))
    lease = harness.store.claim("run", "w", TTL)
    harness.store.settle(lease, "completed", events=[NewEvent(type="execution_completed", data={"outputs": {}})])
    for late in (
        lambda: harness.store.renew(lease, TTL),
        lambda: harness.store.renew(replace(lease, epoch=lease.epoch + 1), TTL),
        lambda: harness.store.settle(lease, "failed", events=[]),
        lambda: harness.store.record_outcome(lease, Outcome(path="keyed", status="failed"), []),
        lambda: harness.store.claim("run", "another", TTL),
        lambda: harness.store.request_control("run", "cancel", "ana@example.com"),
    ):
        with pytest.raises((LostLease, Refused)):
            late()
    assert harness.run().status == "completed"


def test_a_worker_that_dies_before_it_starts_costs_one_lease(harness: EngineHarness) -> None:
    harness.start(put("keyed"))
    harness.store.claim("run", "dies", TTL)
    assert harness.store.ready() == ()
    harness.clock.advance(TTL.total_seconds() + 1)
    assert [execution.id for execution in harness.store.ready()] == ["run"]
    assert harness.run_workers("next") == ["completed"]
    assert len(harness.service.calls) == 1


def test_a_run_that_is_dispatched_twice_runs_once(harness: EngineHarness) -> None:
    harness.start(put("keyed"), put("other", depends_on=["keyed"]))
    assert sorted(harness.run_workers("w-1", "w-2")) == ["Conflict", "completed"]
    assert harness.run_workers("w-1") == ["Refused"]  # again, after its end
    assert harness.service.applied == ["PUT /keyed", "PUT /other"]


def test_timers_are_restored_in_a_new_process(openers: Openers) -> None:
    clock = FakeClock()
    opener = openers(clock)
    harness = EngineHarness(opener(), clock, service=Service(failures={"/keyed": 1}))
    harness.start(
        put("keyed", retry={"attempts": 3, "backoff": "constant"}),
        ask("review", expires_in="PT1H", on_expire="approved"),
    )
    assert harness.run_workers("w") == ["waiting"]
    for seconds in (121, 3600):  # Retry-After is 120 s; the review expires after an hour
        harness.store = opener()
        assert harness.store.ready() == ()
        clock.advance(seconds)
        harness.store.expire_reviews()
        assert [execution.id for execution in harness.store.ready()] == ["run"]
        harness.run_workers("w")
    assert harness.run().status == "completed"


def test_without_wake_ups_every_execution_ends(tmp_path: Path) -> None:
    store_factory = StoreFactory(tmp_path)
    for seed in range(5):
        result = simulate(seed, store_factory, rates=replace(FaultRates.none(), lose_wake=1.0))
        assert result.violations == []
        assert set(result.statuses) == {"completed"}
        assert result.fault_counts["a wake-up is lost"] > 0


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_claim_that_was_not_committed_fences_no_worker_out(harness: EngineHarness) -> None:
    harness.start(put("keyed"))
    lease = harness.store.claim("run", "holder", TTL)
    harness.clock.advance(TTL.total_seconds() + 1)
    assert isinstance(harness.store, SqlStore)
    harness.store.database.retry_seconds = 0
    faults = Faults(harness.store, "commit lost", point=1)
    with faults.injected(), pytest.raises(Unavailable):
        harness.store.claim("run", "another", TTL)
    assert faults.fired
    harness.store.database.retry_seconds = 10
    assert harness.run().epoch == lease.epoch
    harness.store.renew(lease, TTL)  # the execution was not taken over
    harness.clock.advance(TTL.total_seconds() + 1)
    assert harness.store.claim("run", "another", TTL).epoch == lease.epoch + 1


def test_two_questions_answered_in_reverse_keep_their_own_answers(harness: EngineHarness) -> None:
    harness.start(ask("first"), ask("second"), first=approved("first"), second=approved("second"))
    assert harness.run_workers("w") == ["waiting"]
    harness.approve("second", "about the second")
    assert harness.run_workers("w") == ["waiting"]
    harness.approve("first", "about the first")
    assert harness.run_workers("w") == ["completed"]
    assert harness.run().outputs == {"first": "about the first", "second": "about the second"}


def test_steps_before_a_review_do_not_run_again_after_it(harness: EngineHarness) -> None:
    harness.start(
        {"id": "bare", "type": "api", "method": "POST", "url": "https://service.example/bare"},
        ask("review", depends_on=["bare"]),
        publish("out", approved("review")),
    )
    assert harness.run_workers("w") == ["waiting"]
    harness.approve("review")
    assert harness.run_workers("another") == ["completed"]
    assert harness.service.applied == ["POST /bare"]
    assert len(harness.site.writes) == 1


def test_no_two_suspensions_share_a_key() -> None:
    keys = {suspended("waits").state_details.pause_key for _ in range(3)}
    assert len(keys) == 3
