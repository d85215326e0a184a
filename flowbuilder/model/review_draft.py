"""Drafts of reviewers' answers, presence on the pages of reviews, and the undoing of held decisions. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flowbuilder.errors import Conflict, Refused
from flowbuilder.model.review import Decision, Review
from flowbuilder.model.reviewers import name_problem, person

MAX_DRAFT_LENGTH = 2_000_000
"""The most characters of a draft's comment and edit together."""
DRAFT_LIFETIME = timedelta(days=30)
"""How long after its last change a draft is kept."""
PRESENCE_LIFETIME = timedelta(seconds=22)
"""How long after its last heartbeat an open page counts as present."""
MAX_HOLD = timedelta(minutes=10)
"""The longest time for which a decision can be held."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A reviewer's unsubmitted comment and edit of one review.

    `edit` is the editor's text, None before the editor was first opened; `editing` whether the editor is open;
    `content_hash` identifies the content that the reviewer edits. `revision` counts the changes, from 1; `window`
    identifies the browser window that made the last one.
    """

    review_id: str
    by: str
    comment: str = ""
    edit: str | None = None
    editing: bool = False
    content_hash: str = ""
    revision: int = 0
    window: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Presence:
    """A reviewer who has the page of a review open; `editing` with the editor open."""

    by: str
    editing: bool


def next_draft(stored: Draft | None, draft: Draft) -> Draft:
    """The draft to store, where `draft` carries the revision that its window has seen.

    `Conflict` when another window has changed it since; `Refused` when it is too long or names no reviewer.
    """
    if problem := name_problem(draft.by):
        raise Refused(f"the reviewer's name {problem}")
    length = len(draft.comment) + len(draft.edit or "")
    if length > MAX_DRAFT_LENGTH:
        raise Refused(f"this draft has {length:,} characters; at most {MAX_DRAFT_LENGTH:,} can be saved")
    revision = 0 if stored is None else stored.revision
    same_window = stored is not None and bool(draft.window) and stored.window == draft.window
    if revision != draft.revision and not same_window:
        raise Conflict("this draft was changed in another window")
    return replace(draft, by=person(draft.by), revision=revision + 1)


def held(decision: Decision, hold: timedelta, now: datetime) -> Decision:
    """The decision, held for this time; unchanged without a hold. `Refused` when the time is too long."""
    if hold > MAX_HOLD:
        raise Refused(f"a decision can be held for at most {int(MAX_HOLD.total_seconds())} seconds")
    return replace(decision, held_until=now + hold) if hold > timedelta() else decision


def reopened(review: Review, by: str, now: datetime) -> Review:
    """The review after its decision is undone, or the last approval of one that is short of its quorum. `Conflict` when
    there is none of this person to undo, or when it is too late."""
    decision = review.decision
    if decision is None:
        return _without_last_approval(review, by)
    if decision.held_until is None or decision.held_until <= now:
        raise Conflict("it is too late to undo this decision: the execution continues with it")
    if person(decision.by) != person(by):
        raise Conflict(f"only {decision.by} can undo this decision")
    return replace(review, status="open", version=review.version + 1, decision=None)


def _without_last_approval(review: Review, by: str) -> Review:
    if not review.approvals or person(review.approvals[-1]) != person(by):
        raise Conflict("this review has no decision to undo")
    if review.amended_by is not None and person(review.amended_by) == person(by):
        return _without_edit(review)
    return replace(review, version=review.version + 1, approvals=review.approvals[:-1])


def _without_edit(review: Review) -> Review:
    """The review as it was before its last edit, with the approvals that the edit has voided: no one has approved the
    edit since."""
    replaced = review.request.replaced
    if replaced is None:  # undone already, or made by an earlier release
        raise Conflict("this edit cannot be undone any more; approve another text, or reject")
    request = replace(review.request, proposal=replaced["proposal"], replaced=None)
    return replace(
        review,
        version=review.version + 1,
        request=request,
        content_hash=request.content_hash(),
        approvals=tuple(replaced["approvals"]),
        amended_by=replaced["amended_by"],
    )
