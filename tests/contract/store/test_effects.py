"""The effect ledger, as every store keeps it."""

import pytest

from flowbuilder.errors import Conflict, NotFound, Refused
from flowbuilder.model.effect import Effect, Intent
from flowbuilder.model.execution import Lease
from tests.support.store_contract import TTL, World


def begin(world: World, lease: Lease, key: str = "k1", path: str = "publish") -> Effect:
    return world.store.begin_effect(
        lease, Intent(key=key, path=path, target="cms", target_class="lookup", request_hash="hash")
    )


def test_an_intent_is_written_down_with_its_event(world: World) -> None:
    effect = begin(world, world.held())
    assert (effect.status, effect.resumed, effect.receipt, effect.created_at) == (
        "intended", False, None, world.clock.now(),
    )  # fmt: skip
    assert world.store.effect("k1") == effect
    event = world.store.events("run-1")[-1]
    assert (event.type, event.path) == ("effect_intended", "publish")
    assert event.data == {"key": "k1", "target": "cms", "request_hash": "hash"}


def test_an_intent_that_is_there_comes_back_as_resumed(world: World) -> None:
    lease = world.held()
    begin(world, lease)
    again = begin(world, lease)
    assert (again.status, again.resumed) == ("intended", True)
    assert world.types().count("effect_intended") == 1


def test_a_receipt_stands(world: World) -> None:
    lease = world.held()
    begin(world, lease)
    world.clock.advance(1)
    done = world.store.finish_effect(lease, "k1", "done", receipt={"id": 7}, inverse={"body": "old"})
    assert (done.status, done.receipt, done.inverse, done.done_at) == (
        "done", {"id": 7}, {"body": "old"}, world.clock.now(),
    )  # fmt: skip
    assert world.store.finish_effect(lease, "k1", "done", receipt={"id": 7}) == done
    for late in ({"id": 8}, None):
        with pytest.raises(Conflict, match="has a receipt already"):
            world.store.finish_effect(lease, "k1", "done" if late else "unknown", receipt=late)
    assert world.types()[1:] == ["effect_intended", "effect_done"]


def test_an_effect_of_which_nobody_knows_may_still_get_its_receipt(world: World) -> None:
    lease = world.held()
    begin(world, lease)
    unknown = world.store.finish_effect(lease, "k1", "unknown", reason="cut off")
    assert (unknown.status, unknown.detail) == ("unknown", {"reason": "cut off"})
    assert world.store.finish_effect(lease, "k1", "done", receipt={}).status == "done"


def test_one_key_is_one_effect_wherever_it_is(world: World) -> None:
    begin(world, world.held("run-1"))
    other = begin(world, world.held("run-2"), path="elsewhere")
    assert (other.execution_id, other.path, other.resumed) == ("run-1", "publish", True)
    assert world.store.effects("run-2") == ()


def test_effects_come_in_the_order_in_which_they_were_intended(world: World) -> None:
    lease = world.held()
    for key in ("c", "a", "b"):
        begin(world, lease, key)
    assert [effect.key for effect in world.store.effects("run-1")] == ["c", "a", "b"]
    assert world.store.effects("nobody") == ()


def test_an_effect_that_is_not_there_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        world.store.effect("k1")
    with pytest.raises(NotFound):
        world.store.finish_effect(world.held(), "k1", "done", receipt={})


def test_the_next_holder_sees_the_intent_of_the_last(world: World) -> None:
    begin(world, world.held())
    world.clock.advance(16)
    assert begin(world, world.store.claim("run-1", "worker-2", TTL)).resumed


def test_a_refused_effect_is_intended_anew_and_not_in_doubt(world: World) -> None:
    lease = world.held()
    begin(world, lease)
    refused = world.store.finish_effect(lease, "k1", "refused", reason="429")
    assert (refused.status, refused.detail) == ("refused", {"reason": "429"})
    again = begin(world, lease)
    assert (again.status, again.resumed, again.detail) == ("intended", False, {})
    assert begin(world, lease).resumed is True
    assert world.types()[1:] == ["effect_intended", "effect_refused", "effect_intended"]


def test_no_effect_starts_once_the_execution_is_asked_to_cancel(world: World) -> None:
    lease = world.held()
    begin(world, lease, "k1")
    world.store.request_control(lease.execution_id, "cancel", "ana")
    with pytest.raises(Refused, match="no effect starts"):
        begin(world, lease, "k2")
    assert begin(world, lease, "k1").resumed is True
    assert world.store.finish_effect(lease, "k1", "done", receipt={"id": 7}).status == "done"
    assert [effect.key for effect in world.store.effects("run-1")] == ["k1"]


def test_an_effect_keeps_how_many_questions_were_answered_when_it_was_last_begun(world: World) -> None:
    lease = world.held()

    def begun(asked: int) -> tuple[int, bool]:
        effect = world.store.begin_effect(
            lease, Intent(key="k1", path="a", target="t", target_class="neither", request_hash="h", asked=asked)
        )
        return effect.asked, effect.resumed

    assert begun(0) == (0, False)
    assert begun(1) == (0, True)  # as it stood before
    assert begun(1) == (1, True)
    world.store.finish_effect(lease, "k1", "unknown", reason="cut off")
    assert (world.store.effect("k1").asked, world.store.effect("k1").detail) == (1, {"reason": "cut off"})
    world.store.finish_effect(lease, "k1", "refused", reason="429")
    assert begun(1) == (1, False)
    assert begun(2) == (1, True)


def test_an_effect_tells_how_long_ago_its_key_may_first_have_been_used(world: World) -> None:
    lease = world.held()

    def declared() -> Effect:
        return world.store.begin_effect(
            lease,
            Intent(
                key="k1", path="order", target="shop", target_class="deduplicates", request_hash="h", key_retention=60
            ),
        )

    assert (declared().key_retention, declared().forgotten) == (60, False)
    assert world.store.events("run-1")[-1].data["key_retention"] == 60
    world.clock.advance(60)
    assert (declared().age, declared().forgotten) == (60, False)
    world.store.finish_effect(lease, "k1", "unknown", reason="no answer")
    world.clock.advance(1)
    assert (declared().age, declared().forgotten) == (61, True)
    assert world.store.effect("k1").detail == {"reason": "no answer"}


def test_a_target_that_says_nothing_of_it_never_forgets(world: World) -> None:
    lease = world.held()
    begin(world, lease)
    world.clock.advance(10**8)
    assert not begin(world, lease).forgotten
