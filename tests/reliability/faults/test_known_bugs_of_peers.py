"""What has gone wrong in other engines, as their users reported it: each is tried here, or where `COVERED` says."""

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
from tests.reliability.simulation.action_mixes import Mix
from tests.reliability.simulation.simulation import simulate
from tests.reliability.simulation.store_factory import StoreFactory
from tests.support.crash_scenario import TTL
from tests.support.crash_workflows import PAGE, SITE, approved, ask, publish, put, read
from tests.support.deterministic_scheduling import deterministic_scheduling
from tests.support.effect_targets import Service, Site
from tests.support.injected_faults import Faults

ROOT = Path(__file__).resolve().parents[3]
HERE = "tests/reliability/faults/test_known_bugs_of_peers.py"
COVERED: dict[str, tuple[str, ...]] = {
    "dbos-transact-java#491: a recovery adopts what was started in the same millisecond": (
        f"{HERE}::test_what_is_started_and_swept_in_one_moment_runs_once",
    ),
    "dbos-transact-ts#1205: two recoverers wait for one message, and one of them times out": (
        f"{HERE}::test_of_an_answer_and_a_timeout_one_counts_for_two_workers",
        "tests/contract/store/test_races.py::test_a_decision_races_an_expiry_and_a_cancellation_and_one_of_them_stands",
    ),
    "dbos-transact-py#805: between two steps a recovered run stands still and keeps its place": (
        "tests/reliability/crash/test_crash_points.py::test_whatever_operation_a_process_dies_at_the_next_one_brings_it_to_the_same_end",
    ),
    "prefect#18839, #18893: marked as crashed, and the process lives on": (
        "tests/contract/store/test_races.py::test_of_two_workers_the_one_that_lost_its_lease_writes_nothing_more",
        "tests/reliability/faults/test_frozen_process.py::test_a_call_does_not_begin_when_another_worker_has_the_execution_by_then",
        f"{HERE}::test_a_worker_that_has_lost_its_lease_stops_by_itself",
    ),
    "prefect#18942: a late renewal makes a completed run a crashed one": (
        f"{HERE}::test_nothing_that_comes_late_changes_an_end",
        "tests/contract/store/test_databases.py::test_an_ended_execution_stays_as_it_ended",
    ),
    "prefect#18933: the worker dies between taking a run and beginning it": (
        f"{HERE}::test_a_worker_that_dies_before_it_begins_costs_one_lease",
    ),
    "prefect#17281: another format of keys doubles everything": (
        "tests/reliability/restore/test_replay_corpus.py::test_the_keys_of_its_effects_are_the_same_to_the_byte",
    ),
    "prefect#16459: a live run is taken for dead": (
        "tests/reliability/model_checking/test_store_state_machine.py::test_a_store_does_what_the_model_says",
        "tests/contract/store/test_executions_of_a_store.py::test_what_another_holds_cannot_be_claimed",
        "tests/prefect/test_reconciler.py::test_two_reconcilers_and_a_live_holder_run_each_step_once",
    ),
    "airflow#58570: the scheduler dies after it has handed something over, and hands it over again": (
        "tests/reliability/crash/test_crash_points.py::test_whatever_operation_a_process_dies_at_the_next_one_brings_it_to_the_same_end",
        f"{HERE}::test_a_run_that_is_handed_over_twice_runs_once",
    ),
    "airflow#25843, #13808: every scheduler handles the same dead run": (
        "tests/contract/store/test_races.py::test_of_twenty_who_take_over_an_expired_lease_one_does_and_one_death_is_counted",
    ),
    "temporal#771: timers are gone when memory is": (
        f"{HERE}::test_timers_are_there_again_in_a_process_that_remembers_nothing",
    ),
    "temporal#459: work is lost with the one who was to wake somebody": (
        f"{HERE}::test_without_any_wake_up_everything_ends",
        "tests/prefect/test_reconciler.py::test_a_decision_whose_wake_up_was_lost_is_found",
    ),
    "temporal#5176, redpanda#31110: a fence that is ahead of what was written": (
        f"{HERE}::test_a_claim_that_was_not_written_fences_nobody_out",
    ),
    "langgraph#6663: one question is answered twice, and both answers count": (
        "tests/contract/store/test_races.py::test_of_twenty_who_decide_one_review_exactly_one_wins",
        "tests/reliability/simulation/test_simulation.py::test_whatever_goes_wrong_everything_ends_as_it_should_and_nothing_is_done_twice",
    ),
    "langgraph#6108: answers find their questions by their order": (
        f"{HERE}::test_two_questions_answered_in_reverse_keep_their_own_answers",
    ),
    "langgraph#6792: what came before a question is done again after the answer": (
        f"{HERE}::test_what_was_done_before_a_question_is_not_done_again_after_it",
    ),
    "restate#2655: still stuck when all is well again": (
        "tests/reliability/simulation/test_simulation.py::test_whatever_goes_wrong_everything_ends_as_it_should_and_nothing_is_done_twice",
    ),
    "litestream#752, #1164: a backup that cannot be restored, or is damaged": (
        "tests/reliability/restore/test_restore.py::test_a_restored_backup_goes_on_to_a_sound_end_and_repeats_no_effect",
        "tests/reliability/restore/test_restore.py::test_a_backup_is_whole_while_others_write",
        "tests/reliability/restore/test_restore.py::test_a_damaged_backup_is_refused_and_the_database_stays",
    ),
    "SQLite's WAL-reset bug": (
        "tests/contract/store/test_opening.py::test_releases_with_the_wal_reset_bug_are_known",
        "tests/reliability/interleaving/test_many_processes.py::test_many_processes_write_to_one_file_and_checkpoint_it",
    ),
    "prefect#8880: one run is submitted twice": (f"{HERE}::test_a_run_that_is_handed_over_twice_runs_once",),
    "Prefect 3.8: a crash is reported again a while later, over what was set since": (
        "tests/prefect/test_reconciler.py::test_a_run_that_has_ended_in_prefect_alone_is_scheduled_again_after_a_while",
    ),
    "Prefect 3.8: a run whose worker was killed with it stays running": (
        "tests/prefect/test_workers.py::test_an_execution_of_a_killed_worker_goes_on_in_the_next",
    ),
    "Prefect 3.8: a retry clears the keys of pauses, and a question is asked again": (
        f"{HERE}::test_no_two_suspensions_share_a_key",
        "tests/prefect/test_executions.py::test_a_resume_without_a_decision_passes_no_review",
    ),
}


