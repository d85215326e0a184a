"""The nursery: forks a process for every execution that it is told of, and says how each ends.

It is single-threaded and opens nothing, so that what is forked from it begins clean and within a moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import selectors
import signal
import sys

from prefect.client.orchestration import get_client
from prefect.context import AsyncClientContext

from flowbuilder.errors import FlowbuilderError
from flowbuilder.prefect.api.http_settings import impatient
from flowbuilder.prefect.runs.worker_context import OpenWorkerContext
from flowbuilder.prefect.worker.dispatcher import Dispatcher
from flowbuilder.prefect.worker.fork_client import ENDED

LOOK_SECONDS = 0.05
"""How often is looked whether a process has ended, and whether a suspect has recorded an outcome."""
GRACE_SECONDS = 20.0
"""How long a step may take to finish when it is told to stop."""
NEEDED = (
    "flowbuilder.store",
    "flowbuilder.adapters.ports",
    "flowbuilder.adapters.prefect_blocks.blocks",
    "flowbuilder.steps",
)
"""What every execution needs, imported once."""


def run_suspects(open_worker_context: OpenWorkerContext, *, pool: str) -> None:
    """Run the executions whose ids come by the standard input, a line each, until it ends or this is told to."""
    for name in NEEDED:
        importlib.import_module(name)
    running: dict[int, str] = {}
    listening = True

    def stop(*_: object) -> None:
        nonlocal listening
        listening = False
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the worker says when
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin, selectors.EVENT_READ)
        left = b""
        while listening or running:
            if listening and selector.select(LOOK_SECONDS):
                read = os.read(sys.stdin.fileno(), 65_536)
                listening = bool(read)
                *lines, left = (left + read).split(b"\n")
                for line in lines:
                    execution_id = line.decode().strip()
                    running[_forked(execution_id, open_worker_context, pool)] = execution_id
            elif not listening:
                signal.sigtimedwait([signal.SIGCHLD], LOOK_SECONDS)
            _say_who_ended(running)


def _forked(execution_id: str, open_worker_context: OpenWorkerContext, pool: str) -> int:
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        asyncio.run(_run(execution_id, open_worker_context, pool))
        code = 0
    except FlowbuilderError as problem:  # such as a database that is away, which is no fault of the execution
        print(f"execution {execution_id} cannot run apart now: {problem}", file=sys.stderr)
        code = 0
    except Exception as problem:  # nobody is left to raise it to
        print(f"execution {execution_id} cannot run apart: {type(problem).__name__}: {problem}", file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # nothing of the nursery's is to be cleared away twice


def _say_who_ended(running: dict[int, str]) -> None:
    for process in list(running):
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            print(f"{ENDED} {running.pop(process)} {process} {os.waitstatus_to_exitcode(status)}", flush=True)


async def _run(execution_id: str, open_worker_context: OpenWorkerContext, pool: str) -> None:
    """Run it until it has recorded an outcome, or as far as it goes."""
    worker_context = await asyncio.to_thread(open_worker_context)
    async with get_client(httpx_settings=impatient(asynchronous=True)) as client:
        with AsyncClientContext.model_construct(client=client):
            desk = Dispatcher(worker_context, client, pool=pool, limit=1)
            leaving = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, leaving.set)
            desk.call(execution_id)
            while execution_id in desk.seats and not leaving.is_set():
                if await asyncio.to_thread(_is_cleared, desk, execution_id):
                    break  # the worker goes on with it, among the others
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(leaving.wait(), LOOK_SECONDS)
            await desk.leave(GRACE_SECONDS)


def _is_cleared(desk: Dispatcher, execution_id: str) -> bool:
    """Whether it has recorded an outcome since it was taken up: that ends a row of deaths."""
    try:
        execution = desk.worker_context.store.execution(execution_id)
    except FlowbuilderError:
        return False
    return execution.holder == desk.worker_context.holder and execution.deaths == 0
