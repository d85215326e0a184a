"""`write_once`: what happens for each outcome of an earlier call and of this one."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from flowbuilder.errors import StepError, Throttled, TransientError
from flowbuilder.model.effect import Intent, TargetClass
from flowbuilder.model.review import Decision, DecisionKind
from flowbuilder.steps.step import ExecutionInfo, NeedsReview, StepRun
from flowbuilder.steps.write_once import WriteMade, Written, write_once
from flowbuilder.testing import FakeClock, MemoryLedger, fake_ports

OTHERS: tuple[TargetClass, ...] = ("deduplicates", "lookup")


class Target:
    """Counts its calls, and raises `problem` if there is one."""

    def __init__(self, problem: BaseException | None = None) -> None:
        self.calls, self.problem = 0, problem

    async def __call__(self) -> Written:
        self.calls += 1
        if self.problem is not None:
            raise self.problem
        return Written(output={"call": self.calls}, inverse={"undo": self.calls})


def run_of(ledger: MemoryLedger | None, **more: Any) -> StepRun:
    info = ExecutionInfo(id="run", workflow="w", version=1, started_at="2026-01-05T00:00:00+00:00")
    ports = replace(fake_ports(), ledger=ledger)
    return StepRun(path="send", execution=info, site={}, ports=ports, effect_key="key", **more)


async def write(run: StepRun, target: Target, kind: TargetClass = "neither", request: str = "text") -> Any:
    return await write_once(run, target="the shop", target_class=kind, request=request, write=target)


async def answered(ledger: MemoryLedger, kind: DecisionKind, asked: int = 1, request: str = "text") -> StepRun:
    """The step run after a reviewer answered its question."""
    question = await write(run_of(ledger), Target(), request=request)
    assert isinstance(question, NeedsReview)
    decision = Decision(kind=kind, by="ana", at=FakeClock().now(), shown_hash=question.request.content_hash())
    return run_of(ledger, decision=decision, asked=asked)


async def in_doubt() -> MemoryLedger:
    """A ledger after a crash between intent and receipt: the call may have been made."""
    ledger = MemoryLedger()
    await ledger.begin(Intent(key="key", path="send", target="the shop", target_class="neither", request_hash="h"))
    return ledger


async def test_a_write_records_its_receipt_and_its_inverse() -> None:
    ledger, target = MemoryLedger(), Target()
    assert await write(run_of(ledger), target) == {"call": 1}
    effect = ledger.effects["key"]
    assert (effect.status, effect.receipt, effect.inverse) == ("done", {"call": 1}, {"undo": 1})


async def test_a_write_that_cannot_be_verified_has_a_receipt_and_an_inverse_and_fails_again() -> None:
    ledger, calls = MemoryLedger(), []

    async def write_other() -> Written:
        calls.append(1)
        return Written(output={"id": 7}, problem=StepError("other text is live", code="not_verified", detail={"n": 1}))

    async def prepare() -> dict[str, Any]:
        assert not calls, "the target is asked nothing where there is a receipt"
        return {"undo": 1}

    for _ in range(2):
        with pytest.raises(StepError, match="other text is live") as caught:
            await write_once(
                run_of(ledger), target="t", target_class="lookup", request="x", write=write_other, prepare=prepare
            )
        assert (caught.value.code, caught.value.detail) == ("not_verified", {"n": 1})
    effect = ledger.effects["key"]
    assert (effect.status, effect.inverse, len(calls)) == ("done", {"undo": 1}, 1)
    assert effect.receipt is not None
    assert effect.receipt["id"] == 7


@pytest.mark.parametrize("kind", [*OTHERS, "neither"])
async def test_a_write_with_a_receipt_is_not_repeated(kind: TargetClass) -> None:
    ledger, target = MemoryLedger(), Target()
    first = await write(run_of(ledger), target, kind)
    assert await write(run_of(ledger), target, kind) == first
    assert target.calls == 1


async def test_a_reverted_write_does_not_count_as_done() -> None:
    ledger, target = MemoryLedger(), Target()
    await write(run_of(ledger), target)
    ledger.effects["key"] = replace(ledger.effects["key"], status="reverted")
    assert isinstance(await write(run_of(ledger), target), NeedsReview)


async def test_a_key_of_a_different_write_is_an_error() -> None:
    ledger, target = MemoryLedger(), Target()
    await write(run_of(ledger), target)
    with pytest.raises(StepError, match="already used for a different write") as problem:
        await write(run_of(ledger), target, request="another text")
    assert problem.value.code == "effect_key_reused"
    assert target.calls == 1


@pytest.mark.parametrize("kind", OTHERS)
async def test_an_idempotent_target_is_called_again_without_asking(kind: TargetClass) -> None:
    target = Target()
    assert await write(run_of(await in_doubt()), target, kind) == {"call": 1}


@pytest.mark.parametrize("status", ["intended", "unknown"])
async def test_a_target_that_ignores_keys_is_not_called_again_without_approval(status: str) -> None:
    ledger, target = await in_doubt(), Target()
    ledger.effects["key"] = replace(ledger.effects["key"], status=status)  # type: ignore[arg-type]
    assert isinstance(await write(run_of(ledger), target), NeedsReview)
    assert target.calls == 0


async def test_after_approval_it_is_called_once_more() -> None:
    ledger, target = await in_doubt(), Target()
    assert await write(await answered(ledger, "approved"), target) == {"call": 1}


async def test_an_approval_authorises_one_call() -> None:
    ledger, target = await in_doubt(), Target(TransientError("no answer", reason="timeout"))
    run = await answered(ledger, "approved")
    with pytest.raises(TransientError):
        await write(run, target)
    assert isinstance(await write(run, target), NeedsReview)
    assert target.calls == 1


@pytest.mark.parametrize("kind", ["rejected", "withdrawn", "expired", "changes_requested"])
async def test_without_approval_it_fails_and_is_not_called(kind: DecisionKind) -> None:
    ledger, target = await in_doubt(), Target()
    with pytest.raises(StepError) as problem:
        await write(await answered(ledger, kind), target)
    assert problem.value.code == "effect_unknown"
    assert target.calls == 0


async def test_an_approval_of_other_content_does_not_count() -> None:
    ledger, target = await in_doubt(), Target()
    assert isinstance(await write(await answered(ledger, "approved"), target, request="other"), NeedsReview)
    assert target.calls == 0


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (TransientError("slow down", reason="rate_limit"), "refused"),
        (TransientError("no answer", reason="timeout"), "unknown"),
        (TransientError("broken", reason="server_error"), "unknown"),
        (Throttled("the rate limit is reached", retry_after=1.0, refused=False), "refused"),
        (StepError("not like this", code="http_422", definitive=True), "refused"),
        (StepError("what is this?", code="not_json"), "intended"),
        (StepError("moved", code="http_301"), "intended"),
        (RuntimeError("a bug of the step"), "intended"),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "code", "") + getattr(value, "reason", ""),
)
async def test_only_definitive_failures_count_as_refused(problem: Exception, status: str) -> None:
    ledger = MemoryLedger()
    with pytest.raises(type(problem)):
        await write(run_of(ledger), Target(problem))
    assert ledger.effects["key"].status == status


async def test_a_refused_write_is_repeated_without_asking() -> None:
    ledger, target = MemoryLedger(), Target(StepError("not like this", code="http_422", definitive=True))
    with pytest.raises(StepError):
        await write(run_of(ledger), target)
    target.problem = None
    assert await write(run_of(ledger), target) == {"call": 2}


async def test_a_repeated_call_that_is_refused_leaves_the_earlier_one_in_doubt() -> None:
    ledger, target = await in_doubt(), Target(StepError("it exists", code="http_409", definitive=True))
    with pytest.raises(StepError, match="it exists"):
        await write(await answered(ledger, "approved"), target)
    assert ledger.effects["key"].status == "unknown"
    assert isinstance(await write(run_of(ledger), target), NeedsReview)
    assert target.calls == 1


@pytest.mark.parametrize(
    "limit",
    [TransientError("slow down", reason="rate_limit"), Throttled("the rate limit is reached", retry_after=1.0)],
    ids=["a 429", "our own limit"],
)
async def test_a_rate_limit_leaves_the_earlier_call_in_doubt_and_the_approval_in_force(limit: Exception) -> None:
    ledger, target = await in_doubt(), Target(limit)
    run = await answered(ledger, "approved")
    for _ in range(2):
        with pytest.raises(TransientError):
            await write(run, target)
        assert ledger.effects["key"].status == "unknown"
    target.problem = TransientError("no answer", reason="timeout")
    with pytest.raises(TransientError):
        await write(run, target)
    assert isinstance(await write(run, target), NeedsReview), "the approval has authorised its one call"
    assert target.calls == 3


async def test_the_key_of_a_call_in_doubt_expires_also_where_a_rate_limit_answers_in_between() -> None:
    clock = FakeClock()
    ledger, target = MemoryLedger(clock=clock), Target(TransientError("no answer", reason="timeout"))

    async def attempt() -> Any:
        return await write_once(
            run_of(ledger), target="t", target_class="deduplicates", request="x", write=target, key_retention=60.0
        )

    with pytest.raises(TransientError, match="no answer"):
        await attempt()
    target.problem = TransientError("slow down", reason="rate_limit")
    with pytest.raises(TransientError, match="slow down"):
        await attempt()
    clock.advance(61)
    assert isinstance(await attempt(), NeedsReview)
    assert target.calls == 2


async def test_a_cancelled_call_is_recorded_as_unknown_even_when_cancelled_twice() -> None:
    called, slow = asyncio.Event(), asyncio.Event()

    class SlowLedger(MemoryLedger):
        async def unknown(self, key: str, *, reason: str, asked: int | None = None) -> None:
            called.set()
            await slow.wait()
            await super().unknown(key, reason=reason, asked=asked)

    class Endless(Target):
        async def __call__(self) -> Written:
            called.set()
            return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    ledger = SlowLedger()
    task = asyncio.create_task(write(run_of(ledger), Endless()))
    for _ in range(2):  # during the call, then while it is recorded
        await called.wait()
        called.clear()
        task.cancel()
        await asyncio.sleep(0)
    slow.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    assert ledger.effects["key"].status == "unknown"


def cut_off(cause: BaseException) -> asyncio.CancelledError:
    cancelled = asyncio.CancelledError()
    cancelled.__cause__ = cause
    return cancelled


CAUSES = [
    (StepError("nothing was sent", definitive=True), "refused"),
    (TransientError("no answer", reason="connection"), "unknown"),
    (WriteMade(Written(output={"call": 1}, inverse={"undo": 1})), "done"),
]


@pytest.mark.parametrize(("cause", "status"), CAUSES)
async def test_what_is_known_of_a_call_that_was_cut_off_is_recorded(cause: BaseException, status: str) -> None:
    ledger, target = MemoryLedger(), Target(cut_off(cause))
    with pytest.raises(asyncio.CancelledError):
        await write(run_of(ledger), target)
    assert ledger.effects["key"].status == status
    target.problem = None
    again = await write(run_of(ledger), target)
    if status == "unknown":
        assert isinstance(again, NeedsReview)
    else:
        assert again == {"call": 1 if status == "done" else 2}
    assert target.calls == (2 if status == "refused" else 1)


async def test_a_repeated_call_that_was_cut_off_before_it_did_anything_says_nothing_of_the_earlier_one() -> None:
    ledger, nothing = await in_doubt(), cut_off(StepError("nothing was sent", definitive=True))
    with pytest.raises(asyncio.CancelledError):
        await write(await answered(ledger, "approved"), Target(nothing))
    assert ledger.effects["key"].status == "unknown"


async def test_without_a_ledger_the_write_is_made() -> None:
    target = Target()
    assert await write(run_of(None), target) == {"call": 1}
