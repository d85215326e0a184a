"""Ports: the protocols of everything outside the process. Steps use them; adapters and fakes implement them."""

from typing import TYPE_CHECKING, Any

from flowbuilder.ports.bundle import Clock, Connections, Extract, Ports, Sandbox, SearchConsole, SearchQuery
from flowbuilder.ports.cms import Cms, CmsForSite, CmsPage, CmsWrite
from flowbuilder.ports.engine import Engine, Journal, Ledger, StartRequest
from flowbuilder.ports.http import Http, HttpRequest, HttpResponse
from flowbuilder.ports.language_model import LanguageModel, ModelAnswer, ModelRequest, ModelTool
from flowbuilder.ports.mcp import McpAnswer, McpServers, McpSession, McpTool
from flowbuilder.ports.throttle import LimiterStore, NoThrottle, Throttle

if TYPE_CHECKING:
    from flowbuilder.ports.store import ExecutionFilter, ReviewFilter, Store

__all__ = [
    "Clock",
    "Cms",
    "CmsForSite",
    "CmsPage",
    "CmsWrite",
    "Connections",
    "Engine",
    "ExecutionFilter",
    "Extract",
    "Http",
    "HttpRequest",
    "HttpResponse",
    "Journal",
    "LanguageModel",
    "Ledger",
    "LimiterStore",
    "McpAnswer",
    "McpServers",
    "McpSession",
    "McpTool",
    "ModelAnswer",
    "ModelRequest",
    "ModelTool",
    "NoThrottle",
    "Ports",
    "ReviewFilter",
    "Sandbox",
    "SearchConsole",
    "SearchQuery",
    "StartRequest",
    "Store",
    "Throttle",
]


def __getattr__(name: str) -> Any:
    # lazy: validating a document needs the ports of its steps, but not the store's with all its records
    if name in ("ExecutionFilter", "ReviewFilter", "Store"):
        from flowbuilder.ports import store

        return getattr(store, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
