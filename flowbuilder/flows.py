"""Stored workflows as Prefect flows, one by one: `flowbuilder.flows.refresh_page` is the workflow `refresh-page`.

These dotted names are the entrypoints of deployments. Nothing is imported or read before a workflow is asked for.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prefect import Flow

    from flowbuilder.prefect.runs.worker_context import WorkerContext


def __getattr__(name: str) -> Flow[..., Any]:
    if name.startswith("_") or name == "TYPE_CHECKING":
        raise AttributeError(name)
    from flowbuilder.errors import NotFound
    from flowbuilder.prefect.runs.flow_factory import build_flow

    running = bool(os.environ.get("PREFECT__FLOW_RUN_ID"))
    try:
        return build_flow(name, _open_worker_context, running=running)
    except NotFound as problem:
        raise AttributeError(f"{problem}; push it first, or look at `flowbuilder workflows`") from None


def _open_worker_context() -> WorkerContext:
    from flowbuilder.bootstrap import open_ports, open_store, settings
    from flowbuilder.prefect.runs.worker_context import WorkerContext

    options = settings()
    store = open_store(options)
    return WorkerContext(store=store, ports=open_ports(options, blocks=True, store=store), settings=options)
