"""A question to a person: who may answer it, and the review that it becomes. Pure: the stores only write it down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Execution
from flowbuilder.model.review import Assignment, Review, ReviewRequest
from flowbuilder.values import JsonObject


def opened(request: ReviewRequest, *, review_id: str, execution: Execution, path: str, now: datetime) -> Review:
    """The review that a request becomes when it is opened."""
    return Review(
        id=review_id,
        execution_id=execution.id,
        workflow=execution.workflow,
        site=execution.site,
        path=path,
        request=request,
        status="open",
        version=1,
        content_hash=request.content_hash(),
        created_at=now,
        due_at=_after(now, request.due_in),
        expires_at=_after(now, request.expires_in),
        account=execution.account,
    )


def opened_event(review: Review) -> NewEvent:
    """What the timeline says of a question just asked."""
    assign = review.request.assign
    data: JsonObject = {
        "review_id": review.id,
        "title": review.request.title,
        "assign": {
            "group": assign.group,
            "people": list(assign.people),
            "quorum": assign.quorum,
            "not_author": assign.not_author,
        },
        "due_at": review.due_at.isoformat() if review.due_at else None,
        "expires_at": review.expires_at.isoformat() if review.expires_at else None,
    }
    return NewEvent(type="review_opened", path=review.path, data=data)


def may_decide(assign: Assignment, site_record: Mapping[str, Any]) -> frozenset[str]:
    """Those who may decide, casefolded: the people named and the group's members. Empty: anyone may."""
    groups = site_record.get("reviewers")
    members = groups.get(assign.group) if isinstance(groups, Mapping) and assign.group else None
    named = [*assign.people, *(members if isinstance(members, list | tuple) else ())]
    return frozenset(same_person(str(name)) for name in named)


def same_person(name: str) -> str:
    """The form in which names are compared."""
    return name.strip().casefold()


def search_text(review: Review) -> str:
    """What `ReviewFilter.text` is looked for in, casefolded."""
    return " ".join((review.request.title, review.workflow, review.site or "", review.path)).casefold()


def _after(now: datetime, seconds: float | None) -> datetime | None:
    return None if seconds is None else now + timedelta(seconds=seconds)
