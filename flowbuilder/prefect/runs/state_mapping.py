"""Where an execution stands, as a Prefect state with a message for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from prefect.client.schemas.objects import State
from prefect.states import AwaitingRetry, Cancelled, Completed, Failed, Suspended

from flowbuilder.engine.driver import Settled
from flowbuilder.model.execution import Execution
from flowbuilder.model.review import Review

NAMED = 3
"""How many reviews a message names; the others are counted."""


def state_of(settled: Settled) -> State[Any]:
    """The state in which a flow run ends, or waits."""
    if settled.status == "queued":
        return AwaitingRetry(message="handed over by a worker that stops")
    if settled.status == "waiting" and settled.until is not None and not settled.waiting:
        return AwaitingRetry(message="a step is tried again then", scheduled_time=settled.until)
    if settled.status == "waiting":
        return suspended(waiting_message(settled.waiting))
    if settled.status == "paused":
        return suspended("paused; Resume here or `flowbuilder resume` lets it go on")
    if settled.status == "completed":
        return Completed(message="completed")
    if settled.status == "cancelled":
        return Cancelled(message="cancelled; no step starts any more")
    return failed(settled.error)


def state_of_execution(execution: Execution, reviews: Sequence[Review]) -> State[Any] | None:
    """The state that Prefect should show while nobody works on an execution; None for one that should be running."""
    if execution.status in ("queued", "running"):
        return None
    return state_of(
        Settled(
            status=execution.status,
            waiting=tuple(reviews),
            until=execution.ready_at,
            outputs=execution.outputs,
            error=execution.error,
        )
    )


def suspended(message: str) -> State[Any]:
    """A suspension. Its key is new each time: Prefect calls a flow again at once that uses a key twice. It has no
    time limit either, since Prefect would fail the run: reviews expire in our own record."""
    return Suspended(message=message, pause_key=uuid4().hex)


def failed(error: object) -> State[Any]:
    """A failure, as one line: where, and what."""
    if not isinstance(error, dict):
        return Failed(message=one_line(error))
    path, message = error.get("path"), one_line(error.get("message", "failed"))
    return Failed(message=f"{path}: {message}" if path else message)


def waiting_message(reviews: Sequence[Review]) -> str:
    """What a suspended run waits for."""
    if not reviews:
        return "waits for a review"
    named = ", ".join(f"{review.path} ({one_line(review.request.title):.80})" for review in reviews[:NAMED])
    more = f" and {len(reviews) - NAMED} more" if len(reviews) > NAMED else ""
    return f"waits for {len(reviews)} review{'' if len(reviews) == 1 else 's'}: {named}{more}"


def one_line(text: object) -> str:
    """Text without line breaks."""
    return " ".join(str(text).split())
