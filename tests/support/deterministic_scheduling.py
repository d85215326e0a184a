"""Deterministic scheduling: a process does the same operations in the same order every time, so crash points repeat."""

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
    """Run everything in one thread, in the same order every time."""
    to_thread, apart = asyncio.to_thread, flowbuilder.engine.step_runner.run_in_isolated_thread

    async def at_once(work: Callable[..., T], /, *given: Any, **named: Any) -> T:
        return work(*given, **named)

    async def here(work: Callable[[], Coroutine[Any, Any, T]], *, name: str) -> T:
        return await work()

    asyncio.to_thread = at_once  # type: ignore[assignment]
    flowbuilder.engine.step_runner.run_in_isolated_thread = here  # type: ignore[assignment]
    try:
        yield
    finally:
        asyncio.to_thread, flowbuilder.engine.step_runner.run_in_isolated_thread = to_thread, apart


@contextlib.contextmanager
def unhurried() -> Iterator[None]:
    """No polling because time has passed: a slow machine does the same operations as a fast one."""
    control, fresh = flowbuilder.engine.driver.CONTROL_SECONDS, flowbuilder.engine.effects.effect_ledger.FRESH_SECONDS
    flowbuilder.engine.driver.CONTROL_SECONDS = flowbuilder.engine.effects.effect_ledger.FRESH_SECONDS = 3600.0
    try:
        yield
    finally:
        flowbuilder.engine.driver.CONTROL_SECONDS, flowbuilder.engine.effects.effect_ledger.FRESH_SECONDS = (
            control,
            fresh,
        )
