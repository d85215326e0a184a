"""A review in Prefect's run graph: a task run that waits and then shows the decision, and an artifact with the link.

No code runs in that task run. Its states are reported by events, as those of any task are, with an id derived from
execution and path, so that another worker that resumes the execution refers to the same task run.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from contextvars import Context
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.objects import State, StateDetails, StateType, TaskRun, TaskRunResult
from prefect.exceptions import ObjectNotFound
from prefect.utilities.engine import emit_task_run_state_change_event

from flowbuilder.model.review import DecisionKind, Review
from flowbuilder.model.reviewers import assigned_to
from flowbuilder.model.step_path import StepPath
from flowbuilder.prefect.runs.state_mapping import one_line

DECISION_STATES: dict[DecisionKind, str] = {
    "approved": "Approved",
    "changes_requested": "Changes requested",
    "rejected": "Rejected",
    "expired": "Expired",
    "withdrawn": "Withdrawn",
}

MAX_TASK_INPUTS = 1024
"""For how many reviews the task inputs are kept in memory, until Prefect has stored the task run."""
_TASK_INPUTS: OrderedDict[UUID, dict[str, Any]] = OrderedDict()


def review_task_id(execution_id: str, path: str) -> UUID:
    """The id of the task run that shows the review at this path."""
    return uuid5(UUID(execution_id), f"review {path}")


def show_open_review(review: Review, parents: Iterable[UUID]) -> None:
    """Show an open review in the run graph."""
    run = _task_run(review, parents)
    _TASK_INPUTS[run.id] = run.task_inputs
    while len(_TASK_INPUTS) > MAX_TASK_INPUTS:
        _TASK_INPUTS.popitem(last=False)
    pending = _state(run, StateType.PENDING, "Pending", "", review.created_at, "opened")
    waiting = _state(run, StateType.PAUSED, "Waiting", waiting_for(review), review.created_at, "waits")
    run.state = waiting
    emit_task_run_state_change_event(run, pending, waiting)


async def report_decision(client: PrefectClient, *, review: Review, context: Context) -> None:
    """Show the decision on a review, unless Prefect shows it already. `context` is the flow run's, from which Prefect
    takes the task run's flow run."""
    decision = review.decision
    if decision is None:
        return
    run = _task_run(review, ())
    try:
        known = await client.read_task_run(run.id)
    except ObjectNotFound:
        # Prefect stores a task run some time after its first event
        run.task_inputs = _TASK_INPUTS.get(run.id, {})
    else:
        if known.state is not None and known.state.name == DECISION_STATES[decision.kind]:
            return
        run.task_inputs = known.task_inputs
    run = run.model_copy(update={"end_time": decision.at})
    message = f"by {decision.by}" + (f": {one_line(decision.comment):.200}" if decision.comment else "")
    waiting = _state(run, StateType.PAUSED, "Waiting", waiting_for(review), review.created_at, "waits")
    kind = StateType.CANCELLED if decision.kind in ("withdrawn", "expired") else StateType.COMPLETED
    done = _state(run, kind, DECISION_STATES[decision.kind], message, decision.at, decision.kind)
    run.state = done
    context.copy().run(emit_task_run_state_change_event, run, waiting, done)


def waiting_for(review: Review) -> str:
    """The people for whom a review waits, as text."""
    who = assigned_to(review.request.assign)
    due = f", due {review.due_at:%Y-%m-%d %H:%M} UTC" if review.due_at else ""
    return f"Waiting for {who}{due}"


def review_link(review_url: str, review: Review) -> str:
    """The URL of the review page."""
    return f"{review_url.rstrip('/')}/review?item={review.id}"


def review_artifact(review: Review, *, review_url: str) -> ArtifactCreate:
    """The artifact of a review in Prefect's UI: who decides what, and the link to the review page.

    Lists show only its description, so that holds the link too. Prefect renders Markdown, so text from outside is
    escaped.
    """
    link = review_link(review_url, review)
    title = escape_markdown(one_line(review.request.title))
    site = f", site: {escape_markdown(review.site)}" if review.site else ""
    lines = [
        f"# Review: {title}",
        "",
        f"**[Open the review]({link})**",
        "",
        f"* step: `{review.path}`, round {review.request.round}",
        f"* workflow: {escape_markdown(review.workflow)}{site}",
        f"* {escape_markdown(waiting_for(review))}",
    ]
    top = StepPath(review.path).is_top
    return ArtifactCreate(
        key=artifact_key(review),
        type="markdown",
        description=f"Review of {title}. {escape_markdown(waiting_for(review))}. [Open the review]({link})",
        data="\n".join(lines),
        flow_run_id=UUID(review.execution_id),
        task_run_id=review_task_id(review.execution_id, review.path) if top else None,
    )


def artifact_key(review: Review) -> str:
    """The key under which Prefect keeps the review's artifact: lower-case letters, digits and dashes."""
    return "-".join(part for part in re.split(r"[^a-z0-9]+", f"review {review.workflow} {review.path}".lower()) if part)


def escape_markdown(text: str) -> str:
    """Escape Markdown and HTML."""
    return re.sub(r"([\\`*_{}\[\]()#+!|~>-])", r"\\\1", text).replace("&", "&amp;").replace("<", "&lt;")


def _task_run(review: Review, parents: Iterable[UUID]) -> TaskRun:
    inputs: Any = {"wait_for": [TaskRunResult(id=parent) for parent in sorted(parents)]}
    return TaskRun(
        id=review_task_id(review.execution_id, review.path),
        name=review.path,
        flow_run_id=UUID(review.execution_id),
        task_key="review",
        dynamic_key=review.path,
        tags=["human_review"],
        task_inputs=inputs,
        start_time=review.created_at,
        expected_start_time=review.created_at,
        run_count=1,
    )


def _state(run: TaskRun, kind: StateType, name: str, message: str, at: datetime, what: str) -> State[Any]:
    details = StateDetails(task_run_id=run.id, flow_run_id=run.flow_run_id)
    return State(id=uuid5(run.id, what), type=kind, name=name, message=message, timestamp=at, state_details=details)
