"""What becomes of an answer to a review, and of a review whose time is over. Pure: the stores only write it down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flowbuilder.errors import Conflict, Refused
from flowbuilder.model.events import NewEvent
from flowbuilder.model.review import Decision, DecisionKind, Review, ReviewRequest
from flowbuilder.model.review_opening import may_decide, same_person
from flowbuilder.values import Json, JsonObject, NotJson, digest, digest_text, ensure_json

SYSTEM = "flowbuilder"
"""Who decides what no person decided: expiries, and withdrawals when an execution ends or makes something anew."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a person answers, and what they had in front of them: the review's version and the hash of its content."""

    kind: DecisionKind
    by: str
    seen_version: int
    seen_hash: str
    comment: str = ""
    comments: tuple[JsonObject, ...] = ()
    edited: Json = None
    has_edit: bool = False


@dataclass(frozen=True, kw_only=True)
class Counted:
    """An approval short of the quorum. An edit becomes what is shown; approvals of what was shown before are void."""

    approvals: tuple[str, ...]
    request: ReviewRequest
    amended_by: str | None


@dataclass(frozen=True, kw_only=True)
class Escalated:
    """Nobody answered in time: the review stays open once more, for twice the term."""

    expires_at: datetime


def content_hash(value: Json) -> str:
    """The sha256 that approved content is known by: of a text's own bytes, else of the value's canonical form."""
    return digest_text(value) if isinstance(value, str) else digest(value)


def judge(
    review: Review, answer: Answer, *, site_record: Mapping[str, Any], author: str, now: datetime
) -> Decision | Counted:
    """The decision that an answer makes, or the approval that it adds. `Conflict` when the review is no longer what was
    seen; `Refused` when this person may not give this answer. `author` wrote the workflow's version."""
    _ensure_seen(review, answer)
    _ensure_allowed(review, answer, site_record, author)
    request = review.request
    if answer.kind != "approved":
        return _decision(review, answer, now, approved=None, edited=False)
    try:
        edit = ensure_json(answer.edited, where="the edit") if answer.has_edit else request.proposal
    except NotJson as problem:
        raise Refused(f"{problem}") from None
    changed = content_hash(edit) != content_hash(request.proposal)
    earlier = () if changed else review.approvals
    if same_person(answer.by) in {same_person(name) for name in earlier}:
        raise Refused(f"you have approved this already; {_missing(request, len(earlier))}")
    approvals = (*earlier, answer.by)
    if len(approvals) < request.assign.quorum:
        shown = replace(request, proposal=edit) if changed else request
        return Counted(approvals=approvals, request=shown, amended_by=answer.by if changed else review.amended_by)
    return _decision(review, answer, now, approved=edit, edited=changed or review.amended_by is not None)


def lapse(review: Review, now: datetime) -> Decision | Escalated:
    """What becomes of an open review whose `expires_at` is past: what its `on_expire` says; an escalated one ends."""
    request = review.request
    if request.on_expire == "escalate":
        if review.escalations == 0:
            return Escalated(expires_at=now + timedelta(seconds=2 * (request.expires_in or 0.0)))
        return withdrawal(review, now, comment="nobody answered in time, twice")
    approved = request.on_expire == "approved"
    return Decision(
        kind=request.on_expire,
        by=SYSTEM,
        at=now,
        comment="nobody answered in time",
        approved=request.proposal if approved else None,
        edited=approved and review.amended_by is not None,
        shown_hash=review.content_hash,
        approved_hash=content_hash(request.proposal) if approved else None,
    )


def withdrawal(review: Review, now: datetime, *, comment: str) -> Decision:
    """The decision by which the product itself closes a review."""
    return Decision(kind="withdrawn", by=SYSTEM, at=now, comment=comment, shown_hash=review.content_hash)


def decided_event(review: Review, decision: Decision) -> NewEvent:
    """What the timeline says of a decision."""
    data: JsonObject = {
        "review_id": review.id,
        "decision": decision.kind,
        "by": decision.by,
        "comment": decision.comment,
        "content_hash": decision.shown_hash,
    }
    return NewEvent(type="review_decided", path=review.path, data=data)


