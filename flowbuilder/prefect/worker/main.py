"""A worker, or one pass of the sweeper, run from a command line until it is done."""

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
from flowbuilder.prefect.api.http_settings import impatient
from flowbuilder.prefect.api.sync_client import server, translate
from flowbuilder.prefect.api.wakeup_channel import wake_workers
from flowbuilder.prefect.runs.reschedule import reschedule
from flowbuilder.prefect.runs.worker_context import OpenWorkerContext
from flowbuilder.prefect.worker.dispatcher import Dispatcher
from flowbuilder.prefect.worker.reconciler import Sweeper, Swept
from flowbuilder.prefect.worker.warm_worker import WarmWorker
from flowbuilder.settings import Settings

GOODBYE_SECONDS = 3.0
"""How long a worker that has handed everything over may take to end."""


def run_until_stopped(worker: WarmWorker, *, once: bool) -> None:
    """Run a worker until it is told to stop: SIGTERM and Ctrl-C let running steps finish, a second one does not."""
    with server():
        pass  # says at once, and in one line, when no server is configured
    asyncio.run(_run(worker, once=once))


async def _run(worker: WarmWorker, *, once: bool) -> None:
    worker.once = once
    worker.handed_over = _end_soon
    work = asyncio.create_task(worker.start(run_once=once), name="worker")
    loop = asyncio.get_running_loop()
    told = False

    def stop() -> None:
        nonlocal told
        if told:
            worker.hurry()
        else:
            work.cancel()
        told = True

    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop)
    try:
        await work
    except asyncio.CancelledError:
        if not told:
            raise


def _end_soon() -> None:
    """End this process within seconds: with Prefect away, its client would try for half a minute to say the rest."""

    def end() -> None:
        time.sleep(GOODBYE_SECONDS)
        logging.shutdown()
        os._exit(0)

    threading.Thread(target=end, name="end soon", daemon=True).start()


def run_only(execution_id: str, open_worker_context: OpenWorkerContext, *, pool: str) -> None:
    """Run one execution as far as it goes, in this process and alone."""
    asyncio.run(_run_only(execution_id, open_worker_context, pool))


async def _run_only(execution_id: str, open_worker_context: OpenWorkerContext, pool: str) -> None:
    worker_context = await asyncio.to_thread(open_worker_context)
    async with get_client(httpx_settings=impatient(asynchronous=True)) as client:
        with AsyncClientContext.model_construct(client=client):
            desk = Dispatcher(worker_context, client, pool=pool, limit=1)
            desk.call(execution_id)
            await desk.idle()
            await desk.leave(0)


def reconcile(store: Store, options: Settings) -> Swept:
    """One whole pass. `Unavailable` when Prefect does not answer."""
    api = str(PREFECT_API_URL.value() or "")
    with server():
        pass
    try:
        return asyncio.run(_sweep(store, options))
    except FlowbuilderError:
        raise
    except Exception as problem:
        raise translate(problem, api) or problem from None


async def _sweep(store: Store, options: Settings) -> Swept:
    async with get_client(httpx_settings=impatient(asynchronous=True)) as client:

        async def offer(execution: Execution) -> bool:
            if await asyncio.to_thread(wake_workers, options.home, execution.id):
                return True
            try:
                run = await client.read_flow_run(UUID(execution.id))
            except (ObjectNotFound, ValueError):
                return False  # only a warm worker can go on with what Prefect has lost
            return await reschedule(client, execution, run) != "left"

        return await Sweeper(store, client, offer).sweep(whole=True)
