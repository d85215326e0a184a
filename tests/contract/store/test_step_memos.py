"""Contract of step memos (recorded answers inside a step run), for every store."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from flowbuilder.engine.effects.step_memo import StepMemos
from flowbuilder.errors import LostLease, NotFound, Refused
from flowbuilder.ports import Journal
from flowbuilder.testing import MemoryJournal
from flowbuilder.values import JsonObject
from tests.support.store_contract import TTL, StoreHarness


def test_a_memo_is_read_by_the_worker_that_resumes(harness: StoreHarness) -> None:
    lease = harness.claim()
    assert harness.store.step_memo("run-1", "k") is None
    harness.store.save_step_memo(lease, path="draft", key="k", answer={"text": "né\u0000", "tokens": 3})
    assert harness.store.step_memo("run-1", "k") == {"text": "né\u0000", "tokens": 3}


def test_the_first_memo_is_kept(harness: StoreHarness) -> None:
    lease = harness.claim()
    for text in ("first", "second"):
        harness.store.save_step_memo(lease, path="draft", key="k", answer={"text": text})
    assert harness.store.step_memo("run-1", "k") == {"text": "first"}


def test_memos_of_executions_are_separate(harness: StoreHarness) -> None:
    harness.store.save_step_memo(harness.claim("run-1"), path="draft", key="k", answer={"text": "mine"})
    harness.create_execution("run-2")
    assert harness.store.step_memo("run-2", "k") is None
    assert harness.store.step_memo("nowhere", "k") is None


def test_the_memos_of_a_step_run_are_read_in_the_order_in_which_they_were_recorded(harness: StoreHarness) -> None:
    lease = harness.claim()
    for key, path, text in (
        ("z", "draft", "one"),
        ("b", "draft#2", "other"),
        ("a", "draft", "two"),
        ("z", "draft", "3"),
    ):
        harness.store.save_step_memo(lease, path=path, key=key, answer={"text": text})
        harness.clock.advance(1)
    found = harness.store.step_memos("run-1", "draft")
    assert [memo.answer for memo in found] == [{"text": "one"}, {"text": "two"}]
    assert (found[1].at - found[0].at).total_seconds() == 2
    assert harness.store.step_memos("run-1", "dra") == ()
    assert harness.store.step_memos("nowhere", "draft") == ()


def test_a_worker_without_the_lease_saves_no_memo(harness: StoreHarness) -> None:
    lease = harness.claim()
    harness.clock.advance(16)
    harness.store.claim("run-1", "worker-2", TTL)
    with pytest.raises(LostLease):
        harness.store.save_step_memo(lease, path="draft", key="k", answer={"text": "late"})
    assert harness.store.step_memo("run-1", "k") is None


def test_an_answer_that_is_not_json_is_not_saved(harness: StoreHarness) -> None:
    with pytest.raises(Refused):
        harness.store.save_step_memo(harness.claim(), path="draft", key="k", answer={"text": b"bytes"})


def asking(*texts: str) -> tuple[list[str], Callable[[], Awaitable[JsonObject]]]:
    """The list of requests, and an `ask` that answers with these texts in turn."""
    asked: list[str] = []

    async def ask() -> JsonObject:
        asked.append(texts[len(asked)])
        return {"text": asked[-1]}

    return asked, ask


@pytest.fixture(params=["memory", "store"])
def journals(request: pytest.FixtureRequest, harness: StoreHarness) -> Callable[[], Journal]:
    """Each call gives the memo journal of a repeated run of the same step."""
    if request.param == "memory":
        first = MemoryJournal()
        return first.again
    lease = harness.claim()
    return lambda: StepMemos(harness.store, lease, "draft")


async def test_a_repeated_run_requests_only_missing_answers(journals: Callable[[], Journal]) -> None:
    asked, ask = asking("a", "b", "c")
    first = journals()
    assert [(await first.get_or_ask(request, ask))["text"] for request in ("one", "two", "one")] == ["a", "b", "c"]
    again = journals()
    assert [(await again.get_or_ask(request, ask))["text"] for request in ("one", "two", "one")] == ["a", "b", "c"]
    assert asked == ["a", "b", "c"]


async def test_a_failed_request_is_repeated(journals: Callable[[], Journal]) -> None:
    async def fail() -> JsonObject:
        raise NotFound("gone")

    with pytest.raises(NotFound):
        await journals().get_or_ask("one", fail)
    _, ask = asking("a")
    assert await journals().get_or_ask("one", ask) == {"text": "a"}


async def test_the_next_round_of_a_step_requests_again(harness: StoreHarness) -> None:
    lease = harness.store.claim(harness.create_execution().id, "worker-1", timedelta(seconds=9))
    asked, ask = asking("a", "b")
    for path in ("draft", "draft#2"):
        await StepMemos(harness.store, lease, path).get_or_ask("one", ask)
    assert asked == ["a", "b"]
