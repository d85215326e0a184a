"""All reviews of one kind, and the open ones of an execution as a drive asks and withdraws them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from flowbuilder.errors import Conflict, Refused
from flowbuilder.model.execution import Lease
from flowbuilder.model.review import Review
from flowbuilder.model.review_rules import SYSTEM, Answer
from flowbuilder.ports import ReviewFilter, Store

_PAGE = 200


class Opened(Protocol):
    """Told of every review that was opened, and of the StepPaths whose results it waited for."""

    async def __call__(self, review: Review, upstream: tuple[str, ...]) -> None:
        """`upstream` are the paths of the tasks and reviews before it."""
        ...


def all_reviews(store: Store, where: ReviewFilter) -> tuple[Review, ...]:
    """All reviews of the queue that are asked for, in its order, however many."""
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


@dataclass(frozen=True)
class ReviewClient:
    """Reads and closes reviews under a lease."""

    store: Store
    lease: Lease

    def all(self) -> tuple[Review, ...]:
        """Those that are open now."""
        return open_reviews(self.store, self.lease.execution_id)

    def newest(self, path: str) -> Review:
        """The one that the step run at `path` asked for last."""
        found = [item for item in self.all() if item.path.partition("~")[0] == path]
        return max(found, key=lambda review: review.created_at)

    def withdraw(self, path: str) -> None:
        """Close the one at `path`, if it is open: what it asks about is being made anew."""
        review = next((item for item in self.all() if item.path == path), None)
        if review is None:
            return
        try:
            self.store.decide(
                review.id,
                Answer.to(review, kind="withdrawn", by=SYSTEM, comment="what it asked about is being made anew"),
            )
        except (Conflict, Refused):
            return  # someone decided it in the same moment; the walk no longer looks at it
