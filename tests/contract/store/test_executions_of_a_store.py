"""Executions, leases, outcomes and events, as every store keeps them."""

from datetime import timedelta

import pytest

from flowbuilder.errors import Conflict, LostLease, NotFound, Refused
from flowbuilder.model.effect import Intent
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Execution, Lease, Outcome
from flowbuilder.ports import ExecutionFilter, Store
from tests.support.store_contract import TTL, World

STARTED = NewEvent(type="step_started", path="a", data={"type": "code", "name": "a"})
DONE = NewEvent(type="step_completed", path="a", data={"seconds": 0.5})
ODD = {"text": "nul \0 and half \ud83d", "float": 1e22, "int": 2**62, "list": [None, True, 0.1]}


def done(path: str = "a", output: object = 1, **more: object) -> Outcome:
    return Outcome(path=path, status="completed", output=output, **more)  # type: ignore[arg-type]


# --- made and listed ---


def test_a_new_execution_has_its_first_event(world: World) -> None:
    made = world.execution(site_record={"site": "e", "reviewers": {}}, site="e")
    assert world.store.execution("run-1") == made
    (event,) = world.store.events("run-1")
    assert (event.seq, event.type, event.at) == (1, "execution_started", world.clock.now())
    assert event.data == {
        "workflow": "refresh", "version": 1, "digest": "d1", "inputs": {"url": "https://e.com"}, "site": "e",
    }  # fmt: skip


def test_making_an_execution_again_gives_the_stored_one(world: World) -> None:
    first = world.execution()
    world.clock.advance(5)
    assert world.execution() == first
    assert world.types() == ["execution_started"]


def test_an_execution_needs_a_version_that_is_there(world: World) -> None:
    now = world.clock.now()
    with pytest.raises(NotFound, match="no version 7"):
        world.store.create_execution(
            Execution(id="x", workflow="refresh", version=7, digest="d", status="queued", inputs={}, created_at=now)
        )
    with pytest.raises(NotFound):
        world.store.execution("x")


def test_values_come_back_exactly(world: World) -> None:
    now = world.clock.now()
    world.store.create_execution(
        Execution(
            id="x", workflow="refresh", version=1, digest="d", status="queued", inputs=ODD, site_record={"odd": ODD},
            progress={"done": 0}, trigger="schedule", parent_execution_id="run-0", account="b", created_at=now,
        )
    )  # fmt: skip
    found = world.store.execution("x")
    assert (found.inputs, found.site_record, found.progress) == (ODD, {"odd": ODD}, {"done": 0})
    assert type(found.inputs["float"]) is float
    assert (found.trigger, found.parent_execution_id, found.account) == ("schedule", "run-0", "b")


def test_executions_are_listed_newest_first_page_by_page(world: World) -> None:
    for number in range(5):
        world.execution(f"run-{number}")
        world.clock.advance(number % 2)  # some are of the same moment
    pages, before = [], None
    while page := world.store.executions(ExecutionFilter(), limit=2, before=before):
        pages.append([execution.id for execution in page])
        before = page[-1].id
    assert pages == [["run-4", "run-3"], ["run-2", "run-1"], ["run-0"]]


def test_executions_are_found_by_what_they_are(world: World) -> None:
    world.execution("a", site="one.example")
    world.held("b")
    store = world.store

    def ids(where: ExecutionFilter) -> list[str]:
        return [execution.id for execution in store.executions(where)]

    assert ids(ExecutionFilter(site="one.example")) == ["a"]
    assert ids(ExecutionFilter(statuses=frozenset({"running"}))) == ["b"]
    assert ids(ExecutionFilter(statuses=frozenset())) == []
    assert sorted(ids(ExecutionFilter(workflow="refresh", account="default"))) == ["a", "b"]
    assert ids(ExecutionFilter(workflow="other")) == []
    with pytest.raises(NotFound):
        store.executions(ExecutionFilter(), before="nobody")


# --- leases ---


