"""Ports: the protocols of everything outside the process. Steps use them; adapters and fakes implement them.

A name is imported from its module when it is first used: checking a definition loads the step types, which name many
ports and use none.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowbuilder.ports.bundle import Clock, Connections, Extract, Ports, Sandbox, SearchConsole, SearchQuery
    from flowbuilder.ports.cms import (
        Cms,
        CmsField,
        CmsForSite,
        CmsPage,
        CmsWrite,
        Publishable,
        PublishableForm,
        WriteOrigin,
    )
    from flowbuilder.ports.credentials import Credentials, credentials_of
    from flowbuilder.ports.embeddings import EmbeddingModel, EmbeddingRequest, Embeddings
    from flowbuilder.ports.engine import Engine, Journal, Ledger, StartRequest
    from flowbuilder.ports.http import Http, HttpRequest, HttpResponse, Part
    from flowbuilder.ports.language_model import (
        LanguageModel,
        ModelAnswer,
        ModelImage,
        ModelRequest,
        ModelTool,
        ToolAnswer,
        WebSearch,
        ensure_provider,
    )
    from flowbuilder.ports.mcp import McpAnswer, McpServers, McpSession, McpTool, ToolCheck
    from flowbuilder.ports.sql import Databases, SqlAnswer, SqlRequest, StatementMade
    from flowbuilder.ports.store import ExecutionFilter, ReviewFilter, Store
    from flowbuilder.ports.throttle import LimiterStore, NoThrottle, Throttle, limit_key
    from flowbuilder.ports.url import join_url, origin_of

_MODULES = {
    "flowbuilder.ports.bundle": ("Clock", "Connections", "Extract", "Ports", "Sandbox", "SearchConsole", "SearchQuery"),
    "flowbuilder.ports.cms": (
        "Cms",
        "CmsField",
        "CmsForSite",
        "CmsPage",
        "CmsWrite",
        "Publishable",
        "PublishableForm",
        "WriteOrigin",
    ),
    "flowbuilder.ports.credentials": ("Credentials", "credentials_of"),
    "flowbuilder.ports.embeddings": ("EmbeddingModel", "EmbeddingRequest", "Embeddings"),
    "flowbuilder.ports.engine": ("Engine", "Journal", "Ledger", "StartRequest"),
    "flowbuilder.ports.http": ("Http", "HttpRequest", "HttpResponse", "Part"),
    "flowbuilder.ports.language_model": (
        "LanguageModel",
        "ModelAnswer",
        "ModelImage",
        "ModelRequest",
        "ModelTool",
        "ToolAnswer",
        "WebSearch",
        "ensure_provider",
    ),
    "flowbuilder.ports.mcp": ("McpAnswer", "McpServers", "McpSession", "McpTool", "ToolCheck"),
    "flowbuilder.ports.sql": ("Databases", "SqlAnswer", "SqlRequest", "StatementMade"),
    "flowbuilder.ports.store": ("ExecutionFilter", "ReviewFilter", "Store"),
    "flowbuilder.ports.throttle": ("LimiterStore", "NoThrottle", "Throttle", "limit_key"),
    "flowbuilder.ports.url": ("join_url", "origin_of"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Clock",
    "Cms",
    "CmsField",
    "CmsForSite",
    "CmsPage",
    "CmsWrite",
    "Connections",
    "Credentials",
    "Databases",
    "EmbeddingModel",
    "EmbeddingRequest",
    "Embeddings",
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
    "ModelImage",
    "ModelRequest",
    "ModelTool",
    "NoThrottle",
    "Part",
    "Ports",
    "Publishable",
    "PublishableForm",
    "ReviewFilter",
    "Sandbox",
    "SearchConsole",
    "SearchQuery",
    "SqlAnswer",
    "SqlRequest",
    "StartRequest",
    "StatementMade",
    "Store",
    "Throttle",
    "ToolAnswer",
    "ToolCheck",
    "WebSearch",
    "WriteOrigin",
    "credentials_of",
    "ensure_provider",
    "join_url",
    "limit_key",
    "origin_of",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(import_module(_MODULE_OF[name]), name)
    return value
