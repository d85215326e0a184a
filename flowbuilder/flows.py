"""Stored workflows as Prefect flows: `flowbuilder.flows.refresh_page` is the flow of the workflow `refresh-page`.

These dotted names are the entrypoints of deployments. A flow is built when its name is imported.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prefect import Flow


def __getattr__(name: str) -> Flow[..., Any]:
    if name.startswith("_") or name == "TYPE_CHECKING":
        raise AttributeError(name)
    from flowbuilder.bootstrap import open_worker_context
    from flowbuilder.errors import NotFound
    from flowbuilder.prefect.runs.flow_factory import build_flow

    running = bool(os.environ.get("PREFECT__FLOW_RUN_ID"))
    try:
        return build_flow(name, open_worker_context, running=running)
    except NotFound as problem:
        raise AttributeError(f"{problem}; push it first, or look at `flowbuilder workflows`") from None
