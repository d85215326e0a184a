"""Contract of executions, leases, outcomes and events, for every store."""

from datetime import timedelta

import pytest

from flowbuilder.errors import Conflict, LostLease, NotFound, Refused
from flowbuilder.model.effect import Intent
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Execution, Lease, Outcome
from flowbuilder.ports import ExecutionFilter, Store
from flowbuilder.values import digest
from tests.support.store_contract import TTL, StoreHarness

STARTED = NewEvent(type="step_started", path="a", data={"type": "code", "name": "a"})
DONE = NewEvent(type="step_completed", path="a", data={"seconds": 0.5})
ODD = {"text": "nul \0 and half \ud83d", "float": 1e22, "int": 2**62, "list": [None, True, 0.1]}


def done(path: str = "a", output: object = 1, **more: object) -> Outcome:
    return Outcome(path=path, status="completed", output=output, **more)  # type: ignore[arg-type]


# --- creation and listing ---


def test_a_new_execution_has_its_first_event(harness: StoreHarness) -> None:
    made = harness.create_execution(site_record={"site": "e", "reviewers": {}}, site="e")
    assert harness.store.execution("run-1") == made
    (event,) = harness.store.events("run-1")
    assert (event.seq, event.type, event.at) == (1, "execution_started", harness.clock.now())
    assert event.data == {
        "workflow": "refresh", "version": 1, "digest": "d1", "inputs": {"url": "https://e.com"}, "site": "e",
    }  # fmt: skip


def test_sensitive_inputs_are_held_until_the_execution_is_created(harness: StoreHarness) -> None:
    store, now = harness.store, harness.clock.now()
    record = {"workflow": "refresh", "salt": "s", "values": {"token": "t", "odd": ODD}}
    store.hold_sensitive("start:k", {"workflow": "refresh", "salt": "r", "values": {}})
    store.hold_sensitive("start:k", record)
    assert store.sensitive("start:k") == record
    assert store.sensitive("x") is None
    execution = Execution(
        id="x", workflow="refresh", version=1, digest="d", status="queued", inputs={"token": "[hidden]"}, created_at=now
    )
    store.create_execution(execution, sensitive=record, held="start:k")
    assert store.sensitive("x") == record
    assert store.sensitive("start:k") is None
    (event,) = store.events("x")
    assert event.data["sensitive_hash"] == digest(record)
    assert event.data["inputs"] == {"token": "[hidden]"}

    store.hold_sensitive("start:k", {**record, "salt": "again"})  # a start that is repeated
    store.create_execution(execution, sensitive={**record, "salt": "again"}, held="start:k")
    assert store.sensitive("x") == record
    assert store.sensitive("start:k") is None


def test_creating_an_execution_again_returns_the_stored_one(harness: StoreHarness) -> None:
    first = harness.create_execution()
    harness.clock.advance(5)
    assert harness.create_execution() == first
    assert harness.event_types() == ["execution_started"]


def test_an_execution_needs_an_existing_version(harness: StoreHarness) -> None:
    now = harness.clock.now()
    with pytest.raises(NotFound, match="no version 7"):
        harness.store.create_execution(
            Execution(id="x", workflow="refresh", version=7, digest="d", status="queued", inputs={}, created_at=now)
        )
    with pytest.raises(NotFound):
        harness.store.execution("x")


def test_values_are_read_back_exactly(harness: StoreHarness) -> None:
    now = harness.clock.now()
    harness.store.create_execution(
        Execution(
            id="x", workflow="refresh", version=1, digest="d", status="queued", inputs=ODD, site_record={"odd": ODD},
            progress={"done": 0}, trigger="schedule", parent_execution_id="run-0", account="b", created_at=now,
        )
    )  # fmt: skip
    found = harness.store.execution("x")
    assert (found.inputs, found.site_record, found.progress) == (ODD, {"odd": ODD}, {"done": 0})
    assert type(found.inputs["float"]) is float
    assert (found.trigger, found.parent_execution_id, found.account) == ("schedule", "run-0", "b")


