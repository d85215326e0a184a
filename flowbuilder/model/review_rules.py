"""Review state machine: the outcome of a reviewer's answer and of an expired deadline. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from flowbuilder.errors import Conflict, Refused
from flowbuilder.model.review import Decision, DecisionKind, Review, ReviewRequest
from flowbuilder.model.reviewers import SYSTEM, Reviewers, assigned_to, name_problem, person
from flowbuilder.values import Json, JsonObject, NotJson, digest, digest_text, ensure_json, well_formed


class NoEdit(Enum):
    """The type of `NO_EDIT`: None is a possible edit."""

    NO_EDIT = "no edit"


NO_EDIT: Final = NoEdit.NO_EDIT


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A reviewer's answer, and what they were shown: the review's version and content hash. `edited` replaces the
    proposal; with `NO_EDIT` the proposal itself is approved."""

    kind: DecisionKind
    by: str
    seen_version: int
    seen_hash: str
    comment: str = ""
    comments: tuple[JsonObject, ...] = ()
    edited: Json | NoEdit = NO_EDIT

    @classmethod
    def to(
        cls,
        review: Review,
        *,
        kind: DecisionKind,
        by: str,
        comment: str = "",
        comments: tuple[JsonObject, ...] = (),
        edited: Json | NoEdit = NO_EDIT,
    ) -> Answer:
        """An answer to a review as it was read."""
        return cls(
            kind=kind,
            by=by,
            seen_version=review.version,
            seen_hash=review.content_hash,
            comment=comment,
            comments=comments,
            edited=edited,
        )

    def ensure_has_reason(self) -> None:
        """`Refused` for a rejection or a request for changes without a comment."""
        if self.kind in ("rejected", "changes_requested") and not self.comment.strip() and not self.comments:
            raise Refused("a rejection and a request for changes need a comment")


@dataclass(frozen=True, kw_only=True)
class PartialApproval:
    """An approval short of the quorum. An edit becomes the new proposal, and voids the approvals before it."""

    approvals: tuple[str, ...]
    request: ReviewRequest
    amended_by: str | None
    edited: bool


@dataclass(frozen=True, kw_only=True)
class Escalation:
    """The review expired and is escalated: it stays open once more, for twice the term."""

    expires_at: datetime


def content_hash(value: Json) -> str:
    """The sha256 that identifies approved content: of a text's own bytes, else of the value's canonical form."""
    return digest_text(value) if isinstance(value, str) else digest(value)


def apply_answer(
    review: Review, answer: Answer, *, reviewers: Reviewers, author: str, now: datetime
) -> Decision | PartialApproval:
    """The decision that an answer makes, or the approval that it adds. `author` wrote the workflow's version. Earlier
    approvals count while their people may still decide.

    `Conflict` when the review is no longer what the reviewer saw, or has expired; `Refused` when this person may not
    give this answer, or the review is held.
    """
    _ensure_seen(review, answer)
    _ensure_allowed(review, answer, reviewers, author)
    if answer.by != SYSTEM:
        _ensure_unexpired(review, now)
    approved: Json = None
    edited = False
    if answer.kind == "approved":
        request = review.request
        try:
            approved = request.proposal
            if answer.edited is not NO_EDIT:
                approved = ensure_json(answer.edited, where="the edit", well_formed=True)
        except NotJson as problem:
            raise Refused(f"{problem}") from None
        changed = digest(approved) != digest(request.proposal)
        earlier = () if changed else tuple(name for name in review.approvals if reviewers.include(name))
        if person(answer.by) in {person(name) for name in earlier}:
            raise Refused(f"you have already approved this; {len(earlier)} of {request.assign.quorum} approvals so far")
        approvals = (*earlier, answer.by)
        if len(approvals) < request.assign.quorum:
            shown = replace(request, proposal=approved, replaced=_replaceable(review)) if changed else request
            amended_by = answer.by if changed else review.amended_by
            return PartialApproval(approvals=approvals, request=shown, amended_by=amended_by, edited=changed)
        edited = changed or review.amended_by is not None
    return Decision(
        kind=answer.kind,
        by=answer.by,
        at=now,
        comment=well_formed(answer.comment),
        comments=answer.comments,
        approved=approved,
        edited=edited,
        shown_hash=answer.seen_hash,
        approved_hash=content_hash(approved) if answer.kind == "approved" else None,
    )


def _replaceable(review: Review) -> JsonObject:
    """What an edit replaces, to put it back when the edit is undone."""
    return {
        "proposal": review.request.proposal,
        "approvals": list(review.approvals),
        "amended_by": review.amended_by,
    }


