"""Main loops of the commands `worker` and `reconcile`."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.context import AsyncClientContext
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL

from flowbuilder.errors import FlowbuilderError
from flowbuilder.model.execution import Execution
from flowbuilder.ports import Store
from flowbuilder.prefect.api.availability import http_settings
from flowbuilder.prefect.api.sync_client import prefect_client, translate_error
from flowbuilder.prefect.api.wakeup_channel import wake_workers
from flowbuilder.prefect.runs.reschedule import reschedule
from flowbuilder.prefect.runs.worker_context import OpenWorkerContext
from flowbuilder.prefect.worker.dispatcher import Dispatcher
from flowbuilder.prefect.worker.reconciler import Reconciler, ReconcileResult
from flowbuilder.prefect.worker.warm_worker import WarmWorker
from flowbuilder.settings import Settings

EXIT_SECONDS = 3.0
"""Seconds that a worker may take to exit after it has released its executions."""


def run_until_stopped(worker: WarmWorker, *, once: bool) -> None:
    """Run a worker until SIGTERM or Ctrl-C, which let running steps finish; a second signal does not. Raises
    `Unavailable` when no Prefect server is configured."""
    with prefect_client():
        pass
    asyncio.run(_run(worker, once=once))


async def _run(worker: WarmWorker, *, once: bool) -> None:
    worker.once = once
    worker.on_released = _exit_soon
    work = asyncio.create_task(worker.start(run_once=once), name="worker")
    loop = asyncio.get_running_loop()
    stopping = False

    def stop() -> None:
        nonlocal stopping
        if stopping:
            worker.cancel_steps()
        else:
            work.cancel()
        stopping = True

    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop)
    try:
        await work
    except asyncio.CancelledError:
        if not stopping:
            raise


def _exit_soon() -> None:
    """Exit within seconds: while Prefect is unavailable, its client would retry its last calls for half a minute."""

    def end() -> None:
        time.sleep(EXIT_SECONDS)
        logging.shutdown()
        os._exit(0)

    threading.Thread(target=end, name="exit soon", daemon=True).start()


def run_one(execution_id: str, open_worker_context: OpenWorkerContext, *, pool: str) -> None:
    """Run one execution until it ends, waits or pauses, in this process."""
    asyncio.run(_run_one(execution_id, open_worker_context, pool))


async def _run_one(execution_id: str, open_worker_context: OpenWorkerContext, pool: str) -> None:
    worker_context = await asyncio.to_thread(open_worker_context)
    async with get_client(httpx_settings=http_settings(asynchronous=True)) as client:
        with AsyncClientContext.model_construct(client=client):
            dispatcher = Dispatcher(worker_context, client, pool=pool, limit=1)
            dispatcher.wake(execution_id)
            await dispatcher.wait_idle()
            await dispatcher.shut_down(0)


def reconcile(store: Store, options: Settings) -> ReconcileResult:
    """One complete pass of the reconciler. Raises `Unavailable` when Prefect does not answer."""
    api = str(PREFECT_API_URL.value() or "")
    with prefect_client():
        pass
    try:
        return asyncio.run(_reconcile(store, options))
    except FlowbuilderError:
        raise
    except Exception as problem:
        raise translate_error(problem, api) or problem from None


async def _reconcile(store: Store, options: Settings) -> ReconcileResult:
    async with get_client(httpx_settings=http_settings(asynchronous=True)) as client:

        async def wake(execution: Execution) -> bool:
            if await asyncio.to_thread(wake_workers, options.home, execution.id):
                return True
            try:
                run = await client.read_flow_run(UUID(execution.id))
            except (ObjectNotFound, ValueError):
                return False  # only a warm worker can run an execution without its flow run
            return await reschedule(client, execution, run) != "left"

        return await Reconciler(store, client, wake).reconcile(complete=True)
