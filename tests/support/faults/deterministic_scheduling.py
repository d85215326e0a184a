"""Deterministic scheduling: a process makes the same operations in the same order in each run, so points repeat."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import flowbuilder.engine.driver
import flowbuilder.engine.effects.effect_ledger
import flowbuilder.engine.step_runner

T = TypeVar("T")


@contextlib.contextmanager
def deterministic_scheduling() -> Iterator[None]:
    """Run threads and `asyncio.to_thread` calls inline, in the same order every time."""
    to_thread, isolated = asyncio.to_thread, flowbuilder.engine.step_runner.run_in_isolated_thread

    async def run_inline(work: Callable[..., T], /, *given: Any, **named: Any) -> T:
        return work(*given, **named)

    async def run_in_this_thread(work: Callable[[], Coroutine[Any, Any, T]], *, name: str) -> T:
        return await work()

    asyncio.to_thread = run_inline  # type: ignore[assignment]
    flowbuilder.engine.step_runner.run_in_isolated_thread = run_in_this_thread  # type: ignore[assignment]
    try:
        yield
    finally:
        asyncio.to_thread, flowbuilder.engine.step_runner.run_in_isolated_thread = to_thread, isolated


@contextlib.contextmanager
def without_polling() -> Iterator[None]:
    """Disable polling by elapsed time, so that a slow machine makes the same operations as a fast one."""
    control, fresh = flowbuilder.engine.driver.CONTROL_SECONDS, flowbuilder.engine.effects.effect_ledger.FRESH_SECONDS
    flowbuilder.engine.driver.CONTROL_SECONDS = flowbuilder.engine.effects.effect_ledger.FRESH_SECONDS = 3600.0
    try:
        yield
    finally:
        flowbuilder.engine.driver.CONTROL_SECONDS, flowbuilder.engine.effects.effect_ledger.FRESH_SECONDS = (
            control,
            fresh,
        )