@pytest.mark.parametrize("bug", COVERED)
def test_a_bug_of_a_peer_has_its_test(bug: str) -> None:
    for place in COVERED[bug]:
        file, _, name = place.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text(), place


@dataclass
class Place:
    """A store with one workflow in it, its targets, and workers by name."""

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

    async def turn(self, holder: str) -> str:
        """What a worker does when it is told of the run: how that ended."""
        ports = fake_ports(clock=self.clock, http=self.service, cms=self.site)  # type: ignore[arg-type]
        try:
            settled = await run_execution(self.store, "run", holder=holder, ttl=TTL, ports=ports)
        except (Conflict, Refused) as problem:
            return type(problem).__name__
        return settled.status

    def turns(self, *holders: str) -> list[str]:
        """Several workers are told of it at once."""

        async def all_of_them() -> list[str]:
            return await asyncio.gather(*(self.turn(holder) for holder in holders))

        with deterministic_scheduling():
            return asyncio.run(all_of_them())

    def run(self) -> Execution:
        return self.store.execution("run")

    def approve(self, path: str, text: str | None = None) -> None:
        (review,) = [one for one in self.store.reviews(ReviewFilter()).reviews if one.path == path]
        edited = NO_EDIT if text is None else text
        self.store.decide(review.id, Answer.to(review, kind="approved", by="ana@example.com", edited=edited))


@pytest.fixture
def place(openers: Openers) -> Place:
    clock = FakeClock()
    return Place(openers(clock)(), clock)


def test_what_is_started_and_swept_in_one_moment_runs_once(place: Place) -> None:
    place.start(put("keyed"), put("other", depends_on=["keyed"]))
    assert [execution.id for execution in place.store.ready()] == ["run"]
    assert sorted(place.turns("started", "swept")) == ["Conflict", "completed"]
    assert place.service.calls == [(what, key) for what, key in dict(place.service.calls).items()]
    assert place.run().deaths == 0


@pytest.mark.parametrize("first", ["answer", "timeout"])
def test_of_an_answer_and_a_timeout_one_counts_for_two_workers(first: str, place: Place) -> None:
    place.start(ask("review", expires_in="PT1H", on_expire="rejected"), by="{{ steps.review.output.decision }}")
    assert place.turns("w") == ["waiting"]
    place.clock.advance(3600)
    acts: list[Callable[[], Any]] = [lambda: place.approve("review"), place.store.expire_reviews]
    for act in acts if first == "answer" else reversed(acts):
        with contextlib.suppress(Conflict, ValueError):
            act()
    ended = place.turns("w-1", "w-2")
    assert "completed" in ended
    assert set(ended) <= {"completed", "Conflict", "Refused"}
    assert place.run().outputs == {"by": "approved" if first == "answer" else "rejected"}


def test_a_worker_that_has_lost_its_lease_stops_by_itself(place: Place) -> None:
    class Slow(Service):
        async def send(self, request: Any) -> Any:
            place.clock.advance(20)  # the lease runs out while it waits, and another takes over
            place.store.claim("run", "another", TTL)
            await asyncio.sleep(30)
            raise AssertionError("it was waited for to the end")

    place.start(read("one"), put("keyed", depends_on=["one"]))
    place.service = Slow()
    short = timedelta(seconds=0.3)

    async def lost() -> None:
        ports = fake_ports(clock=place.clock, http=place.service)  # type: ignore[arg-type]
        with pytest.raises(LostLease):
            await run_execution(place.store, "run", holder="w", ttl=short, ports=ports)

    with deterministic_scheduling():
        asyncio.run(asyncio.wait_for(lost(), 20))
    assert place.run().holder == "another"


