"""Contract of idempotency keys of starts, for every store."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from flowbuilder.errors import Conflict, NotFound
from flowbuilder.ports import Store


def test_a_key_stands_for_the_execution_that_was_started_first(store: Store) -> None:
    assert store.reserve_idempotency_key("k", "hash") is None
    assert (
        store.reserve_idempotency_key("k", "hash") is None
    )  # the process that reserved it may have died before the start
    assert store.complete_idempotency_key("k", "run-1") == "run-1"
    assert store.complete_idempotency_key("k", "run-2") == "run-1"
    assert store.reserve_idempotency_key("k", "hash") == "run-1"
    assert store.reserve_idempotency_key("other", "hash") is None


def test_a_key_is_for_one_request(store: Store) -> None:
    store.reserve_idempotency_key("k", "hash")
    with pytest.raises(Conflict, match="idempotency key k was used"):
        store.reserve_idempotency_key("k", "another hash")
    assert store.reserve_idempotency_key("k", "hash") is None


def test_a_key_that_was_not_reserved_cannot_be_completed(store: Store) -> None:
    with pytest.raises(NotFound, match="key k"):
        store.complete_idempotency_key("k", "run-1")


def test_of_twenty_who_start_with_one_key_all_get_the_same(store: Store) -> None:
    def start(number: int) -> str:
        return store.reserve_idempotency_key("k", "hash") or store.complete_idempotency_key("k", f"run-{number}")

    with ThreadPoolExecutor(20) as pool:
        assert len(set(pool.map(start, range(20)))) == 1
