"""A store with a published workflow, and shortcuts for the first steps of store tests."""

from datetime import timedelta

from flowbuilder.model.execution import Execution, Lease
from flowbuilder.model.review import Review, ReviewRequest
from flowbuilder.model.review_rules import Answer
from flowbuilder.ports import Store
from flowbuilder.store import SqlStore
from flowbuilder.store.db.transaction import Transaction
from flowbuilder.testing import FakeClock
from flowbuilder.values import JsonObject

TTL = timedelta(seconds=15)


class StoreHarness:
    """A store with a published workflow `refresh`, and shortcuts to create, claim and review an execution of it."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock = store, clock
        store.save_version(
            name="refresh",
            title="Refresh",
            document={"name": "refresh"},
            source="",
            digest="d1",
            author="kim@example.com",
        )
        store.publish("refresh")

    def create_execution(
        self, name: str = "run-1", *, site_record: JsonObject | None = None, site: str | None = None
    ) -> Execution:
        now = self.clock.now()
        return self.store.create_execution(
            Execution(
                id=name, workflow="refresh", version=1, digest="d1", status="queued", inputs={"url": "https://e.com"},
                site=site, site_record=site_record or {}, created_at=now, ready_at=now,
            )
        )  # fmt: skip

    def claim(self, name: str = "run-1", *, holder: str = "worker-1", site_record: JsonObject | None = None) -> Lease:
        self.create_execution(name, site_record=site_record)
        return self.store.claim(name, holder, TTL)

    def open_review(self, lease: Lease, path: str = "review", request: ReviewRequest | None = None) -> Review:
        return self.store.open_review(
            lease, path, request or ReviewRequest(title="May it go out?", proposal="new text")
        )

    def approve(self, review: Review, by: str = "ana@example.com") -> Review:
        return self.store.decide(review.id, Answer.to(review, kind="approved", by=by))

    def event_types(self, execution_id: str = "run-1") -> list[str]:
        return [event.type for event in self.store.events(execution_id)]


def make_ready(store: Store, execution_id: str) -> None:
    """Make an execution ready now, by a direct change of its row."""

    def change(transaction: Transaction) -> None:
        transaction.update_execution(transaction.lock(execution_id).id, ready_at=transaction.now())

    assert isinstance(store, SqlStore)
    store.database.write(change)
