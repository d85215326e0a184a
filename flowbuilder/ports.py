"""The protocols through which the product touches the world. Adapters and fakes implement them; steps use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from flowbuilder.effect import Effect, TargetClass
from flowbuilder.errors import StepError, Transience, TransientError
from flowbuilder.events import Event, NewEvent
from flowbuilder.execution import Control, Execution, Lease, Outcome, Status, WorkflowSummary, WorkflowVersion
from flowbuilder.review import Decision, DecisionKind, Review, ReviewPage, ReviewRequest
from flowbuilder.values import Json, JsonObject

# --- the outside world, as steps see it ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class HttpRequest:
    """A request. `auth` headers are dropped when a redirect leaves the origin; `timeout` is the whole time, seconds.

    `hosts` are the only hosts it may reach (patterns such as `*.example.com`); empty allows every public host.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    auth: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, Any] | None = None
    json: Json = None
    form: Mapping[str, Any] | None = None
    content: bytes | None = None
    timeout: float = 30.0
    max_bytes: int = 8 * 1024 * 1024
    hosts: tuple[str, ...] = ()
    idempotency_key: str | None = None


@dataclass(frozen=True, kw_only=True)
class HttpResponse:
    """An answer of any status; header names are lower case; `url` is the last one after redirects."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def text(self) -> str:
        """The body as text: the charset that the headers name, else UTF-8; what does not decode is replaced."""
        kind = self.headers.get("content-type", "")
        charset = kind.partition("charset=")[2].partition(";")[0].strip(" \"'") or "utf-8"
        try:
            return self.body.decode(charset, "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")

    def ensure_success(self, what: str) -> None:
        """Raise unless the status is 2xx: `TransientError` for 408, 429 and 5xx, `StepError` for every other.

        `what` was asked, such as "GET https://example.com/"; it opens the message.
        """
        if 200 <= self.status < 300:
            return
        message, detail = f"{what} answered {self.status}", {"status": self.status}
        if self.status in (408, 429) or self.status >= 500:
            reasons: dict[int, Transience] = {408: "timeout", 429: "rate_limit", 504: "timeout"}
            reason = reasons.get(self.status, "server_error")
            raise TransientError(message, reason=reason, retry_after=self.retry_after, detail=detail)
        raise StepError(message, code=f"http_{self.status}", detail=detail)

    @property
    def retry_after(self) -> float | None:
        """The `Retry-After` header in seconds, at most an hour; None when there is none, or when it is a date."""
        try:
            return min(max(float(self.headers["retry-after"]), 0.0), 3600.0)
        except (KeyError, ValueError):
            return None


class Http(Protocol):
    """HTTP with egress control: raises `StepError` for a refused address, `TransientError` when the network fails.

    Statuses are the caller's business, whatever they are.
    """

    async def send(self, request: HttpRequest) -> HttpResponse: ...


@dataclass(frozen=True, kw_only=True)
class ModelRequest:
    """A request to a language model. `model` is `provider:name`; `facts` is data for the deterministic demo model."""

    model: str
    prompt: str
    system: str = ""
    output_schema: JsonObject | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    max_usd: float | None = None
    timeout: float = 120.0
    connection: JsonObject = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class ModelAnswer:
    """The model's answer: the validated object, or `{"text": ...}` without a schema; `usage` has tokens and usd."""

    output: Json
    usage: JsonObject = field(default_factory=dict)


class LanguageModel(Protocol):
    """Any model by name. The output is valid against the schema, or a `StepError` says why it is not."""

    async def complete(self, request: ModelRequest) -> ModelAnswer: ...


class Sandbox(Protocol):
    """Runs an author's Python, cut off from the machine, within limits of time and memory."""

    async def run(self, source: str, inputs: Mapping[str, Json], *, seconds: float, megabytes: int) -> Json: ...


class Connections(Protocol):
    """Named credentials: Prefect blocks, or `connections.yaml`. A connection is never in a template's scope."""

    async def get(self, name: str) -> JsonObject: ...


@dataclass(frozen=True, kw_only=True)
class CmsPage:
    """A page as the CMS holds it: `body` is the editable source, `hash` its sha256, `revision` the CMS's own mark."""

    url: str
    title: str
    body: str
    description: str = ""
    revision: str = ""
    hash: str = ""
    live_url: str = ""


