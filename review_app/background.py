"""The engine as pages use it: nobody waits for Prefect to hear of a decision that is committed already."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from flowbuilder.errors import FlowbuilderError, Unavailable
from flowbuilder.ports import Engine, StartRequest

TOLD_AT_ONCE = 4

logger = logging.getLogger(__name__)


class BackgroundEngine:
    """An `Engine` around another. Wake-ups and cancellations return at once: both are in the store already, and what is
    lost on the way only costs time. A start waits, because its answer is the execution's id."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pool = ThreadPoolExecutor(TOLD_AT_ONCE, thread_name_prefix="tell-engine")

    def start(self, wanted: StartRequest) -> str:
        """Start an execution; returns its id."""
        return self._engine.start(wanted)

    def wake(self, execution_id: str) -> None:
        """Have a worker take the execution up again, soon."""
        self._pool.submit(_tell, self._engine.wake, execution_id, "wake")

    def cancel(self, execution_id: str) -> None:
        """Have the engine show the execution as cancelled, soon."""
        self._pool.submit(_tell, self._engine.cancel, execution_id, "cancel")

    def close(self) -> None:
        """Wait until the engine has heard everything."""
        self._pool.shutdown()


def _tell(act: Callable[[str], None], execution_id: str, verb: str) -> None:
    try:
        act(execution_id)
    except Unavailable:
        logger.warning("Prefect was not reached; the sweeper will %s execution %s", verb, execution_id)
    except FlowbuilderError as problem:
        logger.warning("the engine did not %s execution %s: %s", verb, execution_id, problem.message)
    except Exception:
        logger.exception("the engine did not %s execution %s", verb, execution_id)
