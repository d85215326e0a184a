"""Executions as text: their result, their events and their steps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from flowbuilder.app import App
from flowbuilder.cli.output.escape import escape_line
from flowbuilder.cli.output.json_records import waiting_record
from flowbuilder.cli.output.result import CommandResult
from flowbuilder.model.events import Event
from flowbuilder.walk.commands import StepView

_MARKS = {
    "completed": "✓", "failed": "✗", "skipped": "–", "running": "●", "waiting": "?", "pending": "·", "cancelled": "–",
}  # fmt: skip


def execution_result(app: App, execution_id: str, *, notes: tuple[str, ...] = (), local: bool = False) -> CommandResult:
    """The status, outputs and open reviews of an execution. The result is not ok when it has failed or is cancelled.

    `local`: the execution runs in this process, and no worker continues it after a decision.
    """
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
        lines.append(f"Waiting for review {review.id}  {review.path}  {review.request.title}")
    if waiting:
        lines.append(f"Next: flowbuilder reviews show {waiting[0].id}")
        if local:
            lines.append(f"then: flowbuilder reviews decide {waiting[0].id} approve --local")
    return CommandResult(data=data, text="\n".join(lines), ok=execution.status not in ("failed", "cancelled"))


def event_line(event: Event) -> str:
    """One event: its number, its time, its type, its path, and its data in brief."""
    at = event.at.astimezone().strftime("%H:%M:%S")
    words = event.type.replace("_", " ")
    return f"{event.seq:>4}  {at}  {words:<20} {escape_line(event.path, 60):<24} {_brief(event.data)}".rstrip()


def step_lines(step_views: Iterable[StepView], indent: str = "") -> Iterator[str]:
    """One line per step with its status; steps inside another step are indented."""
    for view in step_views:
        mark = _MARKS.get(view.status, " ")
        reason = view.reason or (view.error or {}).get("message", "")
        note = f"  {escape_line(reason, 120)}" if reason else ""
        yield f"{indent}{mark} {view.path} ({view.type}) {view.status}{note}"
        yield from step_lines(view.inside, indent + "  ")


def _brief(data: dict[str, Any]) -> str:
    if "error" in data and isinstance(data["error"], dict):
        return escape_line(data["error"].get("message", data["error"]), 120)
    parts = []
    for name, value in data.items():
        if value in (None, "", [], {}) or name.endswith(("hash", "digest")):
            continue
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        parts.append(f"{name}={escape_line(shown, 60)}")
    return "  ".join(parts)
