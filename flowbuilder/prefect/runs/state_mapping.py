"""The Prefect state of an execution, with a message for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from prefect.client.schemas.objects import State
from prefect.states import AwaitingRetry, Cancelled, Completed, Failed, Suspended

from flowbuilder.engine.driver import RunResult
from flowbuilder.model.execution import Execution, Status
from flowbuilder.model.review import Review
from flowbuilder.values import JsonObject

MAX_NAMED = 3
"""The number of reviews that a message names; the others are counted."""


def state_of(result: RunResult) -> State[Any]:
    """The state of a flow run whose execution was released with this result: Suspended while it waits for a review."""
    return _state(result.status, result.reviews, result.resume_at, result.error)


def state_of_execution(execution: Execution, reviews: Sequence[Review]) -> State[Any] | None:
    """The state that Prefect should show while no worker holds the execution; None when it is queued or running."""
    if execution.status in ("queued", "running"):
        return None
    return _state(execution.status, reviews, execution.ready_at, execution.error)


def _state(
    status: Status, reviews: Sequence[Review], resume_at: datetime | None, error: JsonObject | None
) -> State[Any]:
    if status == "queued":
        return AwaitingRetry(message="Released by a worker that stops")
    if status == "waiting" and resume_at is not None and not reviews:
        return AwaitingRetry(message="A step is retried then", scheduled_time=resume_at)
    if status == "waiting":
        return suspended(waiting_message(reviews))
    if status == "paused":
        return suspended("Paused. Press Resume here, or run `flowbuilder resume`.")
    if status == "completed":
        return Completed(message="Completed")
    if status == "cancelled":
        return Cancelled(message="Cancelled. No further step starts.")
    return failed(error)


def suspended(message: str) -> State[Any]:
    """A Suspended state. Its pause key is new each time: Prefect reruns a flow at once that uses a key twice. It
    has no timeout, because Prefect would fail the run: reviews expire in our tables."""
    return Suspended(message=message, pause_key=uuid4().hex)


def failed(error: object) -> State[Any]:
    """A Failed state. Its message is one line: the StepPath and the error."""
    if not isinstance(error, dict):
        return Failed(message=one_line(error))
    path, message = error.get("path"), one_line(error.get("message", "failed"))
    return Failed(message=f"{path}: {message}" if path else message)


def waiting_message(reviews: Sequence[Review]) -> str:
    """The message of a suspended run."""
    if not reviews:
        return "Waiting for review"
    named = ", ".join(f"{review.path} ({one_line(review.request.title):.80})" for review in reviews[:MAX_NAMED])
    more = f" and {len(reviews) - MAX_NAMED} more" if len(reviews) > MAX_NAMED else ""
    return f"Waiting for {len(reviews)} review{'' if len(reviews) == 1 else 's'}: {named}{more}"


def one_line(text: object) -> str:
    """Text without line breaks."""
    return " ".join(str(text).split())