@dataclass(frozen=True, kw_only=True)
class CmsWrite:
    """What to write. None leaves a field as it is; `if_unchanged` is the hash that the page must still have."""

    url: str
    body: str | None = None
    title: str | None = None
    description: str | None = None
    if_unchanged: str | None = None
    idempotency_key: str = ""


class Cms(Protocol):
    """A site's content. `update` raises `Conflict` when the page changed since it was read."""

    target_class: TargetClass

    async def read(self, url: str) -> CmsPage: ...

    async def update(self, write: CmsWrite) -> CmsPage: ...

    async def create(self, write: CmsWrite) -> CmsPage: ...


class CmsForSite(Protocol):
    """Opens the CMS that a site's record names (`site["cms"]`)."""

    async def __call__(self, site: JsonObject) -> Cms: ...


class Extract(Protocol):
    """Reads an HTML page: `{title, description, markdown, text, headings, links, json_ld, images}`. No I/O."""

    def __call__(self, html: str, *, url: str) -> JsonObject: ...


@dataclass(frozen=True, kw_only=True)
class SearchQuery:
    """A question to Search Console's performance report. Dates are ISO dates, both inclusive."""

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
        """`{rows: [{keys, clicks, impressions, ctr, position}], final_until}`; `final_until` is an ISO date."""

    async def inspect(self, site: JsonObject, url: str) -> JsonObject:
        """What the index knows of a URL: the API's `inspectionResult`."""


class Clock(Protocol):
    """The time, in UTC, and waiting."""

    def now(self) -> datetime: ...

    async def sleep(self, seconds: float) -> None: ...


