"""Decisions that are held: their reviewers can undo them, and no worker sees them until they are released."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy import select

from flowbuilder.errors import Damaged
from flowbuilder.model.execution import TERMINAL
from flowbuilder.model.review import Review
from flowbuilder.model.review_draft import reopened
from flowbuilder.model.review_events import approval_undone_event
from flowbuilder.store.db.corruption import skip_unreadable
from flowbuilder.store.db.database import Repository
from flowbuilder.store.db.draft_tables import held_decisions_table
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.store.records.review_closing import apply_held, reopen_review
from flowbuilder.store.records.review_mapper import WITH_DECISION, review_of, update_review
from flowbuilder.store.records.reviews import lock_review

logger = logging.getLogger(__name__)
_held = held_decisions_table.c


class SqlHeldDecisions(Repository):
    """A held decision is undone or released under the lock of its execution: only one of the two can happen."""

    def held_reviews(self) -> Sequence[Review]:
        """The reviews whose decisions are held, the first to be released first."""
        query = WITH_DECISION.where(_held.review_id.is_not(None)).order_by(_held.held_until, _held.review_id)
        return self._database.read(
            lambda transaction: tuple(skip_unreadable(transaction.execute(query).all(), review_of))
        )

    def undo_decision(self, review_id: str, by: str) -> Review:
        """Open a review again whose decision this person holds; or take back their approval, which was the last one,
        with the edit that came with it."""

        def undo(transaction: Transaction) -> Review:
            row, review = lock_review(transaction, review_id)
            opened = reopened(review, by, transaction.now())
            if review.decision is not None:
                reopen_review(transaction, row, review, opened)
            else:
                update_review(transaction, review, opened)
                transaction.write_events(row, [approval_undone_event(review, opened, by)])
            return opened

        return self._database.write(undo)

    def release_decisions(self, *, limit: int = 100) -> Sequence[Review]:
        """Make the decisions final whose `held_until` has passed, each in a transaction of its own."""

        def due(transaction: Transaction) -> list[str]:
            query = select(_held.review_id).where(_held.held_until <= transaction.now())
            ordered = query.order_by(_held.held_until, _held.review_id)
            return list(transaction.execute(ordered.limit(max(limit, 0))).scalars())

        released = [self._release(review_id) for review_id in self._database.read(due)]
        return tuple(review for review in released if review is not None)

    def _release(self, review_id: str) -> Review | None:
        try:
            return self._database.write(lambda transaction: _release(transaction, review_id))
        except Damaged as problem:  # the other decisions are released all the same
            logger.error("%s", problem)
            return None


def _release(transaction: Transaction, review_id: str) -> Review | None:
    row, review = lock_review(transaction, review_id)
    until = None if review.decision is None else review.decision.held_until
    if until is None or until > transaction.now():
        return None  # undone or released since it was listed
    final = apply_held(transaction, row, review)
    if row.status not in TERMINAL:
        transaction.update_execution(row.id, ready_at=transaction.now())
        transaction.notify_ready(row.flow_run_id)
    return final
