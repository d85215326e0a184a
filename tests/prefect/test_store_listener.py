"""What another machine has decided: no wake-up reaches the worker, and the next step begins at once all the same."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import psycopg
import pytest

from flowbuilder.adapters.ports import SystemClock
from flowbuilder.engine.start import create_execution
from flowbuilder.errors import Unavailable
from flowbuilder.model.review_rules import Answer
from flowbuilder.prefect.worker import warm_worker
from flowbuilder.prefect.worker.store_listener import StoreListener
from flowbuilder.settings import Settings
from flowbuilder.store import open_store
from flowbuilder.testing import MemoryStore, fake_ports
from tests.support.documents import NOTE
from tests.support.postgres import Server
from tests.support.prefect_installation import PrefectInstallation, until
from tests.support.prefect_server import PrefectServer

SOON = 0.5


@pytest.fixture(params=["sqlite", "postgres"])
def far_shop(
    request: pytest.FixtureRequest, prefect: PrefectServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PrefectInstallation]:
    """A shop on both databases, whose worker does not poll."""
    monkeypatch.setattr(warm_worker, "STORE_POLL_SECONDS", 3600.0)
    url = request.getfixturevalue(f"{request.param}_url")
    settings = settings.model_copy(update={"database_url": url, "sweep_seconds": 3600.0})
    with contextlib.closing(open_store(url, durable=False)) as store:
        yield PrefectInstallation(store=store, ports=fake_ports(clock=SystemClock()), settings=settings)


@pytest.mark.prefect
async def test_a_decision_made_elsewhere_is_followed_within_half_a_second(far_shop: PrefectInstallation) -> None:
    workflow = far_shop.publish(NOTE)
    taken = []
    async with far_shop.worker():
        execution_id = await far_shop.start(workflow, {"text": "to warm up"})
        await decided_elsewhere(far_shop, execution_id)
        for number in range(3):
            execution_id = await far_shop.start(workflow, {"text": f"number {number}"})
            taken.append(await decided_elsewhere(far_shop, execution_id))
    assert min(taken) < SOON, taken  # the others are what a busy machine makes of it


async def decided_elsewhere(shop: PrefectInstallation, execution_id: str) -> float:
    """Seconds from the commit of a decision that nobody is woken for to the step after it."""
    review = await shop.review(execution_id)
    await shop.status(execution_id, "waiting")
    await asyncio.sleep(0.3)  # a person looks at it
    now = shop.app.review(review.id)
    await asyncio.to_thread(lambda: shop.store.decide(now.id, Answer.to(now, kind="approved", by="ana")))
    await shop.status(execution_id, "completed")
    decided = shop.app.review(review.id).decision
    [started] = shop.events(execution_id, "step_started", "after")
    assert decided is not None
    return (started.at - decided.at).total_seconds()


class Heard:
    """What a listener has called for, and when."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def call(self, execution_id: str) -> None:
        self.ids.append(execution_id)

    async def of(self, execution_id: str) -> None:
        await until(lambda: execution_id in self.ids, what=f"a call for {execution_id}")


@contextlib.asynccontextmanager
async def listening(store: Any, wanted: Callable[[str], bool] = lambda _: True) -> AsyncIterator[Heard]:
    heard = Heard()
    ear = StoreListener(store, is_interested=wanted, wake=heard.call)
    ear.start()
    try:
        yield heard
    finally:
        await ear.stop()


def begin(store: Any, execution_id: str) -> None:
    """An execution that is ready as soon as it is there."""
    from flowbuilder.definition.loader import load

    document: Any = {"schema": "flowbuilder/v1", "name": "one", "steps": [{"id": "a", "type": "code", "source": "1"}]}
    definition, _ = load(document)
    assert definition is not None
    version = store.save_version(name="one", title="One", document=document, source="", digest=definition.digest)
    create_execution(store, SystemClock(), execution_id=execution_id, version=version, inputs={})


async def test_a_listener_hears_again_after_the_database_was_restarted(postgres: Server, postgres_url: str) -> None:
    if postgres.data is None:
        pytest.skip("the server is not this session's own")
    with contextlib.closing(open_store(postgres_url, durable=False)) as store:
        async with listening(store) as heard:
            await asyncio.to_thread(repeatedly, lambda number: begin(store, f"before-{number}"), lambda: heard.ids)
            await asyncio.to_thread(postgres.crash)
            seen = len(heard.ids)
            await asyncio.to_thread(
                repeatedly, lambda number: begin(store, f"after-{number}"), lambda: heard.ids[seen:]
            )


async def test_a_listener_hears_again_after_its_connection_was_cut(postgres_url: str) -> None:
    with contextlib.closing(open_store(postgres_url, durable=False)) as store:
        async with listening(store) as heard:
            await asyncio.to_thread(repeatedly, lambda number: begin(store, f"before-{number}"), lambda: heard.ids)
            with psycopg.connect(postgres_url, autocommit=True) as connection:
                cut = connection.execute(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
                ).fetchone()
            assert cut == (1,)
            seen = len(heard.ids)
            await asyncio.to_thread(
                repeatedly, lambda number: begin(store, f"after-{number}"), lambda: heard.ids[seen:]
            )


def repeatedly(act: Callable[[int], None], heard: Callable[[], list[str]]) -> None:
    """Begin one execution after the other until one is heard of: what is said while nobody listens is lost."""
    for number in range(100):
        act(number)
        time.sleep(0.1)
        if heard():
            return
    raise AssertionError("nothing was heard of within ten seconds")


async def test_only_what_the_worker_wants_is_called_for() -> None:
    store = MemoryStore()
    async with listening(store, wanted=lambda execution_id: execution_id != "other") as heard:
        begin(store, "other")
        begin(store, "mine")
        await heard.of("mine")
    assert heard.ids == ["mine"]


class Away:
    """A store that is away at first."""

    def __init__(self) -> None:
        self.tries = 0

    def listen(self, _: float, stop: threading.Event) -> Iterator[str]:
        self.tries += 1
        if self.tries < 3:
            raise Unavailable("the database is away")
        yield "there"
        stop.wait()


async def test_a_database_that_is_away_is_asked_again() -> None:
    store = Away()
    async with listening(store) as heard:
        await heard.of("there")
    assert heard.ids == ["there"]
    assert store.tries == 3
