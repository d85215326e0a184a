"""G11: a worker that renews its lease in time keeps the execution; a reconciler takes over expired leases only."""

from __future__ import annotations

import random

import pytest

from flowbuilder.errors import Conflict
from flowbuilder.model.events import NewEvent
from flowbuilder.testing import FakeClock
from tests.reliability.conftest import Openers
from tests.support.proof import THOROUGH, sample
from tests.support.store_contract import TTL, StoreHarness

PAUSES = {
    "memory": 10_000,
    "sqlite": sample(quick=250, ci=500, thorough=10_000),
    "postgres": sample(quick=100, ci=250, thorough=10_000),
}
SHORT = 0.001
"""By how many seconds the longest pause is shorter than the lease."""


@pytest.mark.timeout(0 if THOROUGH else 180)
def test_a_reconciler_takes_over_expired_leases_only(kind: str, openers: Openers) -> None:
    clock, chance = FakeClock(), random.Random(11)
    harness = StoreHarness(openers(clock)(), clock)
    store, lease = harness.store, harness.claim("run-1", holder="alive")
    taken = 0
    for number in range(PAUSES[kind]):
        clock.advance(chance.choice((chance.uniform(0, 15), 15 - SHORT)))
        if store.ready():
            taken += 1
        try:
            store.claim("run-1", f"reconciler-{number}", TTL)
            taken += 1
        except Conflict:
            pass
        if number % 2:
            store.renew(lease, TTL)
        else:
            store.append_events(lease, [NewEvent(type="step_started", path="a")])  # events do not renew a lease
            store.renew(lease, TTL)
    assert taken == 0
    assert store.execution("run-1").epoch == lease.epoch
    clock.advance(15 + SHORT)
    assert [execution.id for execution in store.ready()] == ["run-1"]
    assert store.claim("run-1", "reconciler", TTL).epoch == lease.epoch + 1