def lapsed_event(review: Review, what: Decision | Escalated) -> NewEvent:
    """What the timeline says of a review that nobody answered in time."""
    if isinstance(what, Escalated):
        to = review.request.assign.group or ", ".join(review.request.assign.people)
        data: JsonObject = {"review_id": review.id, "to": to, "expires_at": what.expires_at.isoformat()}
        return NewEvent(type="review_escalated", path=review.path, data=data)
    return NewEvent(type="review_expired", path=review.path, data={"review_id": review.id, "outcome": what.kind})


def counted_event(review: Review, counted: Counted, by: str) -> NewEvent:
    """What the timeline says of an approval short of the quorum."""
    data: JsonObject = {
        "review_id": review.id,
        "by": by,
        "approvals": len(counted.approvals),
        "quorum": counted.request.assign.quorum,
        "edited": counted.request is not review.request,
        "content_hash": review.content_hash,
    }
    return NewEvent(type="review_approved", path=review.path, data=data)


def ensure_free(review: Review, by: str, now: datetime) -> None:
    """`Conflict` when the review is decided, or claimed by another person whose claim has not run out."""
    if review.status != "open":
        raise Conflict(_faster(review))
    claimed = review.claimed_by
    if claimed and same_person(claimed) != same_person(by) and review.claimed_until and review.claimed_until > now:
        raise Conflict(f"{claimed} is at this review until {_time(review.claimed_until)}")


def ensure_member(review: Review, by: str, site_record: Mapping[str, Any]) -> None:
    """`Refused` unless this person is among those who may decide the review."""
    if not by.strip():
        raise Refused("say who you are")
    allowed = may_decide(review.request.assign, site_record)
    if allowed and same_person(by) not in allowed:
        asked = review.request.assign.group or ", ".join(review.request.assign.people)
        raise Refused(f"{by} is not among those who are asked: {asked}")


def _ensure_seen(review: Review, answer: Answer) -> None:
    if review.status != "open":
        raise Conflict(_faster(review))
    if (review.version, review.content_hash) == (answer.seen_version, answer.seen_hash):
        return
    if review.approvals:
        what = f"approved by {', '.join(review.approvals)}"
    elif review.claimed_by:
        what = f"claimed by {review.claimed_by}"
    else:
        what = "its claim or its term was changed"
    raise Conflict(
        f"this review has changed since it was opened: {what} (version {review.version}, seen {answer.seen_version}); "
        "look at it again"
    )


def _ensure_allowed(review: Review, answer: Answer, site_record: Mapping[str, Any], author: str) -> None:
    if answer.kind == "expired":
        raise Refused("a review expires by itself; nobody decides that")
    if answer.by == SYSTEM:
        if answer.kind != "withdrawn":
            raise Refused(f"{SYSTEM} is no person; say who decides")
        return
    ensure_member(review, answer.by, site_record)
    if review.request.assign.not_author and author and same_person(author) == same_person(answer.by):
        raise Refused(f"{answer.by} wrote this workflow, and its author may not decide this review")
    if answer.kind == "changes_requested" and not review.request.may_request_changes:
        raise Refused("no more changes can be requested here: approve or reject")
    if answer.has_edit and answer.kind != "approved":
        raise Refused("only an approval can carry an edit")


def _decision(review: Review, answer: Answer, now: datetime, *, approved: Json, edited: bool) -> Decision:
    return Decision(
        kind=answer.kind,
        by=answer.by,
        at=now,
        comment=answer.comment,
        comments=answer.comments,
        approved=approved,
        edited=edited,
        shown_hash=answer.seen_hash,
        approved_hash=content_hash(approved) if answer.kind == "approved" else None,
    )


_VERBS: dict[DecisionKind, str] = {
    "approved": "approved it",
    "changes_requested": "requested changes",
    "rejected": "rejected it",
    "expired": "let it expire",
    "withdrawn": "withdrew it",
}


def _faster(review: Review) -> str:
    decision = review.decision
    if decision is None:
        return "this review is decided already"
    said = f': "{decision.comment:.80}"' if decision.comment else ""
    return f"{decision.by} was faster and {_VERBS[decision.kind]} at {_time(decision.at)}{said}"


def _missing(request: ReviewRequest, have: int) -> str:
    return f"{have} of the {request.assign.quorum} approvals are there"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
