"""`Ports`: everything outside the process that a step may use, and the small ports of the bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from flowbuilder.ports.cms import CmsForSite
from flowbuilder.ports.embeddings import EmbeddingModel
from flowbuilder.ports.engine import Journal, Ledger
from flowbuilder.ports.http import Http
from flowbuilder.ports.known_secrets import KnownSecrets
from flowbuilder.ports.language_model import LanguageModel
from flowbuilder.ports.mcp import McpServers
from flowbuilder.ports.sql import Databases
from flowbuilder.ports.throttle import NoThrottle, Throttle
from flowbuilder.values import Json, JsonObject


class Sandbox(Protocol):
    """Runs an author's Python without access to the machine, within limits of time and memory."""

    async def run(
        self,
        source: str,
        inputs: Mapping[str, Json],
        *,
        seconds: float,
        megabytes: int,
        now: datetime | None = None,
        seed: str = "",
    ) -> Json:
        """The value of the last expression; `StepError` with the line in the source when the program fails.

        The program's clocks stand still at `now` (default: the present time), and its random numbers follow from
        `seed`: the same arguments give the same value.
        """


class Connections(Protocol):
    """Named credentials: Prefect blocks or `connections.yaml`. A connection is never in a template's scope."""

    async def get(self, name: str) -> JsonObject:
        """The connection; `ConfigurationError` when there is none."""


class Extract(Protocol):
    """Reads an HTML page: `{kind, reason, warnings, title, description, markdown, text, headings, links, ...}`.

    Bytes are decoded as browsers decode them, by the Content-Type header and by what the page declares. No I/O.
    """

    def __call__(self, html: bytes | str, *, url: str, content_type: str = "") -> JsonObject: ...


class Clock(Protocol):
    """The time in UTC, and waiting."""

    def now(self) -> datetime: ...

    async def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, kw_only=True)
class SearchQuery:
    """A query of Search Console's performance report. Dates are ISO dates in Pacific time, both inclusive."""

    dimensions: tuple[str, ...]
    start_date: str
    end_date: str
    filters: tuple[JsonObject, ...] = ()
    row_limit: int = 1000
    search_type: str = "web"
    data_state: str = "final"


class SearchConsole(Protocol):
    """Google Search Console for a site's property (`site["gsc"]`)."""

    async def query(self, site: JsonObject, query: SearchQuery) -> JsonObject:
        """`{rows: [{keys, clicks, impressions, ctr, position}], final_until}`.

        `position` is None where there is none, `final_until` (the last date with final data) where it is not known.
        """

    async def inspect(self, site: JsonObject, url: str) -> JsonObject:
        """The index status of a URL: the API's `inspectionResult`."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Everything outside the process that a step may use."""

    http: Http
    models: LanguageModel
    sandbox: Sandbox
    connections: Connections
    cms: CmsForSite
    clock: Clock
    extract: Extract | None = None
    search_console: SearchConsole | None = None
    mcp: McpServers | None = None
    databases: Databases | None = None
    embeddings: EmbeddingModel | None = None
    ledger: Ledger | None = None
    journal: Journal | None = None
    throttle: Throttle = field(default_factory=NoThrottle)
    secrets: KnownSecrets = field(default_factory=KnownSecrets)
    """Secrets that must not be stored or shown: those of this process or, in a step run, also of its execution."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Ports of third-party step types, by name."""
