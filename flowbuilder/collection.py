"""The Prefect collection: Prefect imports this module to find the worker type and the blocks of flowbuilder.

Workers and the server import it when they start, so modules that only executions need are not imported here.
"""

from __future__ import annotations

import sys

from flowbuilder.adapters.prefect_blocks.block_types import (
    CmsCredentials,
    Connection,
    GhostCredentials,
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
    "GhostCredentials",
    "LlmCredentials",
    "McpServer",
    "SearchConsoleCredentials",
    "store_sites",
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


def store_sites() -> None:
    """A build step of prefect.yaml: checks the site files and stores them, as `flowbuilder deploy` does.

    `ConfigurationError` when a file is wrong, or when no one could decide a review of a published workflow at its site.
    """
    from flowbuilder.bootstrap import open_store, settings
    from flowbuilder.definition.site_folder import site_records
    from flowbuilder.errors import ConfigurationError
    from flowbuilder.prefect.deployments.reviewers import store_sites as check_and_store

    options = settings()
    try:
        records = site_records(options.sites)
        if not records:
            raise ConfigurationError(f"there are no site files in {options.sites}; set FLOWBUILDER_SITES")
        check_and_store(open_store(options), records)
    except ConfigurationError as problem:
        sys.stderr.write(f"{problem.message}\n")  # Prefect reports the name of the step only
        raise


if "prefect.server.database.configurations" in sys.modules:
    # in a Prefect server: without the patch one on SQLite blocks now and then
    from flowbuilder.prefect.api.sqlite_server_patch import serialize_writers

    serialize_writers()
