"""The throttle on every store: in memory, on SQLite, on PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from flowbuilder.adapters.ports import SystemClock
from flowbuilder.adapters.throttling.connection_throttle import LONG_WAIT, SHORT_WAIT, ConnectionThrottle
from flowbuilder.adapters.throttling.limit_registry import LimitRegistry
from flowbuilder.errors import ConfigurationError, StepError, Throttled, TransientError
from flowbuilder.ports import Clock, Store, Throttle
from flowbuilder.ports.throttle import NoThrottle, limit_key
from flowbuilder.store import open_store
from flowbuilder.testing import FakeClock, FakeConnections, FakeThrottle, MemoryStore
from flowbuilder.throttling.context import ThrottleContext, throttle_context
from flowbuilder.throttling.limiter import SLOT_SECONDS
from flowbuilder.values import JsonObject

KNOWN: dict[str, JsonObject] = {
    "free": {"base_url": "https://free.example"},
    "narrow": {"limits": {"concurrency": 2}},
    "paced": {"limits": {"rate": "10/second", "burst": 2}},
    "slow": {"limits": {"rate": "1/minute"}},
    "wrong": {"limits": {"rate": "fast"}},
    "tea.example": {"limits": {"concurrency": 1}},
}


STORES = ["fake", "memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=STORES)
def throttles(request: pytest.FixtureRequest, clock: FakeClock) -> tuple[Throttle, Throttle]:
    """Two throttles that share one store, as two workers do."""
    return _two(request, clock)


@pytest.fixture(params=STORES)
def throttles_in_real_time(request: pytest.FixtureRequest) -> tuple[Throttle, Throttle]:
    """Throttles on the system clock."""
    return _two(request, SystemClock())


def _two(request: pytest.FixtureRequest, clock: Clock) -> tuple[Throttle, Throttle]:
    connections = FakeConnections(KNOWN)
    if request.param == "fake":
        fake = FakeThrottle(clock=clock, connections=connections)
        return fake, fake
    if request.param == "memory":
        store: Store = MemoryStore(clock=clock)
    else:
        url = request.getfixturevalue(f"{request.param}_url")
        store = open_store(url, clock=clock, durable=False)
        request.addfinalizer(store.close)
    one, other = (ConnectionThrottle(store, LimitRegistry(connections), clock, jitter=lambda: 0.5) for _ in range(2))
    return one, other


@pytest.fixture
def throttle(throttles: tuple[Throttle, Throttle]) -> Throttle:
    return throttles[0]


def refused(seconds: float | None = None, reason: str = "rate_limit") -> TransientError:
    return TransientError("not now", reason=reason, retry_after=seconds)  # type: ignore[arg-type]


async def refuse(throttle: Throttle, name: str, seconds: float | None = None) -> Throttled:
    with pytest.raises(Throttled) as caught:
        async with throttle.acquire(name):
            raise refused(seconds)
    return caught.value


@contextlib.asynccontextmanager
async def stepping(context: ThrottleContext | None = None) -> AsyncIterator[ThrottleContext]:
    with throttle_context(context or ThrottleContext()) as entered:
        yield entered


async def test_without_limits_calls_are_made_at_once(throttle: Throttle, clock: FakeClock) -> None:
    begun = clock.now()
    for _ in range(50):
        async with throttle.acquire("free"):
            pass
    assert clock.now() == begun


async def test_concurrent_calls_never_exceed_the_limit(
    throttles_in_real_time: tuple[Throttle, Throttle],
) -> None:
    under_way, most, made = 0, 0, 0

    async def call(throttle: Throttle) -> None:
        nonlocal under_way, most, made
        while True:
            try:
                async with throttle.acquire("narrow"):
                    under_way += 1
                    most = max(most, under_way)
                    await asyncio.sleep(0.01)
                    under_way -= 1
                    made += 1
                    return
            except Throttled:
                await asyncio.sleep(0.005)

    await asyncio.gather(*(call(throttles_in_real_time[number % 2]) for number in range(20)))
    assert (made, most) == (20, 2)


async def test_a_call_without_a_slot_waits_for_seconds_and_is_then_postponed(
    throttle: Throttle, clock: FakeClock
) -> None:
    async with throttle.acquire("narrow"), throttle.acquire("narrow"):
        begun = clock.now()
        with pytest.raises(Throttled, match="the concurrency limit of narrow is reached") as caught:
            async with throttle.acquire("narrow"):
                pass
        assert clock.now() - begun <= timedelta(seconds=SHORT_WAIT + 0.1)
        assert 1 <= caught.value.retry_after <= 3


async def test_slots_are_released_however_a_call_ends(throttle: Throttle) -> None:
    for problem in (StepError("no"), refused(reason="timeout"), ValueError("ours")):
        with pytest.raises(type(problem)):
            async with throttle.acquire("narrow"):
                raise problem
    cut = asyncio.create_task(_hold(throttle, "narrow", 30))
    await asyncio.sleep(0.05)
    cut.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await cut
    async with throttle.acquire("narrow"), throttle.acquire("narrow"):
        pass


async def _hold(throttle: Throttle, name: str, seconds: float) -> None:
    async with throttle.acquire(name):
        await asyncio.sleep(seconds)


async def test_slots_of_a_dead_worker_expire(throttles: tuple[Throttle, Throttle], clock: FakeClock) -> None:
    died, other = throttles
    held = [died.acquire("narrow") for _ in range(2)]  # never released, and not renewed in this clock's time
    for slot in held:
        await slot.__aenter__()
    with pytest.raises(Throttled):
        async with other.acquire("narrow"):
            pass
    clock.advance(SLOT_SECONDS)
    async with other.acquire("narrow"), other.acquire("narrow"):
        pass
    for slot in held:
        await slot.__aexit__(None, None, None)


async def test_calls_come_no_faster_than_the_rate(throttles: tuple[Throttle, Throttle], clock: FakeClock) -> None:
    begun = clock.now()
    for number in range(22):
        async with throttles[number % 2].acquire("paced"):
            pass
    assert clock.now() - begun == timedelta(seconds=2)


async def test_a_long_wait_postpones_the_step_with_a_reservation(throttle: Throttle, clock: FakeClock) -> None:
    async with throttle.acquire("slow"):
        pass
    begun = clock.now()
    waits = []
    for _ in range(3):
        with pytest.raises(Throttled, match="the rate limit of slow is reached") as caught:
            async with throttle.acquire("slow"):
                pass
        waits.append(caught.value)
    assert clock.now() == begun
    assert [wait.retry_after for wait in waits] == [60, 120, 180]
    clock.advance(120)
    for wait in waits[:2]:
        assert wait.reservation is not None
        async with (
            stepping(ThrottleContext(times_throttled=1, reservations={"slow": wait.reservation})),
            throttle.acquire("slow"),
        ):
            pass
    with pytest.raises(Throttled) as caught:
        async with throttle.acquire("slow"):
            pass
    assert caught.value.retry_after == 120


async def test_a_step_with_answered_calls_waits_longer_in_place(throttle: Throttle, clock: FakeClock) -> None:
    waited: list[float] = []
    async with stepping() as context:
        context._timeouts.append(waited.append)
        async with throttle.acquire("free"):
            pass
        with pytest.raises(Throttled):
            async with throttle.acquire("paced"):
                raise refused(20)
        begun = clock.now()
        async with throttle.acquire("paced"):
            pass
        assert 20 <= (clock.now() - begun).total_seconds() <= LONG_WAIT
        assert sum(waited) == (clock.now() - begun).total_seconds()


@pytest.mark.parametrize("name", ["free", "narrow", "paced"])
async def test_a_rejection_closes_the_connection_for_all_workers_until_retry_after(
    throttles: tuple[Throttle, Throttle], clock: FakeClock, name: str
) -> None:
    one, other = throttles
    problem = await refuse(one, name, 30)
    assert (problem.connection, problem.refused, problem.reason) == (name, True, "rate_limit")
    assert problem.retry_after == 30
    for seconds in (0, 10, 16.9):
        clock.advance(seconds)
        with pytest.raises(Throttled, match="rejected calls; no calls are made for now") as caught:
            async with other.acquire(name):
                pass
        assert caught.value.refused
    clock.advance(3.1)
    async with other.acquire(name):
        pass


async def test_a_server_that_is_down_closes_the_connection_only_where_it_says_for_how_long(
    throttles: tuple[Throttle, Throttle],
) -> None:
    one, other = throttles
    with pytest.raises(TransientError) as caught:
        async with one.acquire("free"):
            raise refused(None, reason="server_error")
    assert not isinstance(caught.value, Throttled)
    async with other.acquire("free"):
        pass
    with pytest.raises(Throttled) as closed:
        async with one.acquire("free"):
            raise refused(20, reason="server_error")
    assert closed.value.reason == "server_error"
    with pytest.raises(Throttled):
        async with other.acquire("free"):
            pass


async def test_one_call_probes_and_the_others_have_later_reservations(
    throttles: tuple[Throttle, Throttle], clock: FakeClock
) -> None:
    one, other = throttles
    await refuse(one, "free", 10)
    clock.advance(10)
    async with one.acquire("free"):
        with pytest.raises(Throttled):
            async with stepping(ThrottleContext()), other.acquire("free"):
                pass
    clock.advance(10)
    async with other.acquire("free"):
        pass


async def test_rejections_without_retry_after_back_off_exponentially(throttle: Throttle, clock: FakeClock) -> None:
    waits = []
    for _ in range(6):
        waits.append((await refuse(throttle, "free")).retry_after)
        clock.advance(waits[-1])
    assert waits == [1.0, 1.5, 3.0, 6.0, 11.25, 11.25]


async def test_connections_do_not_wait_for_each_other(throttle: Throttle) -> None:
    await refuse(throttle, "free", 60)
    async with throttle.acquire("narrow"):
        pass


async def test_a_nested_wait_for_another_connection_closes_nothing(throttle: Throttle) -> None:
    await refuse(throttle, "free", 60)
    with pytest.raises(Throttled) as caught:
        async with throttle.acquire("narrow"), throttle.acquire("free"):
            pass
    assert caught.value.connection == "free"
    async with throttle.acquire("narrow"), throttle.acquire("narrow"):
        pass


async def test_providers_and_hosts_need_not_be_connections_and_have_limits_where_they_are(throttle: Throttle) -> None:
    async with throttle.acquire("openai", kind="provider"), throttle.acquire("www.example", kind="host"):
        pass
    async with throttle.acquire("tea.example", kind="host"):
        with pytest.raises(Throttled):
            async with throttle.acquire("tea.example", kind="host"):
                pass
    with pytest.raises(ConfigurationError, match="there is no connection 'missing'"):
        async with throttle.acquire("missing"):
            pass


async def test_a_connection_with_wrong_limits_is_not_called_at_all(throttle: Throttle) -> None:
    called = False
    with pytest.raises(ConfigurationError, match=r"connection wrong: limits\.rate cannot be 'fast'"):
        async with throttle.acquire("wrong"):
            called = True
    assert not called


async def test_a_connection_with_unknown_limits_is_not_called(clock: FakeClock) -> None:
    class Away:
        async def get(self, name: str) -> JsonObject:
            raise TransientError("Prefect's blocks: no answer", reason="connection")

    throttle = FakeThrottle(clock=clock, connections=Away())
    with pytest.raises(Throttled, match="the limits of shop cannot be read") as caught:
        async with throttle.acquire("shop"):
            pass
    assert caught.value.retry_after > 0


async def test_no_throttle_has_no_limits() -> None:
    async with NoThrottle().acquire("anything", kind="host"):
        pass


def test_a_request_counts_for_its_connection_else_for_its_host() -> None:
    assert limit_key("shop", "https://Shop.example/x") == ("shop", "connection")
    assert limit_key(None, "https://Shop.example:8443/x") == ("shop.example", "host")
