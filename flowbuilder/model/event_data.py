"""The payload of each event type, as a frozen record; docs/events.md is generated from them.

A field with a default is left out of the payload where it has that default.
"""

from __future__ import annotations

from flowbuilder.model.events import EVENT_DATA, Event, EventData, NewEvent
from flowbuilder.values import Json, JsonObject


def data_of(event: Event | NewEvent) -> EventData:
    """The payload of an event as its record."""
    return EVENT_DATA[event.type].of(event.data)


class ExecutionStarted(EventData, type="execution_started"):
    """The execution was created; its version, its plan's digest and its inputs are frozen. Sensitive inputs are
    `[hidden]`; `sensitive_hash` is the hash of the record that holds them."""

    workflow: str
    version: int
    digest: str
    inputs: JsonObject
    site: str | None
    sensitive_hash: str | None = None


class ExecutionResumed(EventData, type="execution_resumed"):
    """A worker claimed the execution again; `attempt` counts the claims."""

    holder: str
    attempt: int


class ExecutionWaiting(EventData, type="execution_waiting"):
    """The worker released the execution: it waits for the reviews at these paths, or until the next attempt of a
    step."""

    reviews: list[str]
    until: str | None
    holder: str


class ExecutionReleased(EventData, type="execution_released"):
    """The worker released the execution before it had to wait; another worker resumes it."""

    reason: str
    holder: str | None = None


class ExecutionPaused(EventData, type="execution_paused"):
    """The execution was paused: `by` a person or flowbuilder itself, or by the `holder` that acted on the request."""

    by: str | None = None
    error: JsonObject | None = None
    holder: str | None = None


class ExecutionCompleted(EventData, type="execution_completed"):
    """The execution has ended, with its outputs."""

    outputs: Json


class ExecutionFailed(EventData, type="execution_failed"):
    """The execution has ended; `error` is `{code, message, path?}`."""

    error: JsonObject


class ExecutionCancelled(EventData, type="execution_cancelled"):
    """The execution has ended because a person cancelled it; without `by` its worker acted on the request."""

    by: str | None = None


class ExecutionQuarantined(EventData, type="execution_quarantined"):
    """The execution was paused, because `deaths` workers in a row lost their lease on it without an outcome."""

    deaths: int


class ControlRequested(EventData, type="control_requested"):
    """A person asked to `pause`, `resume` or `cancel` the execution."""

    action: str
    by: str


class WorkerLost(EventData, type="worker_lost"):
    """The lease of `holder` expired without being released."""

    holder: str | None
    epoch: int


class ResumedWithoutDecision(EventData, type="resumed_without_decision"):
    """The flow run was resumed in Prefect's UI while a review was open; the execution waits again."""

    by: str


class StepStarted(EventData, type="step_started"):
    """The first attempt of a step run begins; `trust` are the author's waivers of taint errors."""

    type: str
    name: str
    trust: list[JsonObject] | None = None


class StepRetrying(EventData, type="step_retrying"):
    """An attempt failed for a temporary reason and is repeated after the delay; `error` is `{code, message}`."""

    attempt: int
    error: JsonObject
    delay_seconds: float


class StepThrottled(EventData, type="step_throttled"):
    """The step run waits for the rate limit of a connection, which uses no attempt; `turn` is its reservation."""

    connection: str
    since: str
    until: str
    reason: str
    attempt: int
    turn: JsonObject | None


class StepCompleted(EventData, type="step_completed"):
    """A step run has its output, which is stored in the same transaction; `usage` is the tokens and cost of models."""

    seconds: float
    output_hash: str
    attempt: int
    usage: JsonObject | None = None


class StepFailed(EventData, type="step_failed"):
    """A step run has failed and is not retried; `error` is `{code, message}`, with a `detail` where there is one.
    `usage` is what models cost until then."""

    seconds: float | None = None
    error: JsonObject
    attempt: int | None = None
    usage: JsonObject | None = None


class StepSkipped(EventData, type="step_skipped"):
    """A step does not run: its condition or its branch was not taken, or a step that it needs has failed."""

    reason: str


class BranchTaken(EventData, type="branch_taken"):
    """Which branch a conditional takes: its index, `else`, or null for none."""

    branch: int | str | None


class IterationStarted(EventData, type="iteration_started"):
    """An iteration begins over this many items."""

    items: int


class ItemFailed(EventData, type="item_failed"):
    """An item of an iteration failed; `error` is `{code, message, path?}`."""

    index: int
    key: Json
    error: JsonObject | None


class ReviewOpened(EventData, type="review_opened"):
    """A review was opened; `assign` is `{group, people, anyone, quorum, not_author}`."""

    review_id: str
    title: str
    assign: JsonObject
    due_at: str | None
    expires_at: str | None


class ReviewClaimed(EventData, type="review_claimed"):
    """A reviewer claimed the review until this time."""

    review_id: str
    by: str
    until: str


class ReviewReleased(EventData, type="review_released"):
    """A reviewer gave up the claim."""

    review_id: str
    by: str


class ReviewApproved(EventData, type="review_approved"):
    """An approval short of the quorum: the review stays open. `edited`: the reviewer changed the proposal."""

    review_id: str
    by: str
    approvals: int
    quorum: int
    edited: bool
    content_hash: str


class ReviewApprovalUndone(EventData, type="review_approval_undone"):
    """The reviewer took back an approval short of the quorum. `approvals` are left. `edited`: the edit with it
    was taken back. `content_hash` is that of the content now."""

    review_id: str
    by: str
    approvals: int
    edited: bool = False
    content_hash: str = ""


class ReviewDecided(EventData, type="review_decided"):
    """The review was decided, for the content with this hash."""

    review_id: str
    decision: str
    by: str
    comment: str
    content_hash: str | None


class ReviewExpired(EventData, type="review_expired"):
    """The review was not answered in time; `outcome` is the decision that `on_expire` says."""

    review_id: str
    outcome: str


class ReviewEscalated(EventData, type="review_escalated"):
    """The review was not answered in time and was assigned to others."""

    review_id: str
    to: str
    expires_at: str


class RoundStarted(EventData, type="round_started"):
    """A reviewer requested changes: these steps run again, from `rewind_to` on."""

    round: int
    rewind_to: str
    steps: list[str]


class EffectIntended(EventData, type="effect_intended"):
    """A write is about to be sent under this key; `key_retention` is in seconds."""

    key: str
    target: str
    request_hash: str
    key_retention: float | None = None


class EffectDone(EventData, type="effect_done"):
    """The target confirmed the write with this receipt."""

    key: str
    receipt: Json


class EffectUnknown(EventData, type="effect_unknown"):
    """The call ended without an answer: it is unknown whether the target did the write."""

    key: str
    reason: str


class EffectRefused(EventData, type="effect_refused"):
    """The target definitively rejected the write."""

    key: str
    reason: str


class EffectReverted(EventData, type="effect_reverted"):
    """A person had the write undone."""

    key: str
    by: str
