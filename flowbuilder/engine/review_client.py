"""Reads all pages of the review queue, and withdraws reviews under a lease."""

from __future__ import annotations

from dataclasses import dataclass

from flowbuilder.errors import Conflict, Refused
from flowbuilder.model.execution import Lease
from flowbuilder.model.review import Review
from flowbuilder.model.review_rules import Answer
from flowbuilder.model.reviewers import SYSTEM
from flowbuilder.ports import ReviewFilter, Store

_PAGE = 200


def all_reviews(store: Store, where: ReviewFilter) -> tuple[Review, ...]:
    """All reviews that match, in the order of the queue, read page by page."""
    found: list[Review] = []
    cursor: str | None = None
    while True:
        page = store.reviews(where, limit=_PAGE, cursor=cursor)
        found += page.reviews
        if page.next is None:
            return tuple(found)
        cursor = page.next


def open_reviews(store: Store, execution_id: str) -> tuple[Review, ...]:
    """All open reviews of an execution, in the order of the queue."""
    return all_reviews(store, ReviewFilter(execution_id=execution_id))


def reviews_of(store: Store, execution_id: str) -> tuple[Review, ...]:
    """All reviews of an execution, open and decided, in the order of the queue."""
    return all_reviews(store, ReviewFilter(execution_id=execution_id, status=None))


@dataclass(frozen=True)
class ReviewClient:
    """The open reviews of the execution that a lease holds."""

    store: Store
    lease: Lease

    def open(self) -> tuple[Review, ...]:
        """The reviews that are open now."""
        return open_reviews(self.store, self.lease.execution_id)

    def withdraw(self, path: str) -> None:
        """Close the review at `path`, if one is open, because its proposal is being replaced."""
        review = next((item for item in self.open() if item.path == path), None)
        if review is None:
            return
        try:
            self.store.decide(
                review.id,
                Answer.to(review, kind="withdrawn", by=SYSTEM, comment="its proposal is being replaced"),
            )
        except (Conflict, Refused):
            return  # a person decided it at the same moment; the walk no longer reads that decision
