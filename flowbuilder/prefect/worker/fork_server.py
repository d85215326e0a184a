"""Fork server: runs each suspect execution in its own child process and reports the child's exit status.

It is single-threaded, has imported all modules and opened no connections, so that a fork is safe and fast.
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
from flowbuilder.prefect.api.availability import http_settings
from flowbuilder.prefect.runs.worker_context import OpenWorkerContext
from flowbuilder.prefect.worker.dispatcher import Dispatcher
from flowbuilder.prefect.worker.fork_client import EXIT_MARK

POLL_SECONDS = 0.05
"""Seconds between two checks of the server for exited children, and of a child for a recorded outcome."""
GRACE_SECONDS = 20.0
"""Seconds that a running step may take to finish when its child is told to stop."""
PRELOADED = (
    "flowbuilder.store",
    "flowbuilder.adapters.ports",
    "flowbuilder.adapters.prefect_blocks.blocks",
    "flowbuilder.steps",
)
"""Modules that every execution needs, imported once in the server."""


def serve_forks(open_worker_context: OpenWorkerContext, *, pool: str) -> None:
    """Run the executions whose ids are read from standard input, one a line, until its end or SIGTERM."""
    for name in PRELOADED:
        importlib.import_module(name)
    children: dict[int, str] = {}
    accepting = True

    def stop(*_: object) -> None:
        nonlocal accepting
        accepting = False
        for process in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the worker decides
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin, selectors.EVENT_READ)
        incomplete = b""
        while accepting or children:
            if accepting and selector.select(POLL_SECONDS):
                read = os.read(sys.stdin.fileno(), 65_536)
                accepting = bool(read)
                *lines, incomplete = (incomplete + read).split(b"\n")
                for line in lines:
                    execution_id = line.decode().strip()
                    children[_fork(execution_id, open_worker_context, pool)] = execution_id
            elif not accepting:
                signal.sigtimedwait([signal.SIGCHLD], POLL_SECONDS)
            _report_exits(children)


def _fork(execution_id: str, open_worker_context: OpenWorkerContext, pool: str) -> int:
    """Fork a child that runs the execution; its process id."""
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
    except FlowbuilderError as problem:  # such as an unavailable database: not a crash of the execution
        print(f"execution {execution_id} cannot run in a process of its own now: {problem}", file=sys.stderr)
        code = 0
    except Exception as problem:
        cause = f"{type(problem).__name__}: {problem}"
        print(f"execution {execution_id} cannot run in a process of its own: {cause}", file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # without the exit handlers of the server


def _report_exits(children: dict[int, str]) -> None:
    for process in list(children):
        exited, status = os.waitpid(process, os.WNOHANG)
        if exited:
            print(f"{EXIT_MARK} {children.pop(process)} {process} {os.waitstatus_to_exitcode(status)}", flush=True)


async def _run(execution_id: str, open_worker_context: OpenWorkerContext, pool: str) -> None:
    """Run the execution until it has recorded an outcome, or cannot continue; the worker then runs it as any other."""
    worker_context = await asyncio.to_thread(open_worker_context)
    async with get_client(httpx_settings=http_settings(asynchronous=True)) as client:
        with AsyncClientContext.model_construct(client=client):
            dispatcher = Dispatcher(worker_context, client, pool=pool, limit=1)
            terminated = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminated.set)
            dispatcher.wake(execution_id)
            while execution_id in dispatcher.slots and not terminated.is_set():
                if await asyncio.to_thread(_is_cleared, dispatcher, execution_id):
                    break
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(terminated.wait(), POLL_SECONDS)
            await dispatcher.shut_down(GRACE_SECONDS)


def _is_cleared(dispatcher: Dispatcher, execution_id: str) -> bool:
    """Whether the execution has recorded an outcome in this process, which resets its count of lost leases."""
    try:
        execution = dispatcher.worker_context.store.execution(execution_id)
    except FlowbuilderError:
        return False
    return execution.holder == dispatcher.worker_context.holder and execution.deaths == 0