def test_a_claim_makes_it_running_with_the_next_epoch(world: World) -> None:
    world.execution()
    lease = world.store.claim("run-1", "worker-1", TTL)
    found = world.store.execution("run-1")
    assert lease == Lease(execution_id="run-1", holder="worker-1", epoch=1)
    assert (found.status, found.holder, found.epoch, found.attempt) == ("running", "worker-1", 1, 1)
    assert (found.lease_until, found.started_at) == (world.clock.now() + TTL, world.clock.now())
    assert found.ready_at is None


def test_what_another_holds_cannot_be_claimed(world: World) -> None:
    world.held()
    with pytest.raises(Conflict, match="worker-1"):
        world.store.claim("run-1", "worker-2", TTL)
    with pytest.raises(NotFound):
        world.store.claim("nobody", "worker-2", TTL)


def test_the_holder_may_claim_again_and_its_first_lease_is_void(world: World) -> None:
    first = world.held()
    second = world.store.claim("run-1", "worker-1", TTL)
    assert second.epoch == 2
    assert world.store.execution("run-1").deaths == 0
    with pytest.raises(LostLease):
        world.store.append_events(first, [STARTED])


def test_taking_over_an_expired_lease_counts_a_death(world: World) -> None:
    world.held()
    started = world.store.execution("run-1").started_at
    world.clock.advance(16)
    lease = world.store.claim("run-1", "worker-2", TTL)
    found = world.store.execution("run-1")
    assert (lease.epoch, found.deaths, found.attempt, found.started_at) == (2, 1, 2, started)
    event = world.store.events("run-1")[-1]
    assert (event.type, event.data) == ("worker_lost", {"holder": "worker-1", "epoch": 1})


def test_an_outcome_clears_the_deaths(world: World) -> None:
    world.held()
    world.clock.advance(16)
    lease = world.store.claim("run-1", "worker-2", TTL)
    world.store.record_outcome(lease, done(), [DONE])
    assert world.store.execution("run-1").deaths == 0


def killed(world: World, times: int) -> None:
    """So many workers took the execution up and went silent."""
    for number in range(times):
        world.store.claim("run-1", f"victim-{number}", TTL)
        world.clock.advance(16)


def test_an_execution_that_takes_down_three_workers_is_set_aside(world: World) -> None:
    world.execution()
    killed(world, 3)
    assert world.store.execution("run-1").deaths == 2
    with pytest.raises(Refused, match="3 workers in a row died"):
        world.store.claim("run-1", "worker-9", TTL)
    found = world.store.execution("run-1")
    assert (found.status, found.deaths, found.holder, found.ready_at) == ("paused", 3, None, None)
    assert world.types()[-2:] == ["worker_lost", "execution_quarantined"]
    assert world.store.ready() == ()
    with pytest.raises(Refused, match="paused"):
        world.store.claim("run-1", "worker-9", TTL)
    with pytest.raises(LostLease):
        world.store.append_events(Lease(execution_id="run-1", holder="victim-2", epoch=3), [STARTED])


def test_one_that_was_set_aside_begins_to_count_anew_when_it_is_resumed(world: World) -> None:
    world.execution()
    killed(world, 3)
    with pytest.raises(Refused):
        world.store.claim("run-1", "worker-9", TTL)
    assert world.store.request_control("run-1", None, "ana").deaths == 0
    killed(world, 2)
    world.store.record_outcome(world.store.claim("run-1", "worker-9", TTL), done(), [DONE])
    assert world.store.execution("run-1").deaths == 0


def test_one_that_is_to_be_cancelled_is_cancelled_when_it_would_be_set_aside(world: World) -> None:
    world.execution()
    killed(world, 2)
    lease = world.store.claim("run-1", "victim-2", TTL)
    world.asked(lease)
    world.store.request_control("run-1", "cancel", "ana")
    world.clock.advance(16)
    with pytest.raises(Refused):
        world.store.claim("run-1", "worker-9", TTL)
    found = world.store.execution("run-1")
    assert (found.status, found.control) == ("cancelled", None)
    assert world.types()[-1] == "execution_cancelled"
    assert world.store.pending_counts() == {}


