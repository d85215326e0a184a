"""T8: simulations by seed. One that finds something prints its seed and what went wrong in it."""

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
from tests.reliability.simulation.action_mixes import SITES, Mix
from tests.reliability.simulation.simulation import Result, simulate
from tests.reliability.simulation.store_factory import StoreFactory
from tests.support.proof import THOROUGH, sample

SEEDS = sample(quick=40, ci=60, thorough=10_000)
AGAIN = sample(quick=3, ci=5, thorough=100)
ON_SQLITE = 40
"""One seed of so many is on SQLite, which takes ten times as long."""


@pytest.fixture(scope="module")
def store_factory(tmp_path_factory: pytest.TempPathFactory) -> StoreFactory:
    return StoreFactory(tmp_path_factory.mktemp("ground"))


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of steps fail on purpose."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def some(seeds: range) -> list[Result]:
    """What comes of some seeds, in a process of its own."""
    logging.disable(logging.CRITICAL)
    with TemporaryDirectory() as folder:
        store_factory = StoreFactory(Path(folder))
        return [simulate(seed, store_factory, sqlite=seed % ON_SQLITE == 0) for seed in seeds]


def all_of_them(store_factory: StoreFactory) -> list[Result]:
    if not THOROUGH:
        return [simulate(seed, store_factory, sqlite=seed % ON_SQLITE == 0) for seed in range(SEEDS)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        parts = [range(first, first + 250) for first in range(0, SEEDS, 250)]
        return [result for part in pool.map(some, parts) for result in part]


@pytest.mark.timeout(0 if THOROUGH else 170)
def test_whatever_goes_wrong_everything_ends_as_it_should_and_nothing_is_done_twice(
    store_factory: StoreFactory,
) -> None:
    results = all_of_them(store_factory)
    happened: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    for result in results:
        happened += result.happened
        statuses += result.statuses
    hours = sum(result.seconds for result in results) / 3600
    print(f"{len(results)} seeds, {hours:.0f} hours, {dict(statuses)}, {dict(happened)}")
    bad = [result for result in results if result.findings]
    assert not bad, "\n".join(str(result) for result in bad[:5])
    assert [site for site in SITES if not happened[site]] == []  # or the run proves nothing
    by_people = statuses["cancelled"] + statuses["given up"]
    assert statuses["completed"] >= 0.95 * (sum(statuses.values()) - by_people)
    assert by_people <= 0.3 * sum(statuses.values())


def test_a_seed_does_the_same_every_time(store_factory: StoreFactory) -> None:
    for seed in range(AGAIN):
        assert simulate(seed, store_factory).trace == simulate(seed, store_factory).trace, f"seed {seed}"


def test_a_seed_does_the_same_in_another_process(store_factory: StoreFactory) -> None:
    program = (
        "import logging, sys, pathlib; logging.disable(logging.CRITICAL); sys.path.insert(0, sys.argv[1]);"
        "from tests.reliability.simulation.store_factory import StoreFactory;"
        "from tests.reliability.simulation.simulation import simulate;"
        "print(simulate(3, StoreFactory(pathlib.Path(sys.argv[2]))).trace)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, str(Path(__file__).resolve().parents[3]), "."],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": "7"}, timeout=120,
    )  # fmt: skip
    assert said.stdout.strip() == simulate(3, store_factory).trace


def _no_fence(memory: Memory, lease: Any) -> Any:
    return memory.stored(lease.execution_id)


def _a_key_of_its_own(*_: Any, **__: Any) -> str:
    return os.urandom(20).hex()


SABOTAGE: dict[str, tuple[str, Callable[..., Any]]] = {
    "writes are not fenced": ("flowbuilder.testing.memory_store.memory.Memory.fence", _no_fence),
    "doubt is not noticed": ("flowbuilder.steps.write_once._may_have_been_called", lambda effect: False),
    "every attempt has a key of its own": ("flowbuilder.engine.step_runner.effect_key", _a_key_of_its_own),
    "what is ready is not offered": ("flowbuilder.testing.memory_store.executions._ready_since", lambda *_: None),
    "anything can be claimed": ("flowbuilder.testing.memory_store.executions.ensure_claimable", lambda *_: None),
    "what was seen does not matter": ("flowbuilder.model.review_rules._ensure_seen", lambda *_: None),
}


@pytest.mark.parametrize("what", SABOTAGE)
def test_the_simulation_finds_that(what: str, store_factory: StoreFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    place, instead = SABOTAGE[what]
    monkeypatch.setattr(place, instead)
    assert any(simulate(seed, store_factory).findings for seed in range(1, 200) if has_zombies(seed))


def has_zombies(seed: int) -> bool:
    """Whether workers are stopped while they wait for answers."""
    mix = Mix.drawn(random.Random(seed))
    return bool(0 < mix.stop < 300 and mix.slow > 0.1)
