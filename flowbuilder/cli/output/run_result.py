"""Where a run stands: the answer of `run` and of `resume --local`."""

from __future__ import annotations

import json

from flowbuilder.app import App
from flowbuilder.cli.output.json_records import waiting_record
from flowbuilder.cli.output.result import CommandResult


def outcome_answer(app: App, execution_id: str, *, notes: tuple[str, ...] = ()) -> CommandResult:
    """Status, outputs, and the reviews that it waits for; a failed or cancelled execution is a no."""
    execution = app.execution(execution_id)
    waiting = app.open_reviews_of(execution_id)
    data = {
        "execution_id": execution.id,
        "workflow": execution.workflow,
        "version": execution.version,
        "status": execution.status,
        "outputs": execution.outputs,
        "error": execution.error,
        "waiting": [waiting_record(review) for review in waiting],
    }
    lines = [*notes, f"{execution.workflow} v{execution.version}  {execution.id}  {execution.status}"]
    if execution.error:
        place = f" (in {execution.error['path']})" if execution.error.get("path") else ""
        lines.append(f"error: {execution.error.get('message', execution.error)}{place}")
    if execution.outputs not in (None, {}):
        lines.append(json.dumps(execution.outputs, indent=2, ensure_ascii=False))
    for review in waiting:
        lines.append(f"waits for review {review.id}  {review.path}  {review.request.title}")
    if waiting:
        lines.append(f"next: flowbuilder reviews show {waiting[0].id}")
    return CommandResult(data=data, text="\n".join(lines), ok=execution.status not in ("failed", "cancelled"))