def test_a_renewed_lease_lasts_longer(world: World) -> None:
    lease = world.held()
    world.clock.advance(10)
    world.store.renew(lease, TTL)
    world.clock.advance(10)
    with pytest.raises(Conflict):
        world.store.claim("run-1", "worker-2", TTL)
    world.clock.advance(10)
    world.store.claim("run-1", "worker-2", TTL)
    with pytest.raises(LostLease):
        world.store.renew(lease, TTL)


def test_an_expired_lease_that_nobody_took_is_still_good(world: World) -> None:
    lease = world.held()
    world.clock.advance(3600)
    world.store.record_outcome(lease, done(), [DONE])
    world.store.renew(lease, TTL)
    with pytest.raises(Conflict):
        world.store.claim("run-1", "worker-2", TTL)


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
def test_a_lost_lease_writes_nothing(world: World, how: str) -> None:
    store, lease = world.store, world.held()
    store.begin_effect(lease, Intent(key="known", path="a", target="t", target_class="lookup", request_hash="h"))
    stale = lease
    if how == "taken over":
        world.clock.advance(16)
        store.claim("run-1", "worker-2", TTL)
    elif how == "settled":
        store.settle(lease, "waiting", events=[])
    elif how == "cancelled":
        world.clock.advance(16)
        store.request_control("run-1", "cancel", "ana")
    elif how == "ended":
        store.settle(lease, "completed", events=[])
    else:
        stale = Lease(execution_id="nobody", holder="worker-1", epoch=1)
    before = (store.execution("run-1"), store.events("run-1"), store.outcomes("run-1"), store.effects("run-1"))
    for write in every_write(store, stale):
        with pytest.raises(LostLease):
            write()  # type: ignore[operator]
    after = (store.execution("run-1"), store.events("run-1"), store.outcomes("run-1"), store.effects("run-1"))
    assert before == after


# --- what happened ---


def test_an_outcome_and_its_events_are_written_together(world: World) -> None:
    lease = world.held()
    world.clock.advance(1)
    outcome = done(output=ODD, attempt=2, seconds=0.25, usage={"tokens": 7}, task_run_id="t-1")
    world.store.record_outcome(lease, outcome, [STARTED, DONE])
    (found,) = world.store.outcomes("run-1")
    assert (found.path, found.output, found.attempt, found.seconds) == ("a", ODD, 2, 0.25)
    assert (found.usage, found.task_run_id, found.finished_at) == ({"tokens": 7}, "t-1", world.clock.now())
    assert world.types()[1:] == ["step_started", "step_completed"]


def test_a_path_has_one_outcome(world: World) -> None:
    lease = world.held()
    world.store.record_outcome(lease, done(output=1), [DONE])
    with pytest.raises(Conflict, match="a has an outcome already: it is completed"):
        world.store.record_outcome(lease, Outcome(path="a", status="failed", error={"code": "x"}), [DONE])
    assert [outcome.output for outcome in world.store.outcomes("run-1")] == [1]
    assert world.types()[1:] == ["step_completed"]


@pytest.mark.parametrize("status", ["needs_review", "postponed"])
def test_what_is_not_final_is_no_outcome(world: World, status: str) -> None:
    lease = world.held()
    with pytest.raises(Refused):
        world.store.record_outcome(lease, Outcome(path="a", status=status), [DONE])  # type: ignore[arg-type]
    assert world.store.outcomes("run-1") == ()


@pytest.mark.parametrize("value", [float("nan"), 2**70, {1: 2}, {"a": object()}, "x" * 17_000_000])
def test_what_is_no_json_of_a_bounded_size_is_refused_before_anything_is_written(world: World, value: object) -> None:
    lease = world.held()
    with pytest.raises(Refused):
        world.store.record_outcome(lease, done(output=value), [DONE])
    with pytest.raises(Refused):
        world.store.append_events(lease, [STARTED, NewEvent(type="step_started", data={"odd": value})])
    assert world.types() == ["execution_started"]
    world.store.record_outcome(lease, done(), [DONE])


