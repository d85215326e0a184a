"""Reads all pages of the review queue, and withdraws reviews under a lease."""

from __future__ import annotations

from dataclasses import dataclass

from flowbuilder.engine.effects.publishable import refused_texts
from flowbuilder.errors import Conflict, NotFound, Refused
from flowbuilder.model.execution import Lease
from flowbuilder.model.review import Review
from flowbuilder.model.review_rules import NO_EDIT, Answer
from flowbuilder.model.reviewers import SYSTEM, Reviewers, held_without_author, person, reviewers_of
from flowbuilder.ports import ReviewFilter, Store
from flowbuilder.steps.edit_shape import ensure_fits

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


def present_reviewers(store: Store, review: Review) -> Reviewers:
    """Who may decide a review now: by the present record of its site, or as the execution started without one."""
    try:
        record = store.site(review.site) if review.site else None
    except NotFound:
        record = None
    if record is None:
        record = store.execution(review.execution_id).site_record
    assign = review.request.assign
    reviewers = reviewers_of(assign, record)
    if not assign.not_author:
        return reviewers
    version = store.version(review.workflow, store.execution(review.execution_id).version)
    return held_without_author(reviewers, assign, version.author)


def ensure_acceptable(store: Store, review_id: str, answer: Answer) -> None:
    """Raise `Refused` for an answer without its reason or in the product's own name, and for an edit that the steps
    behind the review cannot take. Everything else about an answer is judged by the store."""
    answer.ensure_has_reason()
    if person(answer.by) == SYSTEM:
        raise Refused(f"{SYSTEM} is not a reviewer; name the person who decides")
    if answer.kind == "approved" and answer.edited is not NO_EDIT:
        request = store.review(review_id).request
        ensure_fits(request, answer.edited)
        if request.publishes:
            from flowbuilder.adapters.cms import FORMS  # here: other edits need no sanitiser

            refused = list(refused_texts(request, answer.edited, FORMS))
            if refused:
                wrong = "; ".join(f"{place or '/'}: {reason:.400}" for place, reason in refused[:3])
                raise Refused(f"the edit would not be stored as it is: {wrong}")


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