class Ledger(Protocol):
    """The effect ledger, as a step sees it: bound to its execution and lease."""

    async def begin(self, *, key: str, path: str, target: str, target_class: TargetClass, request_hash: str) -> Effect:
        """The durable intent, committed before it returns; an effect already done comes back with its receipt."""

    async def done(self, key: str, *, receipt: JsonObject, inverse: JsonObject | None = None) -> None: ...

    async def unknown(self, key: str, *, reason: str) -> None: ...

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
    ledger: Ledger | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Ports that third-party step types bring, by name."""


# --- what is remembered -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ExecutionFilter:
    """Which executions to list; None means any. Newest first."""

    workflow: str | None = None
    site: str | None = None
    statuses: frozenset[Status] | None = None
    account: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReviewFilter:
    """Which reviews to list; None means any."""

    workflow: str | None = None
    site: str | None = None
    status: Literal["open", "decided"] | None = "open"
    execution_id: str | None = None
    assignee: str | None = None
    text: str | None = None
    account: str | None = None


class Store(Protocol):
    """The record of everything. Synchronous; each method is one transaction; safe to call from several threads.

    Writes for an execution take the worker's `Lease` and raise `LostLease` when its epoch is no longer the row's.
    Terminal statuses are absorbing. Times come from the store's own clock unless given.
    """

    # workflows
    def save_version(
        self, *, name: str, title: str, document: JsonObject, source: str, digest: str, author: str = ""
    ) -> WorkflowVersion:
        """A new draft; the latest version itself when its digest is the same and it is not archived."""

    def publish(self, name: str, number: int | None = None) -> WorkflowVersion:
        """Publish a draft (default: the latest); the version published before becomes archived."""

    def archive(self, name: str) -> None: ...

    def version(self, name: str, number: int | None = None) -> WorkflowVersion:
        """A version by number; without one the published version. `NotFound`."""

    def latest_version(self, name: str) -> WorkflowVersion: ...

    def versions(self, name: str) -> Sequence[WorkflowVersion]: ...

    def workflows(self, *, account: str | None = None, include_archived: bool = False) -> Sequence[WorkflowSummary]: ...

    # sites
    def save_site(self, name: str, record: JsonObject) -> None: ...

    def site(self, name: str) -> JsonObject: ...

    def sites(self) -> Sequence[JsonObject]: ...

    # executions
    def create_execution(self, execution: Execution) -> Execution:
        """Insert it with its `execution_started` event; the stored one when the id is there already."""

    def execution(self, execution_id: str) -> Execution: ...

    def executions(self, where: ExecutionFilter, *, limit: int = 50, before: str | None = None) -> Sequence[Execution]:
        """Newest first; `before` is the id of the last execution seen (keyset)."""

    def claim(self, execution_id: str, holder: str, ttl: timedelta) -> Lease:
        """Take or take over the lease: epoch + 1, status running, attempt + 1.

        `Conflict` while another's is unexpired, `Refused` when the execution has ended. Taking over an expired lease
        counts a death and writes `worker_lost`.
        """

    def renew(self, lease: Lease, ttl: timedelta) -> None: ...

    def outcomes(self, execution_id: str) -> Sequence[Outcome]: ...

    def record_outcome(self, lease: Lease, outcome: Outcome, events: Sequence[NewEvent]) -> None:
        """The outcome and its events in one transaction. One final outcome per path: a second one is `Conflict`."""

    def append_events(self, lease: Lease, events: Sequence[NewEvent]) -> None: ...

    def settle(
        self,
        lease: Lease,
        status: Status,
        *,
        events: Sequence[NewEvent],
        outputs: Json = None,
        error: JsonObject | None = None,
        progress: JsonObject | None = None,
        ready_at: datetime | None = None,
    ) -> Execution:
        """Set the status, end the lease, write the events: how a worker lets go of an execution. Checks transitions.

        Settling as `waiting` while a decision that the worker has not seen is there already sets `ready_at` to now."""

    def set_progress(self, lease: Lease, progress: JsonObject) -> None: ...

    def request_control(self, execution_id: str, action: Control | None, by: str) -> Execution:
        """Note that a person asks for pause or cancel. One that nobody holds is paused or cancelled at once, with its
        open reviews withdrawn when cancelled; None takes back a pause: status queued, `ready_at` now."""

    def control(self, execution_id: str) -> Control | None: ...

    def ready(self, *, limit: int = 100) -> Sequence[Execution]:
        """Those that should be running and that nobody holds: `ready_at` is past, or their lease ran out."""

    def mark_ready(self, execution_id: str) -> None: ...

    # events
    def events(self, execution_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Event]: ...

    def record_event(self, execution_id: str, event: NewEvent) -> None:
        """An event that needs no lease: what people and sweepers do."""

    # reviews
    def open_review(self, lease: Lease, path: str, request: ReviewRequest) -> Review:
        """The review at this path of this execution, opened now unless it is there already; with its event."""

    def review(self, review_id: str) -> Review: ...

    def reviews(self, where: ReviewFilter, *, limit: int = 20, cursor: str | None = None) -> ReviewPage: ...

    def pending_counts(self) -> Mapping[str, int]:
        """Open reviews by workflow, from counters kept as reviews open and close."""

    def claim_review(self, review_id: str, by: str, ttl: timedelta) -> Review: ...

    def release_review(self, review_id: str, by: str) -> Review: ...

    def decide(
        self,
        review_id: str,
        *,
        kind: DecisionKind,
        by: str,
        seen_version: int,
        seen_hash: str,
        comment: str = "",
        comments: Sequence[JsonObject] = (),
        edited: Json = None,
        has_edit: bool = False,
    ) -> Review:
        """Compare-and-set: `Conflict` names who was faster when the version or the hash is not the stored one.

        An approval short of the quorum is kept and leaves the review open. A decision sets the execution's `ready_at`.
        """

    def decisions(self, execution_id: str) -> Mapping[str, Decision]:
        """The decisions by StepPath."""

    def expire_reviews(self, *, limit: int = 100) -> Sequence[Review]:
        """Decide the reviews whose time is over, each as its `on_expire` says; returns those it changed."""

    # effects
    def begin_effect(
        self, lease: Lease, *, key: str, path: str, target: str, target_class: TargetClass, request_hash: str
    ) -> Effect: ...

    def finish_effect(
        self,
        lease: Lease,
        key: str,
        status: Literal["done", "unknown"],
        *,
        receipt: JsonObject | None = None,
        inverse: JsonObject | None = None,
        reason: str = "",
    ) -> Effect: ...

    def effect(self, key: str) -> Effect: ...

    def effects(self, execution_id: str) -> Sequence[Effect]: ...

    # the installation
    def install_id(self) -> str:
        """A random id made when the database was: part of every idempotency key."""


class Engine(Protocol):
    """What runs executions. Prefect in production; this process with `--local`; a list in tests."""

    def start(self, *, workflow: str, version: int, inputs: JsonObject, site: str | None, draft: bool) -> str:
        """Start an execution; returns its id."""

    def wake(self, execution_id: str) -> None:
        """Have a worker take the execution up again. A hint: losing one only costs time."""

    def cancel(self, execution_id: str) -> None: ...
