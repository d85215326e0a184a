"""What Prefect finds when it looks for collections: the type of our worker, and our blocks.

It is imported when a worker starts and when the server does, so it is light: what executions need comes later.
"""

from __future__ import annotations

import sys

from flowbuilder.adapters.prefect_blocks.block_types import (
    CmsCredentials,
    Connection,
    LlmCredentials,
    McpServer,
    SearchConsoleCredentials,
)
from flowbuilder.prefect.api.work_pool import WORKER_TYPE
from flowbuilder.prefect.runs.worker_context import WorkerContext, new_holder
from flowbuilder.prefect.worker.warm_worker import WarmWorker

__all__ = [
    "CmsCredentials",
    "Connection",
    "FlowbuilderWorker",
    "LlmCredentials",
    "McpServer",
    "SearchConsoleCredentials",
]


class FlowbuilderWorker(WarmWorker):
    """The warm worker on the store and the outside world that the settings name."""

    type: str = WORKER_TYPE
    suspects_apart = True

    @staticmethod
    def open_worker_context() -> WorkerContext:
        """Opened when the worker starts."""
        from flowbuilder.bootstrap import open_ports, open_store, settings

        options = settings()
        store = open_store(options)
        return WorkerContext(
            store=store,
            ports=open_ports(options, blocks=True, store=store),
            settings=options,
            holder=new_holder("worker"),
        )


if "prefect.server.database.configurations" in sys.modules:
    # inside of a server: one on SQLite stands still now and then without this, and with it every start of a run
    from flowbuilder.prefect.api.sqlite_server_patch import queue_up_writers

    queue_up_writers()
