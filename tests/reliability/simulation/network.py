"""The network of a simulation: requests take time, arrive late, get lost, or are answered with 429.

A request that was sent arrives even if its sender is killed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from flowbuilder.errors import TransientError
from flowbuilder.ports import (
    CmsField,
    CmsPage,
    CmsWrite,
    HttpRequest,
    HttpResponse,
    ModelAnswer,
    ModelRequest,
    Publishable,
)
from flowbuilder.testing import respond
from flowbuilder.values import JsonObject
from tests.reliability.simulation.processes import PROCESS
from tests.reliability.simulation.timers import RETRY_AFTER
from tests.support.faults.effect_targets import Targets

T = TypeVar("T")
MOST_SLOW = 50.0
MOST_LOSSES = 3
"""The number of times that one request may get lost: fewer times than a step has attempts, so that no step fails
because of it."""


class SimulatedNetwork:
    """The targets, reached over a network that delays, loses and rejects requests."""

    def __init__(self, simulation: Any, targets: Targets) -> None:
        self._installation, self.targets = simulation, targets
        self.in_flight: Counter[str] = Counter()
        self.rate_limited_until = 0.0
        self._losses: Counter[str] = Counter()

    async def request(
        self, what: str, apply: Callable[[], Coroutine[Any, Any, T]], *, reject: Callable[[float], T]
    ) -> T:
        """Send a request: `apply` executes it at the target, `reject` builds the answer 429."""
        installation, rng, rates = self._installation, self._installation.rng, self._installation.rates
        process = PROCESS.get()
        assert process is not None
        await process.wait_until_running()
        installation.timers.on_call()
        lossy = self._losses[what] < MOST_LOSSES
        if lossy and rng.random() < rates.lose_request:
            self._losses[what] += 1
            installation.record_fault("a request is lost", what)
            await asyncio.sleep(0.5)
            await process.wait_until_running()
            raise TransientError("no connection", reason="connection")
        lost = lossy and rng.random() < rates.lose_answer
        delay = rng.uniform(0.01, 0.5)
        if rng.random() < rates.slow:
            installation.record_fault("an answer is slow", what)
            delay = rng.uniform(10, MOST_SLOW)
        arrived: asyncio.Future[T] = installation.loop.create_future()
        self.in_flight[what] += 1
        installation.loop.call_later(delay, self._arrive, what, apply, reject, arrived)
        answer = await asyncio.shield(arrived)
        await asyncio.sleep(rng.uniform(0.01, 0.1))
        await process.wait_until_running()
        if lost:
            self._losses[what] += 1
            installation.record_fault("an answer is lost", what)
            raise TransientError("connection reset", reason="connection")
        return answer

    def _arrive(
        self, what: str, apply: Callable[[], Coroutine[Any, Any, T]], reject: Callable[[float], T], arrived: Any
    ) -> None:
        installation = self._installation
        self.in_flight[what] -= 1
        try:
            if installation.loop.seconds < self.rate_limited_until:
                installation.record_fault("a target answers 429", what)
                answer = reject(RETRY_AFTER)
            else:
                installation.record("arrives", what)
                answer = result_of(apply())
        except Exception as problem:
            arrived.set_exception(problem)
            arrived.exception()  # marks it as retrieved: the sender may have been killed
        else:
            arrived.set_result(answer)

    async def send(self, request: HttpRequest) -> HttpResponse:
        """A `ports.Http`."""
        what = f"{request.method} {request.url.removeprefix('https://service.example')}"
        return await self.request(
            what,
            lambda: self.targets.service.send(request),
            reject=lambda wait: respond(
                "slow down", status=429, headers={"Retry-After": f"{wait:.0f}"}, url=request.url
            ),
        )

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """A `ports.LanguageModel`."""
        await self.request(f"model {request.prompt}", _nothing, reject=too_many)
        return await self.targets.model.complete(request)


class NetworkCms:
    """The content management system, reached over the same network."""

    def __init__(self, network: SimulatedNetwork) -> None:
        self._network, self._site = network, network.targets.site
        self.target_class, self.form = self._site.target_class, self._site.form

    async def __call__(self, site: JsonObject) -> NetworkCms:
        return self

    async def read(self, url: str) -> CmsPage:
        return await self._network.request(f"read {url}", lambda: self._site.read(url), reject=too_many)

    async def publishable(self, field: CmsField, base: str, proposal: str) -> Publishable:
        return await self._site.publishable(field, base, proposal)

    async def before(self, write: CmsWrite) -> JsonObject | None:
        return await self._network.request(f"read {write.url}", lambda: self._site.before(write), reject=too_many)

    async def update(self, write: CmsWrite) -> CmsPage:
        return await self._network.request(f"update {write.url}", lambda: self._site.update(write), reject=too_many)


def too_many(wait: float) -> Any:
    raise TransientError("429", reason="rate_limit", retry_after=wait)


async def _nothing() -> None:
    """A request to a model changes nothing at the target."""


def result_of(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never awaits anything."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    raise AssertionError("a target waited")
