"""The protocols through which the product touches the world. Adapters and fakes implement them; steps use them."""

from typing import TYPE_CHECKING, Any

from flowbuilder.ports.cms import Cms, CmsForSite, CmsPage, CmsWrite
from flowbuilder.ports.engine import Engine, StartRequest
from flowbuilder.ports.http import Http, HttpRequest, HttpResponse
from flowbuilder.ports.journal import Journal
from flowbuilder.ports.language_model import LanguageModel, ModelAnswer, ModelRequest, ModelTool
from flowbuilder.ports.mcp import McpAnswer, McpServers, McpSession, McpTool
from flowbuilder.ports.outside import Clock, Connections, Extract, Ledger, Ports, Sandbox
from flowbuilder.ports.search_console import SearchConsole, SearchQuery
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
    # checking a document needs the ports of its steps; the store's, with all its records, only when one is asked for
    if name in ("ExecutionFilter", "ReviewFilter", "Store"):
        from flowbuilder.ports import store

        return getattr(store, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