def test_outcomes_come_in_the_order_in_which_they_were_recorded(world: World) -> None:
    lease = world.held()
    for path in ("c", "a", "b"):
        world.store.record_outcome(lease, done(path), [])
    assert [outcome.path for outcome in world.store.outcomes("run-1")] == ["c", "a", "b"]


def test_events_are_numbered_without_a_gap(world: World) -> None:
    lease = world.held()
    world.store.append_events(lease, [STARTED, STARTED])
    world.store.record_outcome(lease, done(), [])
    with pytest.raises(Conflict):
        world.store.record_outcome(lease, done(), [DONE, DONE, DONE])
    world.store.append_events(lease, [])
    world.store.record_event("run-1", NewEvent(type="control_requested", data={"action": "x", "by": "y"}))
    assert [event.seq for event in world.store.events("run-1")] == [1, 2, 3, 4]
    assert [event.seq for event in world.store.events("run-1", after=2, limit=1)] == [3]
    assert world.store.events("run-1", after=4) == ()
    assert world.store.events("nobody") == ()


def test_event_data_survives_what_databases_cannot_hold(world: World) -> None:
    lease = world.held()
    world.store.append_events(lease, [NewEvent(type="step_started", path="ä", data={"a": 1e22, "b": [0.1, None]})])
    world.store.append_events(lease, [NewEvent(type="step_started", data={"nul": "a\0b", "half": "\ud83d"})])
    assert world.store.events("run-1")[1].data == {"a": 1e22, "b": [0.1, None]}
    assert set(world.store.events("run-1")[2].data) == {"nul", "half"}


# --- letting go ---


def test_settling_ends_the_lease(world: World) -> None:
    lease = world.held()
    world.clock.advance(2)
    event = NewEvent(type="execution_completed", data={"outputs": {"x": 1}})
    settled = world.store.settle(lease, "completed", events=[event], outputs={"x": 1}, progress={"done": 1})
    assert settled == world.store.execution("run-1")
    assert (settled.status, settled.outputs, settled.holder, settled.lease_until) == ("completed", {"x": 1}, None, None)
    assert (settled.epoch, settled.ended_at, settled.progress) == (2, world.clock.now(), {"done": 1})
    assert world.types()[-1] == "execution_completed"


def test_a_failure_is_kept(world: World) -> None:
    error = {"code": "x", "message": "nul \0"}
    assert world.store.settle(world.held(), "failed", events=[], error=error).error == error
    assert world.store.execution("run-1").error == error


@pytest.mark.parametrize("status", ["running"])
def test_a_status_that_cannot_follow_is_refused(world: World, status: str) -> None:
    lease = world.held()
    with pytest.raises(Refused, match="cannot become running"):
        world.store.settle(lease, status, events=[STARTED])  # type: ignore[arg-type]
    assert world.types() == ["execution_started"]


def test_nothing_follows_the_end(world: World) -> None:
    store = world.store
    store.settle(world.held(), "failed", events=[])
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
    assert world.types() == ["execution_started", "effect_reverted"]


def test_handing_over_makes_it_ready_at_once(world: World) -> None:
    world.store.settle(world.held(), "queued", events=[])
    assert [execution.id for execution in world.store.ready()] == ["run-1"]


def test_waiting_until_a_time_makes_it_ready_then(world: World) -> None:
    world.store.settle(world.held(), "waiting", events=[], ready_at=world.clock.now() + timedelta(seconds=60))
    assert world.store.ready() == ()
    world.clock.advance(61)
    assert [execution.id for execution in world.store.ready()] == ["run-1"]


# --- who is due ---


def test_the_longest_ready_come_first(world: World) -> None:
    for name in ("a", "b", "c"):
        world.execution(name)
        world.clock.advance(1)
    world.store.claim("a", "worker-1", TTL)
    assert [execution.id for execution in world.store.ready()] == ["b", "c"]
    world.clock.advance(16)
    world.store.settle(world.store.claim("b", "worker-1", TTL), "queued", events=[])
    assert [execution.id for execution in world.store.ready()] == ["c", "a", "b"]
    assert [execution.id for execution in world.store.ready(limit=2)] == ["c", "a"]


