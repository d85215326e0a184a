"""The world outside of a simulation: requests that take time, arrive late, get lost, or are answered with 429.

A request that is under way arrives whatever becomes of its sender.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from flowbuilder.errors import TransientError
from flowbuilder.ports import CmsPage, CmsWrite, HttpRequest, HttpResponse, ModelAnswer, ModelRequest
from flowbuilder.testing import respond
from flowbuilder.values import JsonObject
from tests.reliability.simulation.nodes import NODE
from tests.reliability.simulation.timers import RETRY_AFTER
from tests.support.effect_targets import Targets

T = TypeVar("T")
MOST_SLOW = 50.0
MOST_LOSSES = 3
"""How often one request may get lost: fewer than a step has attempts, so that nothing may fail for it."""


class Outside:
    """The targets, as they are reached over a network."""

    def __init__(self, simulation: Any, targets: Targets) -> None:
        self._simulation, self.targets = simulation, targets
        self.under_way: Counter[str] = Counter()
        self.storm_until = 0.0
        self._losses: Counter[str] = Counter()

    async def carry(self, what: str, apply: Callable[[], Coroutine[Any, Any, T]], *, refuse: Callable[[float], T]) -> T:
        """Send a request: `apply` is what it does where it arrives, `refuse` makes the answer to one too many."""
        installation, dice, mix = self._simulation, self._simulation.dice, self._simulation.mix
        node = NODE.get()
        assert node is not None
        await node.alive()
        installation.timers.begins()
        lossy = self._losses[what] < MOST_LOSSES
        if lossy and dice.random() < mix.lose_request:
            self._losses[what] += 1
            installation.happens("a request is lost", what)
            await asyncio.sleep(0.5)
            await node.alive()
            raise TransientError("no connection", reason="connection")
        lost = lossy and dice.random() < mix.lose_answer
        delay = dice.uniform(0.01, 0.5)
        if dice.random() < mix.slow:
            installation.happens("an answer is slow", what)
            delay = dice.uniform(10, MOST_SLOW)
        arrived: asyncio.Future[T] = installation.loop.create_future()
        self.under_way[what] += 1
        installation.loop.call_later(delay, self._arrive, what, apply, refuse, arrived)
        answer = await asyncio.shield(arrived)
        await asyncio.sleep(dice.uniform(0.01, 0.1))
        await node.alive()
        if lost:
            self._losses[what] += 1
            installation.happens("an answer is lost", what)
            raise TransientError("connection reset", reason="connection")
        return answer

    def _arrive(
        self, what: str, apply: Callable[[], Coroutine[Any, Any, T]], refuse: Callable[[float], T], arrived: Any
    ) -> None:
        installation = self._simulation
        self.under_way[what] -= 1
        try:
            if installation.loop.seconds < self.storm_until:
                installation.happens("the other side says 429", what)
                answer = refuse(RETRY_AFTER)
            else:
                installation.notes("arrives", what)
                answer = at_once(apply())
        except Exception as problem:
            arrived.set_exception(problem)
            arrived.exception()  # its sender may be gone
        else:
            arrived.set_result(answer)

    async def send(self, request: HttpRequest) -> HttpResponse:
        """A `ports.Http`."""
        what = f"{request.method} {request.url.removeprefix('https://service.example')}"
        return await self.carry(
            what,
            lambda: self.targets.service.send(request),
            refuse=lambda wait: respond(
                "slow down", status=429, headers={"Retry-After": f"{wait:.0f}"}, url=request.url
            ),
        )

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """A `ports.LanguageModel`."""
        await self.carry(f"model {request.prompt}", _nothing, refuse=too_many)
        return await self.targets.model.complete(request)


class OutsideSite:
    """The content management system, over the same network."""

    def __init__(self, outside: Outside) -> None:
        self._outside, self._site = outside, outside.targets.site
        self.target_class = self._site.target_class

    async def __call__(self, site: JsonObject) -> OutsideSite:
        return self

    async def read(self, url: str) -> CmsPage:
        return await self._outside.carry(f"read {url}", lambda: self._site.read(url), refuse=too_many)

    async def update(self, write: CmsWrite) -> CmsPage:
        return await self._outside.carry(f"update {write.url}", lambda: self._site.update(write), refuse=too_many)


def too_many(wait: float) -> Any:
    raise TransientError("429", reason="rate_limit", retry_after=wait)


async def _nothing() -> None:
    """What a question to a model changes."""


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    raise AssertionError("a target waited")
