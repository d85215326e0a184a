"""Concurrency limits in a real Prefect server: strict, shared by workers, and released by killed ones."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.settings import PREFECT_API_URL, temporary_settings
from pytest_httpserver import HTTPServer

from flowbuilder.adapters.ports import SystemClock
from flowbuilder.adapters.throttling.connection_throttle import ConnectionThrottle
from flowbuilder.adapters.throttling.limit_registry import LimitRegistry
from flowbuilder.errors import Throttled
from flowbuilder.prefect.api import global_limits
from flowbuilder.prefect.api.global_limits import PrefectConcurrencyLimits, limit_name
from flowbuilder.testing import FakeConnections, MemoryStore
from tests.support.proof import THOROUGH
from tests.support.servers.prefect_server import PrefectServer, free_port

pytestmark = pytest.mark.prefect
HOLDER = """
import asyncio, sys
from flowbuilder.prefect.api.global_limits import PrefectConcurrencyLimits

async def hold():
    async with PrefectConcurrencyLimits().held(sys.argv[1], 1, ours=1):
        print("held", flush=True)
        await asyncio.sleep(600)

asyncio.run(hold())
"""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a Prefect server on a busy machine, which would be passed over as unavailable otherwise."""
    monkeypatch.setattr(global_limits, "ANSWER_SECONDS", 60.0)


def worker(name: str, limit: int) -> ConnectionThrottle:
    """The throttle of a worker with its own limiter store, so that only Prefect's limit is shared."""
    connections = FakeConnections({name: {"limits": {"concurrency": limit}}})
    return ConnectionThrottle(
        MemoryStore(), LimitRegistry(connections), SystemClock(), external_limit=PrefectConcurrencyLimits()
    )


async def active(name: str) -> tuple[int, int]:
    async with get_client() as client:
        found = await client.read_global_concurrency_limit_by_name(limit_name(name))
    return found.limit, found.active_slots


async def until_free(name: str, *, seconds: float = 300) -> None:
    until = time.monotonic() + seconds
    while (await active(name))[1] > 0:
        assert time.monotonic() < until, "a place was not given back"
        await asyncio.sleep(0.1)


async def calls(name: str, limit: int, number: int) -> int:
    """Make `number` calls by two workers; the largest number at once."""
    workers = [worker(name, limit) for _ in range(2)]
    under_way, most, made = 0, 0, 0

    async def call(throttle: ConnectionThrottle) -> None:
        nonlocal under_way, most, made
        while True:
            try:
                async with throttle.acquire(name):
                    under_way += 1
                    most = max(most, under_way)
                    await asyncio.sleep(0.8)
                    under_way -= 1
                    made += 1
                    return
            except Throttled:
                await asyncio.sleep(0.1)

    await asyncio.gather(*(call(workers[place % 2]) for place in range(number)))
    assert made == number
    return most


async def test_two_workers_never_make_more_calls_at_once_than_the_limit_in_prefect(prefect: PrefectServer) -> None:
    assert await calls("shop", 2, 8) == 2
    await until_free("shop")
    assert await active("shop") == (2, 0)


async def test_a_missing_limit_is_created_and_enforced(prefect: PrefectServer) -> None:
    throttles = [worker("strict", 1) for _ in range(2)]
    async with throttles[0].acquire("strict"):
        pass
    await until_free("strict")
    async with get_client() as client:
        await client.delete_global_concurrency_limit_by_name(limit_name("strict"))
    async with throttles[0].acquire("strict"):
        assert await active("strict") == (1, 1)
        with pytest.raises(Throttled, match="the concurrency limit of strict is reached"):
            async with throttles[1].acquire("strict"):
                pass


async def test_declared_limits_are_the_limits_in_prefect(prefect: PrefectServer) -> None:
    async with worker("changed", 3).acquire("changed"):
        assert await active("changed") == (3, 1)
    async with get_client() as client:
        await client.update_global_concurrency_limit(
            limit_name("changed"), GlobalConcurrencyLimitUpdate(limit=50, active=False)
        )
    async with worker("changed", 4).acquire("changed"):
        async with get_client() as client:
            found = await client.read_global_concurrency_limit_by_name(limit_name("changed"))
        assert (found.limit, found.active) == (4, True)


async def test_while_prefect_is_away_our_own_limiter_decides(prefect: PrefectServer) -> None:
    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api"}):
        throttle = worker("alone", 1)
        async with throttle.acquire("alone"):
            with pytest.raises(Throttled, match="the concurrency limit of alone is reached"):
                async with throttle.acquire("alone"):
                    pass


async def test_slots_that_prefect_has_lost_are_released(
    prefect: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(global_limits, "LOST_SECONDS", 0.5)
    monkeypatch.setattr(global_limits, "UNAVAILABLE_SECONDS", 0.1)
    throttle = worker("lost", 2)
    async with throttle.acquire("lost"):
        pass
    await until_free("lost")
    async with get_client() as client:  # as a server that has lost its leases but not its counts
        await client.update_global_concurrency_limit(limit_name("lost"), GlobalConcurrencyLimitUpdate(active_slots=2))
    refused = 0
    while True:
        try:
            async with throttle.acquire("lost"):
                break
        except Throttled:
            refused += 1
            assert refused < 20
            await asyncio.sleep(0.2)
    assert refused > 0


@pytest.mark.skipif(not THOROUGH, reason="Prefect takes a place back a minute and more after its holder died")
async def test_the_slot_of_a_killed_holder_is_released(prefect: PrefectServer) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, "killed"], env=prefect.environment, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert await asyncio.to_thread(holder.stdout.readline) == "held\n"
    holder.kill()
    holder.wait()
    throttle = worker("killed", 1)
    with pytest.raises(Throttled):
        async with throttle.acquire("killed"):
            pass
    begun = time.monotonic()
    await until_free("killed")
    assert time.monotonic() - begun > 5
    async with throttle.acquire("killed"):
        pass


async def test_no_call_passes_a_limit_that_cannot_be_created(httpserver: HTTPServer) -> None:
    limits = "/api/v2/concurrency_limits"
    httpserver.expect_request(f"{limits}/increment-with-lease").respond_with_json(
        {"lease_id": "0193b0a6-0000-7000-8000-000000000000", "limits": []}
    )
    httpserver.expect_request(f"{limits}/", method="POST").respond_with_json({"id": "x"}, status=409)
    httpserver.expect_request(f"{limits}/flowbuilder:unmade", method="GET").respond_with_json({}, status=404)
    httpserver.expect_request("/api/csrf-token").respond_with_data("CSRF protection is disabled.", status=422)
    throttle = worker("unmade", 1)
    with (
        temporary_settings({PREFECT_API_URL: httpserver.url_for("/api")}),
        pytest.raises(Throttled, match="the limit flowbuilder:unmade cannot be created in Prefect"),
    ):
        async with throttle.acquire("unmade"):
            pass
    assert [entry[0].path for entry in httpserver.log].count(f"{limits}/increment-with-lease") == 2


def test_limit_names_contain_only_characters_that_prefect_allows() -> None:
    assert limit_name("a/b&c") == "flowbuilder:a-b-c"
