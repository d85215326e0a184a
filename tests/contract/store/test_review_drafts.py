"""Contract of drafts and presence, for every store."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from flowbuilder.errors import Conflict, NotFound, Refused
from flowbuilder.model.review_draft import DRAFT_LIFETIME, MAX_DRAFT_LENGTH, PRESENCE_LIFETIME, Draft, Presence
from tests.support.store_contract import StoreHarness

ANA, BEN = "ana@example.com", "ben@example.com"
ODD = "two\r\nlines, nul \0, half \ud83d, and a tab\t"


@pytest.fixture
def draft(harness: StoreHarness) -> Draft:
    """A draft of Ana that is not stored yet."""
    review = harness.open_review(harness.claim())
    return Draft(review_id=review.id, by=ANA, comment="half a th", content_hash=review.content_hash, window="one")


def test_a_draft_is_kept_for_each_person_and_review(harness: StoreHarness, draft: Draft) -> None:
    store = harness.store
    assert store.draft(draft.review_id, ANA) is None
    saved = store.save_draft(replace(draft, edit=ODD, editing=True))
    assert saved == replace(draft, edit=ODD, editing=True, revision=1)
    assert store.draft(draft.review_id, "Ana@Example.com") == saved
    assert store.draft(draft.review_id, BEN) is None
    assert store.save_draft(replace(draft, by=BEN)).revision == 1
    assert store.save_draft(replace(saved, edit="", editing=False)).revision == 2
    found = store.draft(draft.review_id, ANA)
    assert found is not None
    assert (found.edit, found.editing, found.comment) == ("", False, "half a th")
    version = harness.store.review(draft.review_id).version
    assert version == 1, "a draft changes no version the review"


def test_a_window_does_not_overwrite_what_another_one_wrote(harness: StoreHarness, draft: Draft) -> None:
    store = harness.store
    first = store.save_draft(draft)
    second = store.save_draft(replace(first, window="two", comment="of the second window"))
    with pytest.raises(Conflict, match="another window"):
        store.save_draft(replace(first, comment="of the first"))
    with pytest.raises(Conflict, match="another window"):
        store.save_draft(replace(draft, window="three", comment="of one that saw no draft"))
    assert store.draft(draft.review_id, ANA) == second
    late = store.save_draft(replace(first, window="two", comment="its own older revision"))
    assert (late.revision, late.comment) == (3, "its own older revision")
    assert store.save_draft(replace(late, window="one")).revision == 4


def test_of_many_windows_that_save_one_revision_one_wins(harness: StoreHarness, draft: Draft) -> None:
    seen = harness.store.save_draft(draft)

    def save(number: int) -> bool:
        try:
            harness.store.save_draft(replace(seen, window=f"w{seen.revision}-{number}", comment=f"{number}"))
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        for revision in range(2, 22):  # in some rounds all have read the draft before the first one writes
            assert sum(pool.map(save, range(8))) == 1
            found = harness.store.draft(draft.review_id, ANA)
            assert found is not None
            assert found.revision == revision
            seen = found


def test_a_draft_is_bounded_and_belongs_to_a_review_and_a_person(harness: StoreHarness, draft: Draft) -> None:
    with pytest.raises(Refused, match="at most 2,000,000"):
        harness.store.save_draft(replace(draft, edit="x" * MAX_DRAFT_LENGTH))
    with pytest.raises(Refused, match="name is missing"):
        harness.store.save_draft(replace(draft, by=" "))
    with pytest.raises(NotFound):
        harness.store.save_draft(replace(draft, review_id="missing"))
    assert harness.store.draft(draft.review_id, ANA) is None


def test_an_unchanged_draft_is_deleted_in_the_end(harness: StoreHarness, draft: Draft) -> None:
    harness.store.save_draft(draft)
    harness.clock.advance(DRAFT_LIFETIME.total_seconds())
    harness.store.save_draft(replace(draft, by=BEN))
    assert harness.store.draft(draft.review_id, ANA) is not None
    harness.clock.advance(1)
    harness.store.save_draft(replace(draft, by="cat@example.com"))
    assert harness.store.draft(draft.review_id, ANA) is None
    assert harness.store.draft(draft.review_id, BEN) is not None


def test_presence_follows_the_windows(harness: StoreHarness) -> None:
    store, lease = harness.store, harness.claim()
    first, second = harness.open_review(lease), harness.open_review(lease, "other")
    store.mark_present("w1", first.id, ANA, editing=False)
    store.mark_present("w2", first.id, ANA, editing=True)
    store.mark_present("w3", first.id, BEN, editing=False)
    assert store.presence(first.id) == (Presence(by=ANA, editing=True), Presence(by=BEN, editing=False))
    store.mark_present("w2", second.id, ANA, editing=False)
    assert store.presence(first.id) == (Presence(by=ANA, editing=False), Presence(by=BEN, editing=False))
    assert store.presence(second.id) == (Presence(by=ANA, editing=False),)
    harness.clock.advance(PRESENCE_LIFETIME.total_seconds())
    store.mark_present("w3", first.id, BEN, editing=False)
    harness.clock.advance(1)
    assert store.presence(first.id) == (Presence(by=BEN, editing=False),)
    assert store.presence(second.id) == ()
    with pytest.raises(NotFound):
        store.mark_present("w1", "missing", ANA, editing=False)
