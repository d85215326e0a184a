"""Idempotent writes: an intent is committed before the call and a receipt after it, so no write happens twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec import Struct
from pydantic import Field

from flowbuilder import ports
from flowbuilder.errors import StepError, TransientError
from flowbuilder.steps.fields import Duration, seconds_of
from flowbuilder.steps.step import NeedsReview, Record, StepRun
from flowbuilder.values import Json, JsonObject, digest

if TYPE_CHECKING:
    from flowbuilder.model.effect import Effect, Intent, TargetClass
    from flowbuilder.model.review import ReviewRequest
    from flowbuilder.ports.known_secrets import KnownSecrets

KEY_RETENTION = "PT24H"
"""The time for which a target is assumed to honour an idempotency key when the author does not give one."""


NOT_VERIFIED = "not_verified"
"""The member of a receipt that says why the target does not hold what was written."""


class EffectOptions(Record):
    """The `effect` field of a step that writes to the outside world."""

    key: str | None = Field(
        default=None, min_length=1, description="the same key is the same effect in every step and execution"
    )
    deduplicates: bool | None = Field(
        default=None, description="whether the target honours the idempotency key; None: as the method implies"
    )
    key_retention: Duration | None = Field(
        default=None, description="how long the target remembers a key; PT24H where deduplicates is true"
    )

    def seconds(self) -> float | None:
        """Seconds for which the target honours a key; None: without limit, or a repeated write changes nothing."""
        return seconds_of(self.key_retention or (KEY_RETENTION if self.deduplicates else None))


class Written(Struct, frozen=True, kw_only=True):
    """Result of a write: `output` becomes the step's output and the receipt. `inverse` is what undoes the write, where
    that is known only afterwards. With `problem` the write was made and is recorded, and the step fails."""

    output: JsonObject
    inverse: JsonObject | None = None
    problem: StepError | None = None


class WriteMade(Exception):
    """The cause of a `CancelledError`: the write was made before its caller was cancelled."""

    def __init__(self, written: Written) -> None:
        super().__init__("the write was made")
        self.written = written


class Call(Struct, frozen=True):
    """The write may be made."""


class Return(Struct, frozen=True):
    """An earlier call has a receipt: it is the output."""

    receipt: JsonObject


class Ask(Struct, frozen=True):
    """An earlier call may have succeeded: a reviewer has to approve another one."""

    request: ReviewRequest


class Fail(Struct, frozen=True):
    """The write must not be made."""

    error: StepError


async def write_once(
    run: StepRun,
    *,
    target: str,
    target_class: TargetClass,
    request: Json,
    write: Callable[[], Awaitable[Written]],
    key_retention: float | None = None,
    prepare: Callable[[], Awaitable[JsonObject | None]] | None = None,
) -> JsonObject | NeedsReview:
    """Call `write` at most once for this effect; returns its output, or the receipt of the earlier call.

    When an earlier call may have succeeded and the target neither deduplicates nor can be looked up, the result is
    `NeedsReview`: each approval authorises one further call. The same holds for a target that deduplicates, once its
    `key_retention` (seconds) is over. A failed call is recorded as `refused` (it certainly did nothing) or `unknown`; a
    repeated one that is refused stays `unknown`, since the call before it may have succeeded. Where it was refused for
    a rate limit, the approval to repeat it still holds. A call that was cut off is unknown, unless the cause of its
    `CancelledError` says more: `WriteMade`, or a `StepError` that is definitive.
    `prepare` is called before `write`, and not where there is a receipt: it returns what undoes the write, which is
    stored before the call, or None where the target has what is written already.
    """
    from flowbuilder.model.effect import Intent  # here: validating a document needs no effect

    ledger = run.ports.ledger
    if ledger is None:
        if prepare is not None:
            await prepare()
        written = await write()
        if written.problem is not None:
            raise written.problem
        return written.output
    intent = Intent(
        key=run.effect_key,
        path=run.path,
        target=target,
        target_class=target_class,
        request_hash=digest(request),
        asked=run.asked,
        key_retention=key_retention,
    )
    effect = await ledger.begin(intent)
    match _decide(run, effect, intent, repeat_question(target, request, run.ports.secrets)):
        case Return(receipt):
            return receipt
        case Ask(question):
            return NeedsReview(request=question)
        case Fail(error):
            raise error
        case Call():
            inverse = None if prepare is None else await prepare()
            if inverse is not None:
                effect = await ledger.begin(replace(intent, inverse=inverse))
            return await _call(ledger, effect, write)


def _decide(run: StepRun, effect: Effect, intent: Intent, question: ReviewRequest) -> Call | Return | Ask | Fail:
    """Decide whether to call the target, from the ledger's record of earlier calls and the reviewer's decision."""
    if effect.status == "done" and effect.receipt is not None:
        if effect.request_hash != intent.request_hash:
            message = f"the effect key of this write to {intent.target} was already used for a different write"
            return Fail(StepError(message, code="effect_key_reused", detail={"path": effect.path}))
        problem = effect.receipt.get(NOT_VERIFIED)
        return Fail(_problem(problem)) if isinstance(problem, dict) else Return(effect.receipt)
    if not (_may_have_been_called(effect) and _repeats_the_write(effect, intent.target_class)):
        return Call()
    if run.decision is None or run.decision.shown_hash != question.content_hash():
        return Ask(question)
    if run.decision.kind != "approved":
        message = f"it is unknown whether the write to {intent.target} succeeded; it was not repeated"
        return Fail(StepError(message, code="effect_unknown"))
    if run.asked <= effect.asked:  # an approval authorises one call, and this one may have been used already
        return Ask(question)
    return Call()


def _may_have_been_called(effect: Effect) -> bool:
    return effect.status == "unknown" or effect.resumed


def _repeats_the_write(effect: Effect, target_class: TargetClass) -> bool:
    """Whether the target would perform a second call as a second write."""
    return target_class == "neither" or (target_class == "deduplicates" and effect.forgotten)


async def _call(ledger: ports.Ledger, effect: Effect, write: Callable[[], Awaitable[Written]]) -> JsonObject:
    """Call the target and record the outcome of the call; raises the error of the call."""
    import asyncio  # here: validating a document loads the step types, and needs no event loop

    try:
        written = await write()
    except asyncio.CancelledError as cancelled:
        await asyncio.shield(_note_cut_off(ledger, effect, cancelled.__cause__))
        raise
    except StepError as problem:
        await _note_failure(ledger, effect, problem)
        raise
    await _note_written(ledger, effect, written)
    if written.problem is not None:
        raise written.problem
    return written.output


async def _note_written(ledger: ports.Ledger, effect: Effect, written: Written) -> None:
    inverse = effect.inverse if written.inverse is None else written.inverse
    receipt = written.output
    if (error := written.problem) is not None:
        failed: JsonObject = {"code": error.code, "message": str(error), "detail": error.detail}
        receipt = {**receipt, NOT_VERIFIED: failed}
    await ledger.done(effect.key, receipt=receipt, inverse=inverse)


async def _note_failure(ledger: ports.Ledger, effect: Effect, problem: StepError) -> None:
    key, passing = effect.key, isinstance(problem, TransientError)
    if problem.definitive and not _may_have_been_called(effect):
        await ledger.refused(key, reason=str(problem))
    elif problem.definitive and passing:
        # a rate limit: this call did nothing, which says nothing about the earlier one; the approval is not used up
        await ledger.unknown(key, reason=str(problem), asked=effect.asked)
    elif problem.definitive or passing:
        # what refuses a repeated call may be the earlier one, which was made: a conflict, or a page that is gone
        await ledger.unknown(key, reason=str(problem))


async def _note_cut_off(ledger: ports.Ledger, effect: Effect, cause: BaseException | None) -> None:
    if isinstance(cause, WriteMade):
        await _note_written(ledger, effect, cause.written)
    elif isinstance(cause, StepError) and cause.definitive:
        nothing = StepError("the call was cut off before it did anything", definitive=True)
        await _note_failure(ledger, effect, nothing)
    else:
        await ledger.unknown(effect.key, reason="the call was cut off")


def _problem(stored: JsonObject) -> StepError:
    """The error of a write that was made and is not what was asked for, from its receipt."""
    detail = stored.get("detail")
    return StepError(
        str(stored["message"]), code=str(stored["code"]), detail=detail if isinstance(detail, dict) else None
    )


def repeat_question(target: str, request: Json, secrets: KnownSecrets) -> ReviewRequest:
    """The question whether a call in doubt may be made once more."""
    from flowbuilder.model.review import ReviewRequest

    # the texts are part of the content hash that decisions refer to: changing them voids decisions made before
    return ReviewRequest(
        title=f"Send again? {secrets.text(target)} was called and no answer came back",
        base=None,
        proposal=secrets.value(request),
        findings=(
            {
                "rule": "effect_unknown",
                "severity": "warning",
                "place": "",
                "evidence": "Look at the target first. Approve to send this once more; reject to fail the step.",
            },
        ),
        may_request_changes=False,
    )
