"""Opening a review: the record made from a step's request. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from flowbuilder.model.execution import Execution
from flowbuilder.model.review import Review, ReviewRequest


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


def search_text(review: Review) -> str:
    """The casefolded text that `ReviewFilter.text` is searched in."""
    return " ".join((review.request.title, review.workflow, review.site or "", review.path)).casefold()


def _after(now: datetime, seconds: float | None) -> datetime | None:
    return None if seconds is None else now + timedelta(seconds=seconds)
