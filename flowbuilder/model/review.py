"""A review: a request to a person, its assignment and its decision."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from flowbuilder.values import Json, JsonObject, digest

DecisionKind = Literal["approved", "changes_requested", "rejected", "expired", "withdrawn"]
ReviewStatus = Literal["open", "decided"]
OnExpire = Literal["approved", "rejected", "withdrawn", "escalate"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """The people who may decide: a site's group, people by name (None: not named), or `anyone`. With none of them, the
    site's reviewers. `quorum` people must approve."""

    group: str | None = None
    people: tuple[str, ...] | None = None
    anyone: bool = False
    quorum: int = 1
    not_author: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewRequest:
    """The request of a step to a reviewer. `due_in` and `expires_in` are seconds from the opening; None is never.

    `schema` is the JSON Schema of an approved value; without one, an edit keeps the form of the proposal. A question of
    the product itself ("send again?") takes no edit.
    """

    title: str
    base: Json = None
    proposal: Json = None
    findings: tuple[JsonObject, ...] = ()
    assign: Assignment = field(default_factory=Assignment)
    due_in: float | None = None
    expires_in: float | None = None
    on_expire: OnExpire = "withdrawn"
    may_request_changes: bool = True
    may_edit: bool = True
    schema: JsonObject | None = None
    round: int = 1
    targets: tuple[str, ...] = ()
    """The URLs to which the approved content is published, as far as they are known."""
    publishes: tuple[JsonObject, ...] = ()
    """The texts that become fields of pages, `{place, field, form}`: `place` in the proposal is a list of names and
    indexes ("*" for every item), and `form` the kind of CMS, which stores only some texts as they are."""
    replaced: JsonObject | None = None
    """What the last edit short of the quorum has replaced, `{proposal, approvals, amended_by}`: it can be undone."""

    def content_hash(self) -> str:
        """The sha256 of the content that the reviewer is shown."""
        shown = {"title": self.title, "base": self.base, "proposal": self.proposal, "findings": list(self.findings)}
        return digest(shown | {"targets": list(self.targets)} if self.targets else shown)


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """The decision of a review. `approved` is the approved content: the proposal, or the reviewer's edit of it; None
    unless approved. `shown_hash` is the sha256 of the content shown, `approved_hash` that of the content approved.
    `held_until` is set while the reviewer can undo the decision: until then no worker sees it."""

    kind: DecisionKind
    by: str
    at: datetime
    comment: str = ""
    comments: tuple[JsonObject, ...] = ()
    approved: Json = None
    edited: bool = False
    shown_hash: str = ""
    approved_hash: str | None = None
    held_until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """A stored review. `version` grows with every change; an answer names the version that the reviewer saw."""

    id: str
    execution_id: str
    workflow: str
    site: str | None
    path: str
    request: ReviewRequest
    status: ReviewStatus
    version: int
    content_hash: str
    created_at: datetime
    due_at: datetime | None = None
    expires_at: datetime | None = None
    claimed_by: str | None = None
    claimed_until: datetime | None = None
    approvals: tuple[str, ...] = ()
    amended_by: str | None = None
    """The reviewer who approved with an edit, short of the quorum: the edit is the proposal since then."""
    escalations: int = 0
    decision: Decision | None = None
    account: str = "default"

    @property
    def awaits_decision(self) -> bool:
        """Whether the execution has no decision to act on: the review is open, or its decision can still be undone."""
        return self.decision is None or self.decision.held_until is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewPage:
    """One page of the queue, ordered by due date (those without one last) then age; `next`: the next page's cursor."""

    reviews: tuple[Review, ...]
    next: str | None = None
