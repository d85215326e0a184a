"""G8: simulations by seed. One with a violation prints its seed, its fault rates and the violation."""

from __future__ import annotations

import logging
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from flowbuilder.testing.memory_store.memory import Memory
from tests.reliability.simulation.fault_rates import FAULTS, FaultRates
from tests.reliability.simulation.simulation import Result, simulate
from tests.reliability.simulation.store_factory import StoreFactory
from tests.support.proof import THOROUGH, sample

SEEDS = sample(quick=12, ci=60, thorough=10_000)
AGAIN = sample(quick=3, ci=5, thorough=100)
ON_SQLITE = 40
"""One seed of so many runs on SQLite, which takes ten times as long."""


@pytest.fixture(scope="module")
def store_factory(tmp_path_factory: pytest.TempPathFactory) -> StoreFactory:
    return StoreFactory(tmp_path_factory.mktemp("stores"))


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Disable logging: thousands of steps fail on purpose."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def simulate_range(seeds: range) -> list[Result]:
    """The results of a range of seeds, run in a process of its own."""
    logging.disable(logging.CRITICAL)
    with TemporaryDirectory() as folder:
        store_factory = StoreFactory(Path(folder))
        return [simulate(seed, store_factory, sqlite=seed % ON_SQLITE == 0) for seed in seeds]


def simulate_all(store_factory: StoreFactory) -> list[Result]:
    if not THOROUGH:
        return [simulate(seed, store_factory, sqlite=seed % ON_SQLITE == 0) for seed in range(SEEDS)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        parts = [range(first, first + 250) for first in range(0, SEEDS, 250)]
        return [result for part in pool.map(simulate_range, parts) for result in part]


@pytest.mark.timeout(0 if THOROUGH else 170)
def test_under_faults_every_execution_ends_and_no_effect_is_applied_twice(
    store_factory: StoreFactory,
) -> None:
    results = simulate_all(store_factory)
    fault_counts: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    for result in results:
        fault_counts += result.fault_counts
        statuses += result.statuses
    hours = sum(result.seconds for result in results) / 3600
    print(f"{len(results)} seeds, {hours:.0f} hours, {dict(statuses)}, {dict(fault_counts)}")
    bad = [result for result in results if result.violations]
    assert not bad, "\n".join(str(result) for result in bad[:5])
    assert [fault for fault in FAULTS if not fault_counts[fault]] == []  # or the run proves nothing
    by_reviewers = statuses["cancelled"] + statuses["given up"]
    assert statuses["completed"] >= 0.95 * (sum(statuses.values()) - by_reviewers)
    assert by_reviewers <= 0.3 * sum(statuses.values())


def test_a_seed_gives_the_same_trace_every_time(store_factory: StoreFactory) -> None:
    for seed in range(AGAIN):
        assert simulate(seed, store_factory).trace == simulate(seed, store_factory).trace, f"seed {seed}"


def test_a_seed_gives_the_same_trace_in_another_process(store_factory: StoreFactory) -> None:
    program = (
        "import logging, sys, pathlib; logging.disable(logging.CRITICAL); sys.path.insert(0, sys.argv[1]);"
        "from tests.reliability.simulation.store_factory import StoreFactory;"
        "from tests.reliability.simulation.simulation import simulate;"
        "print(simulate(3, StoreFactory(pathlib.Path(sys.argv[2]))).trace)"
    )
    finding = subprocess.run(
        [sys.executable, "-c", program, str(Path(__file__).resolve().parents[3]), "."],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": "7"}, timeout=120,
    )  # fmt: skip
    assert finding.stdout.strip() == simulate(3, store_factory).trace


def _no_fence(memory: Memory, lease: Any) -> Any:
    return memory.stored(lease.execution_id)


def _random_key(*_: Any, **__: Any) -> str:
    return os.urandom(20).hex()


REMOVED_GUARDS: dict[str, tuple[str, Callable[..., Any]]] = {
    "writes are not fenced": ("flowbuilder.testing.memory_store.memory.Memory.fence", _no_fence),
    "a call in doubt is not noticed": ("flowbuilder.steps.write_once._may_have_been_called", lambda effect: False),
    "every attempt has a key of its own": ("flowbuilder.engine.step_runner.effect_key", _random_key),
    "what is ready is not offered": ("flowbuilder.testing.memory_store.executions._ready_since", lambda *_: None),
    "anything can be claimed": ("flowbuilder.testing.memory_store.executions.ensure_claimable", lambda *_: None),
    "what was seen does not matter": ("flowbuilder.model.review_rules._ensure_seen", lambda *_: None),
}


@pytest.mark.parametrize("what", REMOVED_GUARDS)
def test_the_simulation_finds_a_removed_guard(
    what: str, store_factory: StoreFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard, replacement = REMOVED_GUARDS[what]
    monkeypatch.setattr(guard, replacement)
    assert any(simulate(seed, store_factory).violations for seed in range(1, 200) if stops_busy_workers(seed))


def stops_busy_workers(seed: int) -> bool:
    """Whether workers are stopped past their leases while they wait for answers."""
    rates = FaultRates.draw(random.Random(seed))
    return bool(0 < rates.stop < 300 and rates.slow > 0.1)
