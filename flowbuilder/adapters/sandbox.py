"""Sandbox for an author's Python: the Monty interpreter in worker processes, without files or network.

Its clock stands still and its random numbers are seeded.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from pydantic_monty import (
    CollectString,
    Monty,
    MontyConversionError,
    MontyCrashedError,
    MontyError,
    MontyRuntimeError,
    MontySyntaxError,
    OSPolicy,
    ResourceLimits,
)

from flowbuilder.adapters.sandbox_isolation import isolated_worker_binary
from flowbuilder.errors import StepError
from flowbuilder.values import Json, JsonObject, NotJson, ensure_json, pointer, walk_values

MAX_SECONDS = 60.0
MAX_SOURCE = 256 * 1024
MAX_PRINTED = 64 * 1024
MAX_RECURSION = 200
GRACE_SECONDS = 1.0
"""Seconds by which a worker may exceed its time limit, in one long operation, before it is replaced."""

_FUNCTION = re.compile(r"<function '[^']*' at 0x[0-9a-f]+>")
_NO_VALUE = re.compile(
    rf"{_FUNCTION.pattern}|<(?:class|module) '[^']*'>|<bound method>|<coroutine object \w+>|<list_iterator object>"
    r"|<re\.Match object; .*>",
    re.DOTALL,
)
"""The texts by which Monty shows values that it cannot hand over. Inside a result, only functions are looked for: a
page about Python may have the others."""
_LIMIT_CODES = {TimeoutError: "limit.time", MemoryError: "limit.memory", RecursionError: "limit.recursion"}


class MontySandbox:
    """Implements `ports.Sandbox` on a pool of workers that starts with the first run and ends with the process."""

    def __init__(self, processes: int | None = None) -> None:
        self._processes = processes or max(2, min(8, os.cpu_count() or 2))
        self._threads = ThreadPoolExecutor(self._processes, thread_name_prefix="sandbox")
        self._pool: Monty | None = None
        self._pool_lock = Lock()

    async def run(
        self,
        source: str,
        inputs: Mapping[str, Json],
        *,
        seconds: float,
        megabytes: int,
        now: datetime | None = None,
        seed: str = "",
    ) -> Json:
        """The value of the last expression. All clocks of the program show `now` (UTC; default: the present time), and
        `random` is seeded with `seed`. `StepError`: `syntax`, `limit.time`, `limit.memory`, `limit.recursion`,
        `code_failed`, `not_json`; its detail has the `line` of the source, from 1, where there is one, and the
        `stage`: compile or run."""
        if len(source) > MAX_SOURCE:
            raise StepError(f"the program is longer than {MAX_SOURCE:,} characters", code="limit.source")
        limits: ResourceLimits = {
            "max_feed_duration_secs": min(seconds, MAX_SECONDS),
            "max_memory": megabytes * 1024 * 1024,
            "max_recursion_depth": MAX_RECURSION,
            "max_suspensions": 100,
            "max_total_sleep_secs": 0.0,
        }
        policy: OSPolicy = {
            "sleep": "zero",
            "process_time": "zero",
            "random_start": {"seed": seed},
            "datetime": (now or datetime.now(UTC)).astimezone(UTC),
        }
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._threads, self._feed, source, dict(inputs), limits, policy)
        value = await work
        try:
            result = ensure_json(value, where="the value of the last expression")
        except NotJson as problem:
            raise StepError(str(problem), code="not_json") from None
        for place, text in walk_values(result):
            if isinstance(text, str) and text[:1] == "<" and (_FUNCTION if place else _NO_VALUE).fullmatch(text):
                where = f" has at {pointer(place)}" if place else " is"
                message = f"the value of the last expression{where} {text:.60}, which JSON does not have"
                raise StepError(message, code="not_json")
        return result

    def close(self) -> None:
        """Stop the workers."""
        with self._pool_lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.__exit__(None, None, None)
        self._threads.shutdown(wait=False)

    def _feed(self, source: str, inputs: dict[str, Any], limits: ResourceLimits, policy: OSPolicy) -> Any:
        try:
            with self._open_pool().checkout(limits=limits, os_policy=policy, script_name="code") as session:
                return session.feed_run(source, inputs=inputs, print_callback=CollectString(MAX_PRINTED))
        except MontySyntaxError as problem:
            raise _failure(problem, "syntax", problem.traceback()) from None
        except MontyRuntimeError as problem:
            raise _failure(problem, _code(problem), problem.traceback()) from None
        except MontyConversionError as problem:
            raise StepError(
                f"the program's inputs or its result cannot be converted: {problem}", code="not_json"
            ) from None
        except MontyCrashedError:
            raise StepError("the program exceeded its limits and was stopped", code="limit.time") from None

    def _open_pool(self) -> Monty:
        with self._pool_lock:
            if self._pool is None:
                pool = Monty(
                    binary_path=isolated_worker_binary(),
                    max_processes=self._processes,
                    request_timeout=MAX_SECONDS + 2 * GRACE_SECONDS,
                    feed_duration_limit_grace=GRACE_SECONDS,
                    turn_duration_limit_grace=GRACE_SECONDS,
                    max_checkouts_per_worker=100,
                )
                self._pool = pool.__enter__()
                atexit.register(self.close)
            return self._pool


def _code(problem: MontyRuntimeError) -> str:
    inner = problem.exception()
    return next((code for kind, code in _LIMIT_CODES.items() if isinstance(inner, kind)), "code_failed")


def _failure(problem: MontyError, code: str, frames: list[Any]) -> StepError:
    shown = problem.display("type-msg") if isinstance(problem, MontyRuntimeError | MontySyntaxError) else str(problem)
    line = frames[-1].line if frames else None
    stage = "compile" if code == "syntax" else "run"
    detail: JsonObject = {"line": line, "error": shown[:1000], "stage": stage}
    where = f" (line {line})" if line else ""
    return StepError(f"{shown[:500]}{where}", code=code, detail=detail)
