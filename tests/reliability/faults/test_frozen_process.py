"""A process that was stopped between the intent and the call does not call if it has lost its lease meanwhile."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

from flowbuilder.engine.effects.effect_ledger import EffectLedger
from flowbuilder.errors import LostLease
from flowbuilder.model.effect import Effect, Intent
from flowbuilder.testing import FakeClock, MemoryStore
from tests.support.store_contract import StoreHarness


class FreezingStore:
    """A store whose process is stopped right after the intent is committed; `meanwhile` runs then."""

    def __init__(self, store: MemoryStore, meanwhile: Any) -> None:
        self._store, self._meanwhile = store, meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def begin_effect(self, *given: Any) -> Effect:
        effect = self._store.begin_effect(*given)
        time.sleep(0.05)
        self._meanwhile()
        return effect


async def begin(ledger: EffectLedger) -> Effect:
    return await ledger.begin(
        Intent(key="k", path="publish", target="POST x", target_class="neither", request_hash="h")
    )


@pytest.fixture(autouse=True)
def short_freshness(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowbuilder.engine.effects.effect_ledger.FRESH_SECONDS", 0.04)


async def test_a_call_does_not_begin_once_another_worker_has_the_lease() -> None:
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    lease = StoreHarness(store, clock).claim()

    def taken_over() -> None:
        clock.advance(3600)
        store.claim("run-1", "another worker", timedelta(seconds=15))

    with pytest.raises(LostLease):
        await begin(EffectLedger(FreezingStore(store, taken_over), lease))  # type: ignore[arg-type]
    assert [effect.status for effect in store.effects("run-1")] == ["intended"]


async def test_a_call_begins_while_the_lease_is_held() -> None:
    clock = FakeClock()
    store = MemoryStore(clock=clock)
    lease = StoreHarness(store, clock).claim()
    effect = await begin(EffectLedger(FreezingStore(store, lambda: clock.advance(3600)), lease))  # type: ignore[arg-type]
    assert (effect.status, effect.resumed) == ("intended", False)
