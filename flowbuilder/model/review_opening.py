"""Opening a review: the record made from a step's request, and who may decide it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flowbuilder.model.execution import Execution
from flowbuilder.model.review import Assignment, Review, ReviewRequest


def opened_review(request: ReviewRequest, *, review_id: str, execution: Execution, path: str, now: datetime) -> Review:
    """The new, open review of a request."""
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


def allowed_reviewers(assign: Assignment, site_record: Mapping[str, Any]) -> frozenset[str]:
    """Names of the people who may decide, normalized: the people named and the group's members. Empty means anyone."""
    groups = site_record.get("reviewers")
    members = groups.get(assign.group) if isinstance(groups, Mapping) and assign.group else None
    named = [*assign.people, *(members if isinstance(members, list | tuple) else ())]
    return frozenset(normalized_name(str(name)) for name in named)


def normalized_name(name: str) -> str:
    """A person's name in the form in which names are compared."""
    return name.strip().casefold()


def search_text(review: Review) -> str:
    """The casefolded text that `ReviewFilter.text` is searched in."""
    return " ".join((review.request.title, review.workflow, review.site or "", review.path)).casefold()


def _after(now: datetime, seconds: float | None) -> datetime | None:
    return None if seconds is None else now + timedelta(seconds=seconds)