def test_executions_are_listed_newest_first_page_by_page(harness: StoreHarness) -> None:
    for number in range(5):
        harness.create_execution(f"run-{number}")
        harness.clock.advance(number % 2)  # some have the same time
    pages, before = [], None
    while page := harness.store.executions(ExecutionFilter(), limit=2, before=before):
        pages.append([execution.id for execution in page])
        before = page[-1].id
    assert pages == [["run-4", "run-3"], ["run-2", "run-1"], ["run-0"]]


def test_executions_are_filtered_by_their_fields(harness: StoreHarness) -> None:
    harness.create_execution("a", site="one.example")
    harness.claim("b")
    store = harness.store

    def ids(where: ExecutionFilter) -> list[str]:
        return [execution.id for execution in store.executions(where)]

    assert ids(ExecutionFilter(site="one.example")) == ["a"]
    assert ids(ExecutionFilter(statuses=frozenset({"running"}))) == ["b"]
    assert ids(ExecutionFilter(statuses=frozenset())) == []
    assert sorted(ids(ExecutionFilter(workflow="refresh", account="default"))) == ["a", "b"]
    assert ids(ExecutionFilter(workflow="other")) == []
    with pytest.raises(NotFound):
        store.executions(ExecutionFilter(), before="missing")


# --- leases ---


def test_a_claim_makes_it_running_with_the_next_epoch(harness: StoreHarness) -> None:
    harness.create_execution()
    lease = harness.store.claim("run-1", "worker-1", TTL)
    found = harness.store.execution("run-1")
    assert lease == Lease(execution_id="run-1", holder="worker-1", epoch=1)
    assert (found.status, found.holder, found.epoch, found.attempt) == ("running", "worker-1", 1, 1)
    assert (found.lease_until, found.started_at) == (harness.clock.now() + TTL, harness.clock.now())
    assert found.ready_at is None


def test_an_execution_held_by_another_worker_cannot_be_claimed(harness: StoreHarness) -> None:
    harness.claim()
    with pytest.raises(Conflict, match="worker-1"):
        harness.store.claim("run-1", "worker-2", TTL)
    with pytest.raises(NotFound):
        harness.store.claim("missing", "worker-2", TTL)


def test_the_holder_may_claim_again_and_its_first_lease_is_void(harness: StoreHarness) -> None:
    first = harness.claim()
    second = harness.store.claim("run-1", "worker-1", TTL)
    assert second.epoch == 2
    assert harness.store.execution("run-1").deaths == 0
    with pytest.raises(LostLease):
        harness.store.append_events(first, [STARTED])


def test_taking_over_an_expired_lease_counts_a_death(harness: StoreHarness) -> None:
    harness.claim()
    started = harness.store.execution("run-1").started_at
    harness.clock.advance(16)
    lease = harness.store.claim("run-1", "worker-2", TTL)
    found = harness.store.execution("run-1")
    assert (lease.epoch, found.deaths, found.attempt, found.started_at) == (2, 1, 2, started)
    event = harness.store.events("run-1")[-1]
    assert (event.type, event.data) == ("worker_lost", {"holder": "worker-1", "epoch": 1})


def test_an_outcome_clears_the_deaths(harness: StoreHarness) -> None:
    harness.claim()
    harness.clock.advance(16)
    lease = harness.store.claim("run-1", "worker-2", TTL)
    harness.store.record_outcome(lease, done(), [DONE])
    assert harness.store.execution("run-1").deaths == 0


def killed(harness: StoreHarness, times: int) -> None:
    """Let so many workers claim the execution and lose their lease."""
    for number in range(times):
        harness.store.claim("run-1", f"victim-{number}", TTL)
        harness.clock.advance(16)


