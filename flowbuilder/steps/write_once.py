"""Writing to the outside world once: the intent is durable before the call, the receipt after it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import Field

from flowbuilder.errors import StepError, Throttled, TransientError
from flowbuilder.model.effect import Effect, Intent, TargetClass
from flowbuilder.model.review import ReviewRequest
from flowbuilder.steps.duration import Duration, seconds_of
from flowbuilder.steps.step import NeedsReview, Record, StepRun
from flowbuilder.values import Json, JsonObject, digest

KEY_RETENTION = "PT24H"
"""How long a target that honours keys is taken to remember one, unless the author knows better."""


class EffectOptions(Record):
    """The `effect` field of a step that writes to the outside world."""

    key: str | None = Field(default=None, min_length=1, description="the same key is the same effect, wherever it is")
    deduplicates: bool | None = Field(
        default=None, description="whether the target honours the idempotency key; None: as the method implies"
    )
    key_retention: Duration | None = Field(
        default=None, description="how long the target remembers a key; PT24H where deduplicates is true"
    )

    def seconds(self) -> float | None:
        """How long the target remembers a key; None: for ever, as where a repetition changes nothing anyway."""
        return seconds_of(self.key_retention or (KEY_RETENTION if self.deduplicates else None))


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a write returned: the step's `output`, kept as the receipt, and what it takes to undo it."""

    output: JsonObject
    inverse: JsonObject | None = None


async def write_once(
    run: StepRun,
    *,
    target: str,
    target_class: TargetClass,
    request: Json,
    write: Callable[[], Awaitable[Written]],
    key_retention: float | None = None,
) -> JsonObject | NeedsReview:
    """The output of `write`, called at most once for this effect, or the receipt of the time it was called before.

    A target that neither deduplicates nor can be asked is never called a second time without a person's word. Nor is
    one that deduplicates but remembers a key only for `key_retention` seconds, once they are over.
    A failure after which nobody knows whether the write took effect is noted as `unknown`.
    """
    import asyncio  # here: checking a document needs the step types, and no event loop

    ledger = run.ports.ledger
    if ledger is None:
        return (await write()).output
    request_hash = digest(request)
    effect = await ledger.begin(
        Intent(
            key=run.effect_key,
            path=run.path,
            target=target,
            target_class=target_class,
            request_hash=request_hash,
            asked=run.asked,
            key_retention=key_retention,
        )
    )
    if effect.status == "done" and effect.receipt is not None:
        if effect.request_hash != request_hash:
            raise StepError(
                f"the effect key of this write to {target} was used for another write before",
                code="effect_key_reused",
                detail={"path": effect.path},
            )
        return effect.receipt
    tells_nothing = target_class == "neither" or (target_class == "deduplicates" and effect.forgotten)
    if tells_nothing and _in_doubt(effect):
        question = _question(target, request)
        if run.decision is None or run.decision.shown_hash != question.content_hash():
            return NeedsReview(request=question)
        if run.decision.kind != "approved":
            raise StepError(
                f"nobody knows whether {target} was written, and it was not repeated", code="effect_unknown"
            )
        if run.asked <= effect.asked:  # an approval is good for one call, and this one may have had it
            return NeedsReview(request=question)
    try:
        written = await write()
    except asyncio.CancelledError:
        await asyncio.shield(ledger.unknown(run.effect_key, reason="the call was cut off"))
        raise
    except TransientError as problem:
        if problem.reason == "rate_limit" or (isinstance(problem, Throttled) and not problem.refused):
            await ledger.refused(run.effect_key, reason=str(problem))
        else:
            await ledger.unknown(run.effect_key, reason=str(problem))
        raise
    except StepError as problem:
        if problem.code.startswith("http_4"):
            await ledger.refused(run.effect_key, reason=str(problem))
        raise
    await ledger.done(run.effect_key, receipt=written.output, inverse=written.inverse)
    return written.output


def _in_doubt(effect: Effect) -> bool:
    """Whether the call may have been made: an intent that was there before, or one of which nobody knows."""
    return effect.status == "unknown" or effect.resumed


def _question(target: str, request: Json) -> ReviewRequest:
    return ReviewRequest(
        title=f"Send again? {target} was called and no answer came back",
        base=None,
        proposal=request,
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
