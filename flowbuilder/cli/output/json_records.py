"""JSON records of executions, reviews, workflows and steps. Times are ISO 8601 in UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flowbuilder.model.execution import Execution, WorkflowSummary, WorkflowVersion
from flowbuilder.model.review import Review
from flowbuilder.values import JsonObject
from flowbuilder.walk.commands import StepView


def execution_record(execution: Execution) -> JsonObject:
    """An execution, as in lists."""
    return {
        "execution_id": execution.id,
        "workflow": execution.workflow,
        "version": execution.version,
        "status": execution.status,
        "site": execution.site,
        "inputs": execution.inputs,
        "outputs": execution.outputs,
        "error": execution.error,
        "progress": execution.progress,
        "control": execution.control,
        "attempt": execution.attempt,
        "parent_execution_id": execution.parent_execution_id,
        "created_at": iso(execution.created_at),
        "started_at": iso(execution.started_at),
        "ended_at": iso(execution.ended_at),
    }


def waiting_record(review: Review) -> JsonObject:
    """An open review, in the result of `run`."""
    return {"id": review.id, "path": review.path, "title": review.request.title}


def review_record(review: Review, *, content: bool = False, held: str = "") -> JsonObject:
    """A review; with `content` also its base, proposal and findings. `held` is why no one can decide it."""
    request = review.request
    record: JsonObject = {
        "id": review.id,
        "execution_id": review.execution_id,
        "workflow": review.workflow,
        "site": review.site,
        "path": review.path,
        "title": request.title,
        "status": review.status,
        "held": held if held and review.status == "open" else None,
        "round": request.round,
        "version": review.version,
        "content_hash": review.content_hash,
        "group": request.assign.group,
        "people": list(request.assign.people or ()),
        "anyone": request.assign.anyone,
        "quorum": request.assign.quorum,
        "may_edit": request.may_edit,
        "approvals": list(review.approvals),
        "claimed_by": review.claimed_by,
        "created_at": iso(review.created_at),
        "due_at": iso(review.due_at),
        "expires_at": iso(review.expires_at),
        "decision": decision_record(review),
    }
    if content:
        record |= {"base": request.base, "proposal": request.proposal, "findings": list(request.findings)}
        record["targets"] = list(request.targets)
    return record


def decision_record(review: Review) -> JsonObject | None:
    """The decision of a review; None while it is open."""
    decision = review.decision
    if decision is None:
        return None
    return {
        "kind": decision.kind,
        "by": decision.by,
        "at": iso(decision.at),
        "comment": decision.comment,
        "edited": decision.edited,
        "approved": decision.approved,
        "held_until": iso(decision.held_until),
    }


def version_record(version: WorkflowVersion, *, document: bool = False) -> JsonObject:
    """A workflow version; with `document` also its definition."""
    record: JsonObject = {
        "workflow": version.workflow,
        "version": version.number,
        "status": version.status,
        "title": version.title,
        "digest": version.digest,
        "author": version.author,
        "created_at": iso(version.created_at),
        "published_at": iso(version.published_at),
    }
    return {**record, "document": version.document} if document else record


def workflow_record(workflow: WorkflowSummary) -> JsonObject:
    """A workflow, as in lists."""
    return {
        "name": workflow.name,
        "title": workflow.title,
        "latest": workflow.latest,
        "draft": workflow.draft,
        "published": workflow.published,
        "archived": workflow.archived,
        "updated_at": iso(workflow.updated_at),
    }


def step_view_record(view: StepView) -> JsonObject:
    """A step and its status, with the steps inside it."""
    record: JsonObject = {
        "path": view.path,
        "type": view.type,
        "name": view.name,
        "status": view.status,
        "error": view.error,
        "reason": view.reason,
    }
    inside: list[Any] = [step_view_record(item) for item in view.inside]
    return {**record, "inside": inside} if inside else record


def iso(moment: datetime | None) -> str | None:
    """A time as ISO 8601 text; None for None."""
    return moment.isoformat() if moment else None