def test_an_execution_is_quarantined_after_three_deaths(harness: StoreHarness) -> None:
    harness.create_execution()
    killed(harness, 3)
    assert harness.store.execution("run-1").deaths == 2
    with pytest.raises(Refused, match="3 workers in a row died"):
        harness.store.claim("run-1", "worker-9", TTL)
    found = harness.store.execution("run-1")
    assert (found.status, found.deaths, found.holder, found.ready_at) == ("paused", 3, None, None)
    assert harness.event_types()[-2:] == ["worker_lost", "execution_quarantined"]
    assert harness.store.ready() == ()
    with pytest.raises(Refused, match="paused"):
        harness.store.claim("run-1", "worker-9", TTL)
    with pytest.raises(LostLease):
        harness.store.append_events(Lease(execution_id="run-1", holder="victim-2", epoch=3), [STARTED])


def test_a_resumed_quarantined_execution_counts_deaths_from_zero(harness: StoreHarness) -> None:
    harness.create_execution()
    killed(harness, 3)
    with pytest.raises(Refused):
        harness.store.claim("run-1", "worker-9", TTL)
    assert harness.store.request_control("run-1", None, "ana").deaths == 0
    killed(harness, 2)
    harness.store.record_outcome(harness.store.claim("run-1", "worker-9", TTL), done(), [DONE])
    assert harness.store.execution("run-1").deaths == 0


def test_a_pending_cancellation_replaces_a_quarantine_after_the_third_death(harness: StoreHarness) -> None:
    harness.create_execution()
    killed(harness, 2)
    lease = harness.store.claim("run-1", "victim-2", TTL)
    harness.open_review(lease)
    harness.store.request_control("run-1", "cancel", "ana")
    harness.clock.advance(16)
    with pytest.raises(Refused):
        harness.store.claim("run-1", "worker-9", TTL)
    found = harness.store.execution("run-1")
    assert (found.status, found.control) == ("cancelled", None)
    assert harness.event_types()[-1] == "execution_cancelled"
    assert harness.store.pending_counts() == {}


def test_a_renewed_lease_lasts_longer(harness: StoreHarness) -> None:
    lease = harness.claim()
    harness.clock.advance(10)
    harness.store.renew(lease, TTL)
    harness.clock.advance(10)
    with pytest.raises(Conflict):
        harness.store.claim("run-1", "worker-2", TTL)
    harness.clock.advance(10)
    harness.store.claim("run-1", "worker-2", TTL)
    with pytest.raises(LostLease):
        harness.store.renew(lease, TTL)


def test_an_expired_lease_that_was_not_taken_over_is_still_valid(harness: StoreHarness) -> None:
    lease = harness.claim()
    harness.clock.advance(3600)
    harness.store.record_outcome(lease, done(), [DONE])
    harness.store.renew(lease, TTL)
    with pytest.raises(Conflict):
        harness.store.claim("run-1", "worker-2", TTL)


def every_write(store: Store, lease: Lease) -> list[object]:
    from flowbuilder.model.review import ReviewRequest

    return [
        lambda: store.renew(lease, TTL),
        lambda: store.record_outcome(lease, done("z"), [DONE]),
        lambda: store.append_events(lease, [STARTED]),
        lambda: store.append_events(lease, []),
        lambda: store.settle(lease, "waiting", events=[]),
        lambda: store.open_review(lease, "z", ReviewRequest(title="?")),
        lambda: store.begin_effect(
            lease, Intent(key="k", path="z", target="t", target_class="lookup", request_hash="h")
        ),
        lambda: store.finish_effect(lease, "known", "done", receipt={"late": True}),
    ]


@pytest.mark.parametrize("how", ["taken over", "settled", "cancelled", "ended", "unknown"])
def test_a_lost_lease_writes_nothing(harness: StoreHarness, how: str) -> None:
    store, lease = harness.store, harness.claim()
    store.begin_effect(lease, Intent(key="known", path="a", target="t", target_class="lookup", request_hash="h"))
    stale = lease
    if how == "taken over":
        harness.clock.advance(16)
        store.claim("run-1", "worker-2", TTL)
    elif how == "settled":
        store.settle(lease, "waiting", events=[])
    elif how == "cancelled":
        harness.clock.advance(16)
        store.request_control("run-1", "cancel", "ana")
    elif how == "ended":
        store.settle(lease, "completed", events=[])
    else:
        stale = Lease(execution_id="missing", holder="worker-1", epoch=1)
    before = (store.execution("run-1"), store.events("run-1"), store.outcomes("run-1"), store.effects("run-1"))
    for write in every_write(store, stale):
        with pytest.raises(LostLease):
            write()  # type: ignore[operator]
    after = (store.execution("run-1"), store.events("run-1"), store.outcomes("run-1"), store.effects("run-1"))
    assert before == after


