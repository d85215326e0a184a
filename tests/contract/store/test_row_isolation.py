"""A write for one effect, review or execution changes no other row of its table."""

from __future__ import annotations

from typing import Any

import pytest

from flowbuilder.errors import Conflict, NotFound, Refused
from flowbuilder.model.effect import Effect, Intent
from flowbuilder.model.execution import Lease
from flowbuilder.model.review import ReviewRequest
from flowbuilder.ports import Store
from tests.support.store_contract import TTL, StoreHarness


def begin(store: Store, lease: Lease, key: str, **more: Any) -> Effect:
    return store.begin_effect(
        lease, Intent(key=key, path=key, target="t", target_class="neither", request_hash="h", **more)
    )


@pytest.fixture
def two(harness: StoreHarness) -> tuple[Lease, Lease]:
    """Two claimed executions, the first with three effects."""
    leases = harness.claim("run-1"), harness.claim("run-2")
    for key in ("a", "b", "c"):
        begin(harness.store, leases[0], key)
    return leases


def test_a_decision_about_one_effect_does_not_count_for_another(
    harness: StoreHarness, two: tuple[Lease, Lease]
) -> None:
    begin(harness.store, two[0], "a", asked=2)
    assert [effect.asked for effect in harness.store.effects("run-1")] == [2, 0, 0]


def test_beginning_an_effect_again_does_not_change_others(harness: StoreHarness, two: tuple[Lease, Lease]) -> None:
    harness.store.finish_effect(two[0], "a", "done", receipt={"n": 1})
    harness.store.finish_effect(two[0], "b", "refused", reason="no")
    assert not begin(harness.store, two[0], "b").resumed
    assert [effect.status for effect in harness.store.effects("run-1")] == ["done", "intended", "intended"]


def test_a_receipt_is_recorded_for_one_effect(harness: StoreHarness, two: tuple[Lease, Lease]) -> None:
    harness.store.finish_effect(two[0], "b", "done", receipt={"n": 1})
    assert [effect.receipt for effect in harness.store.effects("run-1")] == [None, {"n": 1}, None]


def test_an_effect_with_a_receipt_does_not_become_unknown(harness: StoreHarness, two: tuple[Lease, Lease]) -> None:
    harness.store.finish_effect(two[0], "a", "done", receipt={"n": 1})
    with pytest.raises(Conflict):
        harness.store.finish_effect(two[0], "a", "unknown", reason="no answer")
    assert harness.store.effect("a").status == "done"


def test_effects_are_listed_in_the_order_in_which_they_began(harness: StoreHarness, two: tuple[Lease, Lease]) -> None:
    assert [effect.key for effect in harness.store.effects("run-1")] == ["a", "b", "c"]
    begin(harness.store, two[1], "z")
    assert [effect.key for effect in harness.store.effects("run-2")] == ["z"]
    assert [effect.key for effect in harness.store.effects("run-1")] == ["a", "b", "c"]


def test_an_effect_is_reverted_once_and_the_reversal_is_recorded(
    harness: StoreHarness, two: tuple[Lease, Lease]
) -> None:
    for key in ("a", "b"):
        harness.store.finish_effect(two[0], key, "done", receipt={"n": 1}, inverse={"undo": 1})
    harness.store.revert_effect("a", "ana")
    assert [effect.status for effect in harness.store.effects("run-1")] == ["reverted", "done", "intended"]
    assert harness.event_types("run-1").count("effect_reverted") == 1
    for key in ("a", "c"):
        with pytest.raises(Refused):
            harness.store.revert_effect(key, "ana")
    assert harness.event_types("run-1").count("effect_reverted") == 1
    with pytest.raises(NotFound):
        harness.store.revert_effect("nothing", "ana")


def test_a_write_in_doubt_is_reverted_after_the_end_of_its_execution(
    harness: StoreHarness, two: tuple[Lease, Lease]
) -> None:
    begin(harness.store, two[0], "d", inverse={"undo": 1})
    harness.store.finish_effect(two[0], "b", "unknown", inverse={"undo": 1}, reason="no answer")
    for key in ("b", "d"):
        with pytest.raises(Refused, match="was not completed"):
            harness.store.revert_effect(key, "ana")
    harness.store.settle(two[0], "failed", events=[], error={"code": "timeout", "message": "no answer"})
    assert harness.store.revert_effect("d", "ana").status == "reverted"
    with pytest.raises(Refused, match="was not completed"):
        harness.store.revert_effect("c", "ana")  # nothing is known that would undo it


def test_a_control_request_is_for_one_execution(harness: StoreHarness, two: tuple[Lease, Lease]) -> None:
    harness.store.request_control("run-1", "pause", "ana")
    assert (harness.store.control("run-1"), harness.store.control("run-2")) == ("pause", None)


def test_settling_one_execution_leaves_the_other_held(harness: StoreHarness, two: tuple[Lease, Lease]) -> None:
    review = harness.store.open_review(two[1], "review", ReviewRequest(title="?", proposal=1))
    harness.store.settle(two[0], "completed", events=[], outputs={"n": 1})
    other = harness.store.execution("run-2")
    assert (other.status, other.holder, other.outputs) == ("running", two[1].holder, None)
    assert harness.store.review(review.id).status == "open"
    harness.store.renew(two[1], TTL)


def test_a_decision_is_for_one_review(harness: StoreHarness, two: tuple[Lease, Lease]) -> None:
    first, second = (harness.store.open_review(lease, "review", ReviewRequest(title="?", proposal=1)) for lease in two)
    harness.approve(first, "ana")
    assert harness.store.review(second.id).status == "open"
    assert list(harness.store.decisions("run-1")) == ["review"]
    assert harness.store.decisions("run-2") == {}
    assert harness.store.execution("run-2").ready_at is None


def test_a_memo_belongs_to_one_execution(harness: StoreHarness, two: tuple[Lease, Lease]) -> None:
    harness.store.save_step_memo(two[0], path="a", key="k", answer={"n": 1})
    assert harness.store.step_memo("run-1", "k") == {"n": 1}
    assert harness.store.step_memo("run-1", "other") is None
    assert harness.store.step_memo("run-2", "k") is None
