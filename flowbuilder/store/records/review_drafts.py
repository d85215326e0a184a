"""Drafts of reviewers' answers, and which pages of reviews are open."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select

from flowbuilder.errors import Conflict, NotFound
from flowbuilder.model.review_draft import DRAFT_LIFETIME, PRESENCE_LIFETIME, Draft, Presence, next_draft
from flowbuilder.model.reviewers import person
from flowbuilder.model.stored_json import storable
from flowbuilder.store.db.corruption import ensure_readable
from flowbuilder.store.db.database import Repository
from flowbuilder.store.db.draft_tables import review_drafts_table, review_presence_table
from flowbuilder.store.db.tables import reviews_table
from flowbuilder.store.db.transaction import Transaction

_draft, _presence = review_drafts_table.c, review_presence_table.c


class SqlReviewDrafts(Repository):
    """Drafts and presence. Neither changes a review: no execution is locked."""

    def draft(self, review_id: str, by: str) -> Draft | None:
        """The draft of this reviewer; None when there is none."""
        return self._database.read(lambda transaction: _read(transaction, review_id, by))

    def save_draft(self, draft: Draft) -> Draft:
        """Store a draft by compare-and-set on its revision."""

        def save(transaction: Transaction) -> Draft:
            _ensure_exists(transaction, draft.review_id)
            stored, now = _read(transaction, draft.review_id, draft.by), transaction.now()
            saved = next_draft(stored, draft)
            columns = {
                "revision": saved.revision,
                "window_id": saved.window,
                "comment": saved.comment,
                "edit": storable(saved.edit, "the edit"),
                "editing": saved.editing,
                "content_hash": saved.content_hash,
                "updated_at": now,
            }
            insert = transaction.insert(review_drafts_table).values(
                review_id=saved.review_id, person=saved.by, **columns
            )
            unchanged = _draft.revision == (0 if stored is None else stored.revision)
            upsert = insert.on_conflict_do_update(
                index_elements=[_draft.review_id, _draft.person], set_=columns, where=unchanged
            )
            # not by `rowcount`: SQLAlchemy does not report that of an insert
            if transaction.execute(upsert.returning(_draft.revision)).one_or_none() is None:
                raise Conflict("this draft was changed in another window")
            transaction.execute(delete(review_drafts_table).where(_draft.updated_at < now - DRAFT_LIFETIME))
            return saved

        return self._database.write(save)

    def mark_present(self, window: str, review_id: str, by: str, *, editing: bool) -> None:
        """Record that a browser window shows this review now."""

        def mark(transaction: Transaction) -> None:
            _ensure_exists(transaction, review_id)
            now = transaction.now()
            columns = {"review_id": review_id, "person": by, "editing": editing, "updated_at": now}
            insert = transaction.insert(review_presence_table).values(window_id=window, **columns)
            transaction.execute(insert.on_conflict_do_update(index_elements=[_presence.window_id], set_=columns))
            transaction.execute(
                delete(review_presence_table).where(_presence.updated_at < now - 10 * PRESENCE_LIFETIME)
            )

        self._database.write(mark)

    def presence(self, review_id: str) -> Sequence[Presence]:
        """The reviewers whose pages showed this review within `PRESENCE_LIFETIME`, by name."""

        def read(transaction: Transaction) -> Sequence[Presence]:
            since = transaction.now() - PRESENCE_LIFETIME
            query = select(_presence.person, _presence.editing).where(
                _presence.review_id == review_id, _presence.updated_at >= since
            )
            editing: dict[str, bool] = {}
            for row in transaction.execute(query):
                editing[row.person] = editing.get(row.person, False) or row.editing
            return tuple(Presence(by=by, editing=editing[by]) for by in sorted(editing))

        return self._database.read(read)


def delete_draft(transaction: Transaction, review_id: str, by: str) -> None:
    """Delete the draft of a reviewer who has decided."""
    wanted = (_draft.review_id == review_id, _draft.person == person(by))
    transaction.execute(delete(review_drafts_table).where(*wanted))


def _read(transaction: Transaction, review_id: str, by: str) -> Draft | None:
    wanted = (_draft.review_id == review_id, _draft.person == person(by))
    row = transaction.execute(select(review_drafts_table).where(*wanted)).one_or_none()
    if row is None:
        return None
    ensure_readable(row, review_drafts_table.name, f"review {review_id}")
    return Draft(
        review_id=row.review_id,
        by=row.person,
        comment=row.comment,
        edit=row.edit,
        editing=row.editing,
        content_hash=row.content_hash,
        revision=row.revision,
        window=row.window_id,
    )


def _ensure_exists(transaction: Transaction, review_id: str) -> None:
    if transaction.execute(select(reviews_table.c.id).where(reviews_table.c.id == review_id)).one_or_none() is None:
        raise NotFound(f"there is no review {review_id}")