def test_nothing_that_comes_late_changes_an_end(place: Place) -> None:
    place.start(put("keyed"))
    lease = place.store.claim("run", "w", TTL)
    place.store.settle(lease, "completed", events=[NewEvent(type="execution_completed", data={"outputs": {}})])
    for late in (
        lambda: place.store.renew(lease, TTL),
        lambda: place.store.renew(replace(lease, epoch=lease.epoch + 1), TTL),
        lambda: place.store.settle(lease, "failed", events=[]),
        lambda: place.store.record_outcome(lease, Outcome(path="keyed", status="failed"), []),
        lambda: place.store.claim("run", "another", TTL),
        lambda: place.store.request_control("run", "cancel", "ana@example.com"),
    ):
        with pytest.raises((LostLease, Refused)):
            late()
    assert place.run().status == "completed"


def test_a_worker_that_dies_before_it_begins_costs_one_lease(place: Place) -> None:
    place.start(put("keyed"))
    place.store.claim("run", "dies", TTL)
    assert place.store.ready() == ()
    place.clock.advance(TTL.total_seconds() + 1)
    assert [execution.id for execution in place.store.ready()] == ["run"]
    assert place.turns("next") == ["completed"]
    assert len(place.service.calls) == 1


def test_a_run_that_is_handed_over_twice_runs_once(place: Place) -> None:
    place.start(put("keyed"), put("other", depends_on=["keyed"]))
    assert sorted(place.turns("w-1", "w-2")) == ["Conflict", "completed"]
    assert place.turns("w-1") == ["Refused"]  # and once more, after its end
    assert place.service.applied == ["PUT /keyed", "PUT /other"]


def test_timers_are_there_again_in_a_process_that_remembers_nothing(openers: Openers) -> None:
    clock = FakeClock()
    opener = openers(clock)
    place = Place(opener(), clock, service=Service(failures={"/keyed": 1}))
    place.start(
        put("keyed", retry={"attempts": 3, "backoff": "constant"}),
        ask("review", expires_in="PT1H", on_expire="approved"),
    )
    assert place.turns("w") == ["waiting"]
    for seconds in (121, 3600):  # the other side said 120 s; the review has an hour
        place.store = opener()
        assert place.store.ready() == ()
        clock.advance(seconds)
        place.store.expire_reviews()
        assert [execution.id for execution in place.store.ready()] == ["run"]
        place.turns("w")
    assert place.run().status == "completed"


def test_without_any_wake_up_everything_ends(tmp_path: Path) -> None:
    store_factory = StoreFactory(tmp_path)
    for seed in range(5):
        result = simulate(seed, store_factory, mix=replace(Mix.none(), lose_wake=1.0))
        assert result.findings == []
        assert set(result.statuses) == {"completed"}
        assert result.happened["a wake-up is lost"] > 0


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_claim_that_was_not_written_fences_nobody_out(place: Place) -> None:
    place.start(put("keyed"))
    lease = place.store.claim("run", "holder", TTL)
    place.clock.advance(TTL.total_seconds() + 1)
    assert isinstance(place.store, SqlStore)
    place.store.database.retry_seconds = 0
    faults = Faults(place.store, "commit lost", point=1)
    with faults.injected(), pytest.raises(Unavailable):
        place.store.claim("run", "another", TTL)
    assert faults.fired
    place.store.database.retry_seconds = 10
    assert place.run().epoch == lease.epoch
    place.store.renew(lease, TTL)  # nobody has taken it
    place.clock.advance(TTL.total_seconds() + 1)
    assert place.store.claim("run", "another", TTL).epoch == lease.epoch + 1


def test_two_questions_answered_in_reverse_keep_their_own_answers(place: Place) -> None:
    place.start(ask("first"), ask("second"), first=approved("first"), second=approved("second"))
    assert place.turns("w") == ["waiting"]
    place.approve("second", "about the second")
    assert place.turns("w") == ["waiting"]
    place.approve("first", "about the first")
    assert place.turns("w") == ["completed"]
    assert place.run().outputs == {"first": "about the first", "second": "about the second"}


def test_what_was_done_before_a_question_is_not_done_again_after_it(place: Place) -> None:
    place.start(
        {"id": "bare", "type": "api", "method": "POST", "url": "https://service.example/bare"},
        ask("review", depends_on=["bare"]),
        publish("out", approved("review")),
    )
    assert place.turns("w") == ["waiting"]
    place.approve("review")
    assert place.turns("another") == ["completed"]
    assert place.service.applied == ["POST /bare"]
    assert len(place.site.writes) == 1


def test_no_two_suspensions_share_a_key() -> None:
    keys = {suspended("waits").state_details.pause_key for _ in range(3)}
    assert len(keys) == 3
