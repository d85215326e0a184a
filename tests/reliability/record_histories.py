"""Records the histories of the current release: of all scenarios, samples and cases, with and without faults.

    python -m tests.reliability.record_histories

A release is recorded once. Later releases are compared with the recorded histories.
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import flowbuilder
from flowbuilder.adapters.models.example_value import example_value
from flowbuilder.definition.loader import load
from flowbuilder.model.review import Review
from flowbuilder.testing import (
    Answer,
    FakeClock,
    FakeConnections,
    FakeHttp,
    MemoryCms,
    MemoryStore,
    fake_ports,
    run_locally,
)
from flowbuilder.testing.run import Verb
from tests.acceptance.test_examples import served
from tests.reliability.simulation.simulation import simulate
from tests.reliability.simulation.store_factory import StoreFactory
from tests.support.faults.crash_injection import Crash, CrashInjector
from tests.support.faults.crash_scenario import CrashScenario, changes
from tests.support.faults.crash_workflows import PAGE, SCENARIOS, SITE
from tests.support.recorded_histories import History, history_of

CORPUS = Path(__file__).parent / "corpus"
CASES = Path(__file__).parents[1] / "cases" / "good"
SEEDS = range(8)


def scenarios() -> Iterator[tuple[str, History]]:
    """Each scenario once without faults, and once with a crash in the middle."""
    for scenario in SCENARIOS:
        injector = CrashInjector(counts=changes)
        for name, crashes in ((scenario.name, False), (f"{scenario.name}-after-a-death", True)):
            clock = FakeClock()
            store = MemoryStore(clock=clock)
            crash_run = CrashScenario(scenario, partial(_itself, store), clock)
            with contextlib.suppress(Crash):
                crash_run.run_process(
                    CrashInjector(len(injector.operations) * 2 // 3, "before", counts=changes) if crashes else injector
                )
            clock.advance(60)
            crash_run.run_process(CrashInjector())
            yield f"scenario-{name}", history_of(store, "run")


def _itself(store: MemoryStore) -> MemoryStore:
    """Returns the memory store itself, which survives crashes."""
    return store


def simulations() -> Iterator[tuple[str, History]]:
    """Executions of simulations with faults."""
    with TemporaryDirectory() as folder:
        store_factory = StoreFactory(Path(folder))
        for seed in SEEDS:
            simulate(seed, store_factory)
            for execution in sorted(store_factory._memory._memory.executions):
                history = history_of(store_factory._memory, execution)
                yield f"simulated-{seed}-{execution}-{history['workflow'][0]}", history


def samples() -> Iterator[tuple[str, History]]:
    """The sample workflows on the sample site, with different decisions."""
    again = {"review": Answer(verb="request-changes", comment="leave out the summary"), "review#2": "approve"}
    each_other = {"pages[0].refresh.review": "approve", "pages[1].refresh.review": "reject"}
    plans: list[tuple[str, str, Any, Any]] = [
        ("waits", "decay-refresh", {}, None),
        ("approved", "decay-refresh", {}, {"review": "approve"}),
        ("rejected", "decay-refresh", {}, {"review": "reject"}),
        ("edited", "decay-refresh", {}, {"review": Answer(verb="approve", edited="# Tea\n\nBy hand.\n")}),
        ("another-round", "decay-refresh", {}, again),
        ("one-page", "refresh-page", {"url": "/guides/brew-green-tea"}, {"review": "approve"}),
        ("several", "decay-refresh-all", {"max_pages": 2}, each_other),
    ]  # fmt: skip
    for name, workflow, inputs, decide in plans:
        with TemporaryDirectory() as folder, served(Path(folder)) as site:
            given = {key: site.address + value if key == "url" else value for key, value in inputs.items()}
            done = site.run(workflow, given, decide=decide)
            yield f"sample-{name}", history_of(done.store, done.execution.id)


def cases() -> Iterator[tuple[str, History]]:
    """The good cases on fakes with one page: some fail, which is a history too."""
    texts = {path.stem: path.read_text("utf-8") for path in sorted(CASES.glob("*.yaml"))}
    for name, text in texts.items():
        definition, _ = load(text)
        assert definition is not None
        schema = definition.input_schema()
        inputs = {name: _sample(schema["properties"][name]) for name in schema["required"]}
        called = tuple(other for stem, other in texts.items() if stem != name and stem in text)
        page = "<html><title>Tea</title><body><h1>Tea</h1><p>How to brew it.</p></body></html>"
        connections = FakeConnections({"shop": {"url": "https://site.example", "token": "t"}})
        site = {**SITE, "reviewers": {"editors": ["tester@localhost"]}}
        ports = fake_ports(http=FakeHttp({PAGE: page}), cms=MemoryCms({PAGE: "old text"}), connections=connections)
        approved: set[str] = set()

        def approve_once(review: Review, seen: set[str] = approved) -> Verb | None:
            known = review.id in seen
            seen.add(review.id)
            return None if known else "approve"

        done = run_locally(
            text, inputs, decide=approve_once, ports=ports, site=site, called=called
        )  # fmt: skip
        yield f"case-{name}", history_of(done.store, done.execution.id)


def _sample(schema: Any) -> Any:
    match schema.get("type"):
        case "array":
            return [_sample(schema.get("items", {"type": "string"}))] * 2
        case "object":
            return {name: _sample(inner) for name, inner in schema.get("properties", {}).items()}
        case "string" if "enum" not in schema:
            return PAGE
    return example_value(schema)


def main() -> None:
    logging.disable(logging.CRITICAL)
    place = CORPUS / flowbuilder.__version__
    if place.exists() and "--anew" not in sys.argv:
        sys.exit(
            f"{place.name} is recorded already, and what was recorded does not change; --anew before it is released"
        )
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    count = 0
    for source in (scenarios, simulations, samples, cases):
        for name, history in source():
            lines = [f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}" for key, value in history.items()]
            (place / f"{name}.json").write_text("{" + ",\n".join(lines) + "}\n")
            count += 1
    print(f"{count} histories")


if __name__ == "__main__":
    main()
