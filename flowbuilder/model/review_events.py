"""The timeline events of a review."""

from __future__ import annotations

from datetime import datetime

from flowbuilder.model.event_data import (
    ReviewApprovalUndone,
    ReviewApproved,
    ReviewClaimed,
    ReviewDecided,
    ReviewEscalated,
    ReviewExpired,
    ReviewOpened,
    ReviewReleased,
)
from flowbuilder.model.events import NewEvent
from flowbuilder.model.review import Decision, Review
from flowbuilder.model.review_rules import Escalation, PartialApproval
from flowbuilder.model.reviewers import assigned_to


def opened_event(review: Review) -> NewEvent:
    """The timeline event of a new review."""
    assign = review.request.assign
    return ReviewOpened(
        review_id=review.id,
        title=review.request.title,
        assign={
            "group": assign.group,
            "people": list(assign.people or ()),
            "anyone": assign.anyone,
            "quorum": assign.quorum,
            "not_author": assign.not_author,
        },
        due_at=review.due_at.isoformat() if review.due_at else None,
        expires_at=review.expires_at.isoformat() if review.expires_at else None,
    ).at(review.path)


def decided_event(review: Review, decision: Decision) -> NewEvent:
    """The timeline event of a decision."""
    return ReviewDecided(
        review_id=review.id,
        decision=decision.kind,
        by=decision.by,
        comment=decision.comment,
        content_hash=decision.shown_hash,
    ).at(review.path)


def expired_event(review: Review, outcome: Decision | Escalation) -> NewEvent:
    """The timeline event of an expiry."""
    if isinstance(outcome, Escalation):
        to = assigned_to(review.request.assign)
        expires_at = outcome.expires_at.isoformat()
        return ReviewEscalated(review_id=review.id, to=to, expires_at=expires_at).at(review.path)
    return ReviewExpired(review_id=review.id, outcome=outcome.kind).at(review.path)


def approved_event(review: Review, approval: PartialApproval, by: str) -> NewEvent:
    """The timeline event of an approval short of the quorum. `review` is the review after it."""
    return ReviewApproved(
        review_id=review.id,
        by=by,
        approvals=len(approval.approvals),
        quorum=approval.request.assign.quorum,
        edited=approval.edited,
        content_hash=review.content_hash,
    ).at(review.path)


def approval_undone_event(before: Review, after: Review, by: str) -> NewEvent:
    """The timeline event of an approval that is taken back, with the review before and after it."""
    return ReviewApprovalUndone(
        review_id=after.id,
        by=by,
        approvals=len(after.approvals),
        edited=before.content_hash != after.content_hash,
        content_hash=after.content_hash,
    ).at(after.path)


def claimed_event(review: Review, by: str, until: datetime) -> NewEvent:
    """The timeline event of a claim."""
    return ReviewClaimed(review_id=review.id, by=by, until=until.isoformat()).at(review.path)


def released_event(review: Review, by: str) -> NewEvent:
    """The timeline event of a claim that its reviewer gave up."""
    return ReviewReleased(review_id=review.id, by=by).at(review.path)