def test_paused_executions_are_not_due(world: World) -> None:
    world.execution()
    world.store.request_control("run-1", "pause", "ana")
    assert world.store.ready() == ()


# --- what people ask for ---


def test_a_pause_is_noted_for_the_worker_that_holds_it(world: World) -> None:
    lease = world.held()
    assert world.store.request_control("run-1", "pause", "ana").control == "pause"
    assert world.store.control("run-1") == "pause"
    assert world.types()[-1] == "control_requested"
    assert world.store.settle(lease, "paused", events=[]).control is None


def test_a_pause_of_what_nobody_holds_is_done_at_once(world: World) -> None:
    world.execution()
    paused = world.store.request_control("run-1", "pause", "ana")
    assert (paused.status, paused.ready_at) == ("paused", None)
    with pytest.raises(Refused, match="paused"):
        world.store.claim("run-1", "worker-1", TTL)
    resumed = world.store.request_control("run-1", None, "ana")
    assert (resumed.status, resumed.ready_at) == ("queued", world.clock.now())
    assert world.types()[1:] == ["control_requested", "execution_paused", "control_requested"]


def test_a_wish_that_comes_in_the_last_moment_is_done_by_the_store(world: World) -> None:
    lease = world.held()
    world.store.request_control("run-1", "cancel", "ana")
    settled = world.store.settle(lease, "waiting", events=[NewEvent(type="execution_waiting")])
    assert (settled.status, settled.ended_at) == ("cancelled", world.clock.now())
    last = world.store.events("run-1")[-1]
    assert (last.type, last.data) == ("execution_cancelled", {"by": "ana"})


def test_what_completes_before_a_wish_is_done_stays_completed(world: World) -> None:
    lease = world.held()
    world.store.request_control("run-1", "cancel", "ana")
    assert world.store.settle(lease, "completed", events=[]).status == "completed"


def test_a_pause_can_be_taken_back_and_a_cancellation_cannot(world: World) -> None:
    world.held()
    world.store.request_control("run-1", "pause", "ana")
    assert world.store.request_control("run-1", None, "ana").control is None
    world.store.request_control("run-1", "cancel", "ana")
    with pytest.raises(Refused, match="cannot be undone"):
        world.store.request_control("run-1", None, "ana")


def test_a_pause_does_not_take_a_cancellation_back_when_the_worker_has_gone_silent(world: World) -> None:
    world.held()
    world.store.request_control("run-1", "cancel", "ana")
    world.clock.advance(16)
    assert world.store.request_control("run-1", "pause", "ben").control == "cancel"
    lease = world.store.claim("run-1", "worker-2", TTL)
    assert world.store.settle(lease, "queued", events=[]).status == "cancelled"


def test_asking_twice_is_noted_once(world: World) -> None:
    world.execution()
    first = world.store.request_control("run-1", "cancel", "ana")
    assert world.store.request_control("run-1", "cancel", "ben") == first
    assert world.types()[1:] == ["control_requested", "execution_cancelled"]


def test_a_cancellation_fences_out_a_worker_whose_lease_ran_out(world: World) -> None:
    lease = world.held()
    world.clock.advance(16)
    assert world.store.request_control("run-1", "cancel", "ana").status == "cancelled"
    with pytest.raises(LostLease):
        world.store.record_outcome(lease, done(), [DONE])


def test_the_lease_of_a_process_that_is_known_to_have_died_is_over_at_once(store: Store, world: World) -> None:
    world.held("run-1", holder="worker-1")
    store.expire_lease("run-1", "worker-0")
    with pytest.raises(Conflict):
        store.claim("run-1", "worker-2", TTL)
    store.expire_lease("run-1", "worker-1")
    assert [execution.id for execution in store.ready()] == ["run-1"]
    assert store.claim("run-1", "worker-2", TTL).epoch == 2
    assert store.execution("run-1").deaths == 1
    assert world.types().count("worker_lost") == 1


def test_a_store_says_what_time_it_is(world: World) -> None:
    assert world.store.now() == world.clock.now()
    world.clock.advance(60)
    assert world.store.now() == world.clock.now()
