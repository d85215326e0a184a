"""What is written for one thing changes no other one like it."""

from __future__ import annotations

from typing import Any

import pytest

from flowbuilder.errors import Conflict, NotFound, Refused
from flowbuilder.model.effect import Effect, Intent
from flowbuilder.model.execution import Lease
from flowbuilder.model.review import ReviewRequest
from flowbuilder.ports import Store
from tests.support.store_contract import TTL, World


def begin(store: Store, lease: Lease, key: str, **more: Any) -> Effect:
    return store.begin_effect(
        lease, Intent(key=key, path=key, target="t", target_class="neither", request_hash="h", **more)
    )


@pytest.fixture
def two(world: World) -> tuple[Lease, Lease]:
    """Two executions that are held, the first with three effects."""
    leases = world.held("run-1"), world.held("run-2")
    for key in ("a", "b", "c"):
        begin(world.store, leases[0], key)
    return leases


def test_an_answer_to_one_effects_question_is_none_to_anothers(world: World, two: tuple[Lease, Lease]) -> None:
    begin(world.store, two[0], "a", asked=2)
    assert [effect.asked for effect in world.store.effects("run-1")] == [2, 0, 0]


def test_an_effect_that_is_begun_anew_leaves_the_others_as_they_are(world: World, two: tuple[Lease, Lease]) -> None:
    world.store.finish_effect(two[0], "a", "done", receipt={"n": 1})
    world.store.finish_effect(two[0], "b", "refused", reason="no")
    assert not begin(world.store, two[0], "b").resumed
    assert [effect.status for effect in world.store.effects("run-1")] == ["done", "intended", "intended"]


def test_a_receipt_is_that_of_one_effect(world: World, two: tuple[Lease, Lease]) -> None:
    world.store.finish_effect(two[0], "b", "done", receipt={"n": 1})
    assert [effect.receipt for effect in world.store.effects("run-1")] == [None, {"n": 1}, None]


def test_a_receipt_does_not_become_a_doubt(world: World, two: tuple[Lease, Lease]) -> None:
    world.store.finish_effect(two[0], "a", "done", receipt={"n": 1})
    with pytest.raises(Conflict):
        world.store.finish_effect(two[0], "a", "unknown", reason="no answer")
    assert world.store.effect("a").status == "done"


def test_effects_are_listed_in_the_order_in_which_they_began(world: World, two: tuple[Lease, Lease]) -> None:
    assert [effect.key for effect in world.store.effects("run-1")] == ["a", "b", "c"]
    begin(world.store, two[1], "z")
    assert [effect.key for effect in world.store.effects("run-2")] == ["z"]
    assert [effect.key for effect in world.store.effects("run-1")] == ["a", "b", "c"]


def test_one_effect_is_taken_back_once_and_it_is_written_down(world: World, two: tuple[Lease, Lease]) -> None:
    for key in ("a", "b"):
        world.store.finish_effect(two[0], key, "done", receipt={"n": 1}, inverse={"undo": 1})
    world.store.revert_effect("a", "ana")
    assert [effect.status for effect in world.store.effects("run-1")] == ["reverted", "done", "intended"]
    assert world.types("run-1").count("effect_reverted") == 1
    for key in ("a", "c"):
        with pytest.raises(Refused):
            world.store.revert_effect(key, "ana")
    assert world.types("run-1").count("effect_reverted") == 1
    with pytest.raises(NotFound):
        world.store.revert_effect("nothing", "ana")


def test_a_wish_is_for_one_execution(world: World, two: tuple[Lease, Lease]) -> None:
    world.store.request_control("run-1", "pause", "ana")
    assert (world.store.control("run-1"), world.store.control("run-2")) == ("pause", None)


def test_letting_go_of_one_execution_leaves_the_other_held(world: World, two: tuple[Lease, Lease]) -> None:
    review = world.store.open_review(two[1], "review", ReviewRequest(title="?", proposal=1))
    world.store.settle(two[0], "completed", events=[], outputs={"n": 1})
    other = world.store.execution("run-2")
    assert (other.status, other.holder, other.outputs) == ("running", two[1].holder, None)
    assert world.store.review(review.id).status == "open"
    world.store.renew(two[1], TTL)


def test_a_decision_is_for_one_review(world: World, two: tuple[Lease, Lease]) -> None:
    first, second = (world.store.open_review(lease, "review", ReviewRequest(title="?", proposal=1)) for lease in two)
    world.approve(first, "ana")
    assert world.store.review(second.id).status == "open"
    assert list(world.store.decisions("run-1")) == ["review"]
    assert world.store.decisions("run-2") == {}
    assert world.store.execution("run-2").ready_at is None


def test_an_answer_is_one_executions(world: World, two: tuple[Lease, Lease]) -> None:
    world.store.save_step_memo(two[0], path="a", key="k", answer={"n": 1})
    assert world.store.step_memo("run-1", "k") == {"n": 1}
    assert world.store.step_memo("run-1", "other") is None
    assert world.store.step_memo("run-2", "k") is None
