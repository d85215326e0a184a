"""The outside world as steps see it, put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from flowbuilder.model.effect import Effect, Intent
from flowbuilder.ports.cms import CmsForSite
from flowbuilder.ports.http import Http
from flowbuilder.ports.journal import Journal
from flowbuilder.ports.language_model import LanguageModel
from flowbuilder.ports.mcp import McpServers
from flowbuilder.ports.search_console import SearchConsole
from flowbuilder.ports.throttle import NoThrottle, Throttle
from flowbuilder.values import Json, JsonObject


class Sandbox(Protocol):
    """Runs an author's Python, cut off from the machine, within limits of time and memory."""

    async def run(self, source: str, inputs: Mapping[str, Json], *, seconds: float, megabytes: int) -> Json: ...


class Connections(Protocol):
    """Named credentials: Prefect blocks, or `connections.yaml`. A connection is never in a template's scope."""

    async def get(self, name: str) -> JsonObject: ...


class Extract(Protocol):
    """Reads an HTML page: `{title, description, markdown, text, headings, links, json_ld, images}`. No I/O."""

    def __call__(self, html: str, *, url: str) -> JsonObject: ...


class Clock(Protocol):
    """The time, in UTC, and waiting."""

    def now(self) -> datetime: ...

    async def sleep(self, seconds: float) -> None: ...


class Ledger(Protocol):
    """The effect ledger, as a step sees it: bound to its execution and lease."""

    async def begin(self, intent: Intent) -> Effect:
        """The durable intent, committed before it returns; an effect already done comes back with its receipt.

        One that was begun before comes back with the number of questions that were answered then, and the intent's is
        kept.
        """

    async def done(self, key: str, *, receipt: JsonObject, inverse: JsonObject | None = None) -> None: ...

    async def unknown(self, key: str, *, reason: str) -> None: ...

    async def refused(self, key: str, *, reason: str) -> None:
        """The target has answered, and surely did nothing."""

    async def approved(self, content_hash: str) -> bool:
        """Whether a reviewer of this execution approved exactly the bytes with this sha256."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """All that a step may use."""

    http: Http
    models: LanguageModel
    sandbox: Sandbox
    connections: Connections
    cms: CmsForSite
    clock: Clock
    extract: Extract | None = None
    search_console: SearchConsole | None = None
    mcp: McpServers | None = None
    ledger: Ledger | None = None
    journal: Journal | None = None
    throttle: Throttle = field(default_factory=NoThrottle)
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Ports that third-party step types bring, by name."""