# --- outcomes and events ---


def test_an_outcome_and_its_events_are_written_together(harness: StoreHarness) -> None:
    lease = harness.claim()
    harness.clock.advance(1)
    outcome = done(output=ODD, attempt=2, seconds=0.25, usage={"tokens": 7}, task_run_id="t-1")
    harness.store.record_outcome(lease, outcome, [STARTED, DONE])
    (found,) = harness.store.outcomes("run-1")
    assert (found.path, found.output, found.attempt, found.seconds) == ("a", ODD, 2, 0.25)
    assert (found.usage, found.task_run_id, found.finished_at) == ({"tokens": 7}, "t-1", harness.clock.now())
    assert harness.event_types()[1:] == ["step_started", "step_completed"]


def test_a_path_has_one_outcome(harness: StoreHarness) -> None:
    lease = harness.claim()
    harness.store.record_outcome(lease, done(output=1), [DONE])
    with pytest.raises(Conflict, match="a has an outcome already: it is completed"):
        harness.store.record_outcome(lease, Outcome(path="a", status="failed", error={"code": "x"}), [DONE])
    assert [outcome.output for outcome in harness.store.outcomes("run-1")] == [1]
    assert harness.event_types()[1:] == ["step_completed"]


@pytest.mark.parametrize("status", ["needs_review", "postponed"])
def test_an_outcome_needs_a_final_status(harness: StoreHarness, status: str) -> None:
    lease = harness.claim()
    with pytest.raises(Refused):
        harness.store.record_outcome(lease, Outcome(path="a", status=status), [DONE])  # type: ignore[arg-type]
    assert harness.store.outcomes("run-1") == ()


@pytest.mark.parametrize("value", [float("nan"), 2**70, {1: 2}, {"a": object()}, "x" * 17_000_000])
def test_values_that_are_not_json_of_bounded_size_are_refused_before_a_write(
    harness: StoreHarness, value: object
) -> None:
    lease = harness.claim()
    with pytest.raises(Refused):
        harness.store.record_outcome(lease, done(output=value), [DONE])
    with pytest.raises(Refused):
        harness.store.append_events(lease, [STARTED, NewEvent(type="step_started", data={"odd": value})])
    assert harness.event_types() == ["execution_started"]
    harness.store.record_outcome(lease, done(), [DONE])


def test_outcomes_are_listed_in_the_order_of_recording(harness: StoreHarness) -> None:
    lease = harness.claim()
    for path in ("c", "a", "b"):
        harness.store.record_outcome(lease, done(path), [])
    assert [outcome.path for outcome in harness.store.outcomes("run-1")] == ["c", "a", "b"]


def test_events_are_numbered_without_a_gap(harness: StoreHarness) -> None:
    lease = harness.claim()
    harness.store.append_events(lease, [STARTED, STARTED])
    harness.store.record_outcome(lease, done(), [])
    with pytest.raises(Conflict):
        harness.store.record_outcome(lease, done(), [DONE, DONE, DONE])
    harness.store.append_events(lease, [])
    harness.store.record_event("run-1", NewEvent(type="control_requested", data={"action": "x", "by": "y"}))
    assert [event.seq for event in harness.store.events("run-1")] == [1, 2, 3, 4]
    assert [event.seq for event in harness.store.events("run-1", after=2, limit=1)] == [3]
    assert harness.store.events("run-1", after=4) == ()
    assert harness.store.events("missing") == ()


