"""Held decisions, drafts and presence, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flowbuilder.errors import NotFound
from flowbuilder.model.execution import TERMINAL
from flowbuilder.model.review import Review
from flowbuilder.model.review_draft import DRAFT_LIFETIME, PRESENCE_LIFETIME, Draft, Presence, next_draft, reopened
from flowbuilder.model.review_events import approval_undone_event
from flowbuilder.model.reviewers import person
from flowbuilder.testing.memory_store.memory import Repository, copied


class MemoryDrafts(Repository):
    """What reviewers may still change: held decisions and drafts; and presence."""

    def held_reviews(self) -> Sequence[Review]:
        """The reviews whose decisions are held, the first to be released first."""
        with self._memory.lock:
            found = [(_held_until(review), review) for review in self._memory.reviews.values()]
            held = [(until, review) for until, review in found if until is not None]
            held.sort(key=lambda item: (item[0], item[1].id))
            return tuple(copied(review) for _, review in held)

    def undo_decision(self, review_id: str, by: str) -> Review:
        """Open a review again whose decision this person holds; or take back their approval, which was the last one,
        with the edit that came with it."""
        with self._memory.lock:
            review, now = self._review(review_id), self._memory.now()
            opened = self._memory.reviews[review_id] = reopened(review, by, now)
            self._memory.reviewers[review_id] = self._memory.reviewers_now(opened)
            if review.decision is None:
                self._memory.stored(review.execution_id).write_events(now, [approval_undone_event(review, opened, by)])
            return copied(opened)

    def release_decisions(self, *, limit: int = 100) -> Sequence[Review]:
        """Make the decisions final whose `held_until` has passed."""
        memory = self._memory
        with memory.lock:
            now, released = memory.now(), list[Review]()
            for review in self.held_reviews():
                until = _held_until(review)
                if until is None or until > now or len(released) >= limit:
                    break
                stored = memory.stored(review.execution_id)
                released.append(copied(memory.apply_held(stored, review, now)))
                if stored.execution.status not in TERMINAL:
                    memory.update_execution(stored, ready_at=now)
            return tuple(released)

    def draft(self, review_id: str, by: str) -> Draft | None:
        """The draft of this reviewer; None when there is none."""
        with self._memory.lock:
            return self._memory.drafts.get((review_id, person(by)))

    def save_draft(self, draft: Draft) -> Draft:
        """Store a draft by compare-and-set on its revision."""
        memory = self._memory
        with memory.lock:
            self._review(draft.review_id)
            saved, now = next_draft(self.draft(draft.review_id, draft.by), draft), memory.now()
            key = (saved.review_id, saved.by)
            memory.drafts[key], memory.drafts_saved_at[key] = saved, now
            for old, at in list(memory.drafts_saved_at.items()):
                if at < now - DRAFT_LIFETIME:
                    memory.drafts.pop(old, None)
                    del memory.drafts_saved_at[old]
            return saved

    def mark_present(self, window: str, review_id: str, by: str, *, editing: bool) -> None:
        """Record that a browser window shows this review now."""
        with self._memory.lock:
            self._review(review_id)
            self._memory.windows[window] = (review_id, Presence(by=by, editing=editing), self._memory.now())

    def presence(self, review_id: str) -> Sequence[Presence]:
        """The reviewers whose pages showed this review within `PRESENCE_LIFETIME`, by name."""
        memory, editing = self._memory, dict[str, bool]()
        with memory.lock:
            since = memory.now() - PRESENCE_LIFETIME
            for shown, person, at in memory.windows.values():
                if shown == review_id and at >= since:
                    editing[person.by] = editing.get(person.by, False) or person.editing
        return tuple(Presence(by=by, editing=editing[by]) for by in sorted(editing))

    def _review(self, review_id: str) -> Review:
        if review_id not in self._memory.reviews:
            raise NotFound(f"there is no review {review_id}")
        return self._memory.reviews[review_id]


def _held_until(review: Review) -> datetime | None:
    return None if review.decision is None else review.decision.held_until