def expire(review: Review, now: datetime, *, reviewers: Reviewers) -> Decision | Escalation:
    """The outcome of an open review whose `expires_at` has passed, by its `on_expire`. A review that expires after its
    escalation is withdrawn, and so is a held one that would be approved: no one could have objected."""
    request = review.request
    if request.on_expire == "approved" and reviewers.held:
        return withdrawal(review, now, comment=reviewers.held)
    if request.on_expire == "escalate":
        if review.escalations == 0:
            return Escalation(expires_at=now + timedelta(seconds=2 * (request.expires_in or 0.0)))
        return withdrawal(review, now, comment="no reviewer answered in time, even after escalation")
    approved = request.on_expire == "approved"
    return Decision(
        kind=request.on_expire,
        by=SYSTEM,
        at=now,
        comment="no reviewer answered in time",
        approved=request.proposal if approved else None,
        edited=approved and review.amended_by is not None,
        shown_hash=review.content_hash,
        approved_hash=content_hash(request.proposal) if approved else None,
    )


def withdrawal(review: Review, now: datetime, *, comment: str) -> Decision:
    """The decision by which the product itself closes a review."""
    return Decision(kind="withdrawn", by=SYSTEM, at=now, comment=comment, shown_hash=review.content_hash)


def with_partial_approval(review: Review, approval: PartialApproval) -> Review:
    """The review after an approval short of the quorum."""
    return replace(
        review,
        version=review.version + 1,
        request=approval.request,
        content_hash=approval.request.content_hash(),
        approvals=approval.approvals,
        amended_by=approval.amended_by,
    )


def with_escalation(review: Review, escalation: Escalation) -> Review:
    """The review after its escalation."""
    return replace(
        review,
        version=review.version + 1,
        expires_at=escalation.expires_at,
        escalations=review.escalations + 1,
    )


def ensure_unclaimed(review: Review, by: str, now: datetime) -> None:
    """`Conflict` when the review is decided or has expired, or another person's claim on it has not expired."""
    if review.status != "open":
        raise Conflict(_already_decided(review))
    _ensure_unexpired(review, now)
    if claim := claim_of_another(review, by, now):
        raise Conflict(claim)


def claim_of_another(review: Review, by: str, now: datetime) -> str:
    """Who other than this person has claimed the review, and until when, as a clause; empty without such a claim."""
    claimed, until = review.claimed_by, review.claimed_until
    if claimed and person(claimed) != person(by) and until and until > now:
        return f"{claimed} has claimed this review until {_time(until)}"
    return ""


def ensure_reviewer(review: Review, by: str, reviewers: Reviewers) -> None:
    """`Refused` unless this person is among those who may decide the review, and for a review that is held."""
    if problem := name_problem(by):
        raise Refused(f"the reviewer's name {problem}" + (f": {by:.60}" if by.strip() else ""))
    if reviewers.held:
        raise Refused(reviewers.held)
    if not reviewers.include(by):
        raise Refused(f"{by} may not decide this review; it is assigned to {assigned_to(review.request.assign)}")


def _ensure_unexpired(review: Review, now: datetime) -> None:
    """`Conflict` once `expires_at` has passed, also while the reconciler has not closed the review yet."""
    if review.expires_at is not None and review.expires_at <= now:
        raise Conflict(f"this review expired at {_time(review.expires_at)}; the reconciler will close or escalate it")


def _ensure_seen(review: Review, answer: Answer) -> None:
    if review.status != "open":
        raise Conflict(_already_decided(review))
    if (review.version, review.content_hash) == (answer.seen_version, answer.seen_hash):
        return
    if review.approvals:
        change = f"approved by {', '.join(review.approvals)}"
    elif review.claimed_by:
        change = f"claimed by {review.claimed_by}"
    else:
        change = "its claim, an approval or its deadline was changed"
    raise Conflict(
        f"this review has changed since you opened it: {change} (version {review.version}, you saw "
        f"{answer.seen_version}); open it again"
    )


def _ensure_allowed(review: Review, answer: Answer, reviewers: Reviewers, author: str) -> None:
    if answer.kind == "expired":
        raise Refused("a review cannot be decided as expired; it expires by itself")
    if answer.by == SYSTEM:
        if answer.kind != "withdrawn":
            raise Refused(f"{SYSTEM} is not a reviewer; name the person who decides")
        return
    ensure_reviewer(review, answer.by, reviewers)
    if review.request.assign.not_author and person(author) == person(answer.by):
        raise Refused(f"{answer.by} wrote this workflow, and its author may not decide this review")
    if answer.kind == "changes_requested" and not review.request.may_request_changes:
        raise Refused("changes can no longer be requested on this review; approve or reject it")
    if answer.edited is not NO_EDIT and answer.kind != "approved":
        raise Refused("only an approval can carry an edit")
    if answer.edited is not NO_EDIT and not review.request.may_edit:
        raise Refused("this question takes no edit: what it asks about was approved already; approve or reject it")


_VERBS: dict[DecisionKind, str] = {
    "approved": "approved it",
    "changes_requested": "requested changes",
    "rejected": "rejected it",
    "expired": "let it expire",
    "withdrawn": "withdrew it",
}


def _already_decided(review: Review) -> str:
    decision = review.decision
    if decision is None:
        return "this review is already decided"
    comment = f': "{decision.comment:.80}"' if decision.comment else ""
    return f"already decided: {decision.by} {_VERBS[decision.kind]} at {_time(decision.at)}{comment}"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