def test_event_data_keeps_characters_that_databases_cannot_store(harness: StoreHarness) -> None:
    lease = harness.claim()
    harness.store.append_events(lease, [NewEvent(type="step_started", path="ä", data={"a": 1e22, "b": [0.1, None]})])
    harness.store.append_events(lease, [NewEvent(type="step_started", data={"nul": "a\0b", "half": "\ud83d"})])
    assert harness.store.events("run-1")[1].data == {"a": 1e22, "b": [0.1, None]}
    assert set(harness.store.events("run-1")[2].data) == {"nul", "half"}


# --- settling ---


def test_settling_ends_the_lease(harness: StoreHarness) -> None:
    lease = harness.claim()
    harness.clock.advance(2)
    event = NewEvent(type="execution_completed", data={"outputs": {"x": 1}})
    settled = harness.store.settle(lease, "completed", events=[event], outputs={"x": 1}, progress={"done": 1})
    assert settled == harness.store.execution("run-1")
    assert (settled.status, settled.outputs, settled.holder, settled.lease_until) == ("completed", {"x": 1}, None, None)
    assert (settled.epoch, settled.ended_at, settled.progress) == (2, harness.clock.now(), {"done": 1})
    assert harness.event_types()[-1] == "execution_completed"


def test_a_failure_is_stored(harness: StoreHarness) -> None:
    error = {"code": "x", "message": "nul \0"}
    assert harness.store.settle(harness.claim(), "failed", events=[], error=error).error == error
    assert harness.store.execution("run-1").error == error


@pytest.mark.parametrize("status", ["running"])
def test_a_status_that_cannot_follow_is_refused(harness: StoreHarness, status: str) -> None:
    lease = harness.claim()
    with pytest.raises(Refused, match="cannot become running"):
        harness.store.settle(lease, status, events=[STARTED])  # type: ignore[arg-type]
    assert harness.event_types() == ["execution_started"]


def test_an_ended_execution_accepts_no_writes(harness: StoreHarness) -> None:
    store = harness.store
    store.settle(harness.claim(), "failed", events=[])
    for ask in (
        lambda: store.claim("run-1", "worker-1", TTL),
        lambda: store.request_control("run-1", "pause", "ana"),
        lambda: store.request_control("run-1", None, "ana"),
        lambda: store.record_event("run-1", STARTED),
    ):
        with pytest.raises(Refused, match="ended"):
            ask()
    assert store.ready() == ()
    store.record_event("run-1", NewEvent(type="effect_reverted", data={"key": "k", "by": "ana"}))
    assert harness.event_types() == ["execution_started", "effect_reverted"]


def test_a_requeued_execution_is_ready_at_once(harness: StoreHarness) -> None:
    harness.store.settle(harness.claim(), "queued", events=[])
    assert [execution.id for execution in harness.store.ready()] == ["run-1"]


def test_an_execution_waiting_until_a_time_is_ready_then(harness: StoreHarness) -> None:
    harness.store.settle(harness.claim(), "waiting", events=[], ready_at=harness.clock.now() + timedelta(seconds=60))
    assert harness.store.ready() == ()
    harness.clock.advance(61)
    assert [execution.id for execution in harness.store.ready()] == ["run-1"]


# --- executions that are ready ---


def test_executions_ready_longest_are_first(harness: StoreHarness) -> None:
    for name in ("a", "b", "c"):
        harness.create_execution(name)
        harness.clock.advance(1)
    harness.store.claim("a", "worker-1", TTL)
    assert [execution.id for execution in harness.store.ready()] == ["b", "c"]
    harness.clock.advance(16)
    harness.store.settle(harness.store.claim("b", "worker-1", TTL), "queued", events=[])
    assert [execution.id for execution in harness.store.ready()] == ["c", "a", "b"]
    assert [execution.id for execution in harness.store.ready(limit=2)] == ["c", "a"]


def test_paused_executions_are_not_due(harness: StoreHarness) -> None:
    harness.create_execution()
    harness.store.request_control("run-1", "pause", "ana")
    assert harness.store.ready() == ()


# --- control requests ---


