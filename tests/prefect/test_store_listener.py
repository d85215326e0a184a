"""A decision on another machine: without a wake-up the next step starts at once."""

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
from tests.support.servers.postgres import Server
from tests.support.servers.prefect_installation import PrefectInstallation, until
from tests.support.servers.prefect_server import PrefectServer

SOON = 0.5


@pytest.fixture(params=["sqlite", "postgres"])
def unpolled(
    request: pytest.FixtureRequest, prefect: PrefectServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PrefectInstallation]:
    """An installation on each database, whose worker does not poll."""
    monkeypatch.setattr(warm_worker, "STORE_POLL_SECONDS", 3600.0)
    url = request.getfixturevalue(f"{request.param}_url")
    settings = settings.model_copy(update={"database_url": url, "sweep_seconds": 3600.0})
    with contextlib.closing(open_store(url, durable=False)) as store:
        yield PrefectInstallation(store=store, ports=fake_ports(clock=SystemClock()), settings=settings)


@pytest.mark.prefect
async def test_a_decision_on_another_machine_resumes_within_half_a_second(unpolled: PrefectInstallation) -> None:
    workflow = unpolled.publish(NOTE)
    elsewhere, here = [], []
    async with unpolled.worker():
        for number in range(3):
            execution_id = await unpolled.start(workflow, {"text": f"here {number}"})
            here.append(await seconds_to_next_step(unpolled, execution_id, unpolled.app.decide))
            execution_id = await unpolled.start(workflow, {"text": f"elsewhere {number}"})
            elsewhere.append(await seconds_to_next_step(unpolled, execution_id, unpolled.store.decide))
    # how long the same takes with a wake-up tells how busy the machine is
    assert min(elsewhere) < SOON + 3 * min(here), (elsewhere, here)


async def seconds_to_next_step(
    installation: PrefectInstallation, execution_id: str, decide: Callable[[str, Answer], object]
) -> float:
    """Seconds from the commit of a decision to the start of the step after it. The application's `decide` wakes the
    worker, that of the store does not."""
    review = await installation.review(execution_id)
    await installation.status(execution_id, "waiting")
    await asyncio.sleep(0.3)  # a reviewer reads it
    now = installation.app.review(review.id)
    await asyncio.to_thread(decide, now.id, Answer.to(now, kind="approved", by="ana"))
    await installation.status(execution_id, "completed")
    decided = installation.app.review(review.id).decision
    [started] = installation.events(execution_id, "step_started", "after")
    assert decided is not None
    return (started.at - decided.at).total_seconds()


class Woken:
    """The executions that a listener has woken."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def wake(self, execution_id: str) -> None:
        self.ids.append(execution_id)

    async def of(self, execution_id: str) -> None:
        await until(lambda: execution_id in self.ids, what=f"a wake-up for {execution_id}")


@contextlib.asynccontextmanager
async def listening(store: Any, wanted: Callable[[str], bool] = lambda _: True) -> AsyncIterator[Woken]:
    woken = Woken()
    listener = StoreListener(store, is_interested=wanted, wake=woken.wake)
    listener.start()
    try:
        yield woken
    finally:
        await listener.stop()


def begin(store: Any, execution_id: str) -> None:
    """Create an execution that is ready."""
    from flowbuilder.definition.loader import load

    document: Any = {"schema": "flowbuilder/v1", "name": "one", "steps": [{"id": "a", "type": "code", "source": "1"}]}
    definition, _ = load(document)
    assert definition is not None
    version = store.save_version(name="one", title="One", document=document, source="", digest=definition.digest)
    create_execution(store, SystemClock(), execution_id=execution_id, version=version, inputs={})


async def test_a_listener_reconnects_after_a_restart_of_the_database(postgres: Server, postgres_url: str) -> None:
    if postgres.data is None:
        pytest.skip("the server is not this session's own")
    with contextlib.closing(open_store(postgres_url, durable=False)) as store:
        async with listening(store) as woken:
            await asyncio.to_thread(repeatedly, lambda number: begin(store, f"before-{number}"), lambda: woken.ids)
            await asyncio.to_thread(postgres.crash)
            seen = len(woken.ids)
            await asyncio.to_thread(
                repeatedly, lambda number: begin(store, f"after-{number}"), lambda: woken.ids[seen:]
            )


async def test_a_listener_reconnects_after_a_lost_connection(postgres_url: str) -> None:
    with contextlib.closing(open_store(postgres_url, durable=False)) as store:
        async with listening(store) as woken:
            await asyncio.to_thread(repeatedly, lambda number: begin(store, f"before-{number}"), lambda: woken.ids)
            with psycopg.connect(postgres_url, autocommit=True) as connection:
                cut = connection.execute(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
                ).fetchone()
            assert cut == (1,)
            seen = len(woken.ids)
            await asyncio.to_thread(
                repeatedly, lambda number: begin(store, f"after-{number}"), lambda: woken.ids[seen:]
            )


def repeatedly(act: Callable[[int], None], woken: Callable[[], list[str]]) -> None:
    """Create executions until one is woken: notifications that are sent before the listener is connected are lost."""
    for number in range(3000):
        act(number)
        time.sleep(0.1)
        if woken():
            return
    raise AssertionError("no execution was woken")


async def test_only_executions_that_interest_the_worker_are_woken() -> None:
    store = MemoryStore()
    async with listening(store, wanted=lambda execution_id: execution_id != "other") as woken:
        begin(store, "other")
        begin(store, "mine")
        await woken.of("mine")
    assert woken.ids == ["mine"]


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


async def test_a_listener_retries_an_unavailable_database() -> None:
    store = Away()
    async with listening(store) as woken:
        await woken.of("there")
    assert woken.ids == ["there"]
    assert store.tries == 3
