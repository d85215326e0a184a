"""The Prefect collection: Prefect imports this module to find the worker type and the blocks of flowbuilder.

Workers and the server import it when they start, so modules that only executions need are not imported here.
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
from flowbuilder.prefect.deployments.deployment import WORKER_TYPE
from flowbuilder.prefect.runs.worker_context import WorkerContext
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
    """The warm worker with the store and the ports that the settings name."""

    type: str = WORKER_TYPE
    isolates_suspects = True

    @staticmethod
    def open_worker_context() -> WorkerContext:
        """Called when the worker starts."""
        from flowbuilder.bootstrap import open_worker_context

        return open_worker_context("worker")


if "prefect.server.database.configurations" in sys.modules:
    # in a Prefect server: without the patch one on SQLite blocks now and then
    from flowbuilder.prefect.api.sqlite_server_patch import serialize_writers

    serialize_writers()