def test_a_pause_is_recorded_for_the_holder(harness: StoreHarness) -> None:
    lease = harness.claim()
    assert harness.store.request_control("run-1", "pause", "ana").control == "pause"
    assert harness.store.control("run-1") == "pause"
    assert harness.event_types()[-1] == "control_requested"
    assert harness.store.settle(lease, "paused", events=[]).control is None


def test_an_execution_without_a_holder_is_paused_at_once(harness: StoreHarness) -> None:
    harness.create_execution()
    paused = harness.store.request_control("run-1", "pause", "ana")
    assert (paused.status, paused.ready_at) == ("paused", None)
    with pytest.raises(Refused, match="paused"):
        harness.store.claim("run-1", "worker-1", TTL)
    resumed = harness.store.request_control("run-1", None, "ana")
    assert (resumed.status, resumed.ready_at) == ("queued", harness.clock.now())
    assert harness.event_types()[1:] == ["control_requested", "execution_paused", "control_requested"]


def test_a_control_request_in_the_last_moment_is_applied_by_the_store(harness: StoreHarness) -> None:
    lease = harness.claim()
    harness.store.request_control("run-1", "cancel", "ana")
    settled = harness.store.settle(lease, "waiting", events=[NewEvent(type="execution_waiting")])
    assert (settled.status, settled.ended_at) == ("cancelled", harness.clock.now())
    last = harness.store.events("run-1")[-1]
    assert (last.type, last.data) == ("execution_cancelled", {"by": "ana"})


def test_an_execution_that_completes_before_a_control_request_stays_completed(harness: StoreHarness) -> None:
    lease = harness.claim()
    harness.store.request_control("run-1", "cancel", "ana")
    assert harness.store.settle(lease, "completed", events=[]).status == "completed"


def test_a_pause_can_be_withdrawn_and_a_cancellation_cannot(harness: StoreHarness) -> None:
    harness.claim()
    harness.store.request_control("run-1", "pause", "ana")
    assert harness.store.request_control("run-1", None, "ana").control is None
    harness.store.request_control("run-1", "cancel", "ana")
    with pytest.raises(Refused, match="cannot be undone"):
        harness.store.request_control("run-1", None, "ana")


def test_a_pause_does_not_replace_a_cancellation_after_the_lease_expired(harness: StoreHarness) -> None:
    harness.claim()
    harness.store.request_control("run-1", "cancel", "ana")
    harness.clock.advance(16)
    assert harness.store.request_control("run-1", "pause", "ben").control == "cancel"
    lease = harness.store.claim("run-1", "worker-2", TTL)
    assert harness.store.settle(lease, "queued", events=[]).status == "cancelled"


def test_a_repeated_control_request_is_recorded_once(harness: StoreHarness) -> None:
    harness.create_execution()
    first = harness.store.request_control("run-1", "cancel", "ana")
    assert harness.store.request_control("run-1", "cancel", "ben") == first
    assert harness.event_types()[1:] == ["control_requested", "execution_cancelled"]


def test_a_cancellation_fences_out_a_worker_whose_lease_ran_out(harness: StoreHarness) -> None:
    lease = harness.claim()
    harness.clock.advance(16)
    assert harness.store.request_control("run-1", "cancel", "ana").status == "cancelled"
    with pytest.raises(LostLease):
        harness.store.record_outcome(lease, done(), [DONE])


def test_the_lease_of_a_dead_process_expires_at_once(store: Store, harness: StoreHarness) -> None:
    harness.claim("run-1", holder="worker-1")
    store.expire_lease("run-1", "worker-0")
    with pytest.raises(Conflict):
        store.claim("run-1", "worker-2", TTL)
    store.expire_lease("run-1", "worker-1")
    assert [execution.id for execution in store.ready()] == ["run-1"]
    assert store.claim("run-1", "worker-2", TTL).epoch == 2
    assert store.execution("run-1").deaths == 1
    assert harness.event_types().count("worker_lost") == 1


def test_a_store_returns_its_time(harness: StoreHarness) -> None:
    assert harness.store.now() == harness.clock.now()
    harness.clock.advance(60)
    assert harness.store.now() == harness.clock.now()
