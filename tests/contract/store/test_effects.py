"""Contract of the effect ledger, for every store."""

import pytest

from flowbuilder.errors import Conflict, NotFound, Refused
from flowbuilder.model.effect import Effect, Intent
from flowbuilder.model.execution import Lease
from tests.support.store_contract import TTL, StoreHarness


def begin(harness: StoreHarness, lease: Lease, key: str = "k1", path: str = "publish") -> Effect:
    return harness.store.begin_effect(
        lease, Intent(key=key, path=path, target="cms", target_class="lookup", request_hash="hash")
    )


def test_an_intent_is_recorded_with_its_event(harness: StoreHarness) -> None:
    effect = begin(harness, harness.claim())
    assert (effect.status, effect.resumed, effect.receipt, effect.created_at) == (
        "intended", False, None, harness.clock.now(),
    )  # fmt: skip
    assert harness.store.effect("k1") == effect
    event = harness.store.events("run-1")[-1]
    assert (event.type, event.path) == ("effect_intended", "publish")
    assert event.data == {"key": "k1", "target": "cms", "request_hash": "hash"}


def test_a_repeated_intent_is_returned_as_resumed(harness: StoreHarness) -> None:
    lease = harness.claim()
    begin(harness, lease)
    again = begin(harness, lease)
    assert (again.status, again.resumed) == ("intended", True)
    assert harness.event_types().count("effect_intended") == 1


def test_a_receipt_stands(harness: StoreHarness) -> None:
    lease = harness.claim()
    begin(harness, lease)
    harness.clock.advance(1)
    done = harness.store.finish_effect(lease, "k1", "done", receipt={"id": 7}, inverse={"body": "old"})
    assert (done.status, done.receipt, done.inverse, done.done_at) == (
        "done", {"id": 7}, {"body": "old"}, harness.clock.now(),
    )  # fmt: skip
    assert harness.store.finish_effect(lease, "k1", "done", receipt={"id": 7}) == done
    for late in ({"id": 8}, None):
        with pytest.raises(Conflict, match="has a receipt already"):
            harness.store.finish_effect(lease, "k1", "done" if late else "unknown", receipt=late)
    assert harness.event_types()[1:] == ["effect_intended", "effect_done"]


def test_an_unknown_effect_may_still_get_its_receipt(harness: StoreHarness) -> None:
    lease = harness.claim()
    begin(harness, lease)
    unknown = harness.store.finish_effect(lease, "k1", "unknown", reason="cut off")
    assert (unknown.status, unknown.detail) == ("unknown", {"reason": "cut off"})
    assert harness.store.finish_effect(lease, "k1", "done", receipt={}).status == "done"


def test_one_key_is_one_effect_in_all_executions(harness: StoreHarness) -> None:
    begin(harness, harness.claim("run-1"))
    other = begin(harness, harness.claim("run-2"), path="elsewhere")
    assert (other.execution_id, other.path, other.resumed) == ("run-1", "publish", True)
    assert harness.store.effects("run-2") == ()


def test_effects_are_listed_in_the_order_of_their_intents(harness: StoreHarness) -> None:
    lease = harness.claim()
    for key in ("c", "a", "b"):
        begin(harness, lease, key)
    assert [effect.key for effect in harness.store.effects("run-1")] == ["c", "a", "b"]
    assert harness.store.effects("missing") == ()


def test_a_missing_effect_is_not_found(harness: StoreHarness) -> None:
    with pytest.raises(NotFound):
        harness.store.effect("k1")
    with pytest.raises(NotFound):
        harness.store.finish_effect(harness.claim(), "k1", "done", receipt={})


def test_the_next_holder_sees_the_intent_of_the_last(harness: StoreHarness) -> None:
    begin(harness, harness.claim())
    harness.clock.advance(16)
    assert begin(harness, harness.store.claim("run-1", "worker-2", TTL)).resumed


def test_a_refused_effect_is_intended_again_and_not_in_doubt(harness: StoreHarness) -> None:
    lease = harness.claim()
    begin(harness, lease)
    refused = harness.store.finish_effect(lease, "k1", "refused", reason="429")
    assert (refused.status, refused.detail) == ("refused", {"reason": "429"})
    again = begin(harness, lease)
    assert (again.status, again.resumed, again.detail) == ("intended", False, {})
    assert begin(harness, lease).resumed is True
    assert harness.event_types()[1:] == ["effect_intended", "effect_refused", "effect_intended"]


def test_no_effect_starts_once_the_execution_is_asked_to_cancel(harness: StoreHarness) -> None:
    lease = harness.claim()
    begin(harness, lease, "k1")
    harness.store.request_control(lease.execution_id, "cancel", "ana")
    with pytest.raises(Refused, match="no effect starts"):
        begin(harness, lease, "k2")
    assert begin(harness, lease, "k1").resumed is True
    assert harness.store.finish_effect(lease, "k1", "done", receipt={"id": 7}).status == "done"
    assert [effect.key for effect in harness.store.effects("run-1")] == ["k1"]


def test_an_effect_keeps_how_many_questions_were_answered_when_it_was_last_begun(harness: StoreHarness) -> None:
    lease = harness.claim()

    def begun(asked: int) -> tuple[int, bool]:
        effect = harness.store.begin_effect(
            lease, Intent(key="k1", path="a", target="t", target_class="neither", request_hash="h", asked=asked)
        )
        return effect.asked, effect.resumed

    assert begun(0) == (0, False)
    assert begun(1) == (0, True)  # as it stood before
    assert begun(1) == (1, True)
    harness.store.finish_effect(lease, "k1", "unknown", reason="cut off")
    assert (harness.store.effect("k1").asked, harness.store.effect("k1").detail) == (1, {"reason": "cut off"})
    harness.store.finish_effect(lease, "k1", "unknown", reason="429", asked=0)  # the approval was not used
    assert begun(1) == (0, True)
    harness.store.finish_effect(lease, "k1", "refused", reason="429")
    assert begun(1) == (1, False)
    assert begun(2) == (1, True)


def test_an_effect_has_the_age_of_its_key(harness: StoreHarness) -> None:
    lease = harness.claim()

    def declared() -> Effect:
        return harness.store.begin_effect(
            lease,
            Intent(
                key="k1", path="order", target="shop", target_class="deduplicates", request_hash="h", key_retention=60
            ),
        )

    assert (declared().key_retention, declared().forgotten) == (60, False)
    assert harness.store.events("run-1")[-1].data["key_retention"] == 60
    harness.clock.advance(60)
    assert (declared().age, declared().forgotten) == (60, False)
    harness.store.finish_effect(lease, "k1", "unknown", reason="no answer")
    harness.clock.advance(1)
    assert (declared().age, declared().forgotten) == (61, True)
    assert harness.store.effect("k1").detail == {"reason": "no answer"}


def test_a_target_without_key_retention_never_forgets_keys(harness: StoreHarness) -> None:
    lease = harness.claim()
    begin(harness, lease)
    harness.clock.advance(10**8)
    assert not begin(harness, lease).forgotten
