"""An engine that wakes and cancels executions in the background, so that pages do not wait for Prefect."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from flowbuilder.errors import FlowbuilderError, Unavailable
from flowbuilder.ports import Engine, StartRequest

MAX_CONCURRENT_CALLS = 4

logger = logging.getLogger(__name__)


class BackgroundEngine:
    """Wraps an `Engine`. `wake` and `cancel` return immediately: the store has the decision or cancellation, and the
    reconciler repeats a lost call. `start` waits, because it returns the execution's id."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pool = ThreadPoolExecutor(MAX_CONCURRENT_CALLS, thread_name_prefix="engine-calls")

    def start(self, wanted: StartRequest) -> str:
        """Start an execution; returns its id."""
        return self._engine.start(wanted)

    def wake(self, execution_id: str) -> None:
        """Have a worker continue the execution."""
        self._pool.submit(_call_engine, self._engine.wake, execution_id, "wake")

    def cancel(self, execution_id: str) -> None:
        """Have the engine show the execution as cancelled."""
        self._pool.submit(_call_engine, self._engine.cancel, execution_id, "cancel")

    def close(self) -> None:
        """Wait until all calls are done."""
        self._pool.shutdown()


def _call_engine(method: Callable[[str], None], execution_id: str, verb: str) -> None:
    try:
        method(execution_id)
    except Unavailable:
        logger.warning("Prefect cannot be reached; the reconciler will %s execution %s", verb, execution_id)
    except FlowbuilderError as problem:
        logger.warning("the engine failed to %s execution %s: %s", verb, execution_id, problem.message)
    except Exception:
        logger.exception("the engine failed to %s execution %s", verb, execution_id)
