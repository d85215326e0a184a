"""Events and steps as lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from flowbuilder.cli.output.escape import safe_line
from flowbuilder.model.events import Event
from flowbuilder.walk.commands import StepView

_MARKS = {
    "completed": "✓", "failed": "✗", "skipped": "–", "running": "●", "waiting": "?", "pending": "·", "cancelled": "–",
}  # fmt: skip


def event_line(event: Event) -> str:
    """One event: its number, its time, what happened where, and its data in brief."""
    at = event.at.astimezone().strftime("%H:%M:%S")
    words = event.type.replace("_", " ")
    return f"{event.seq:>4}  {at}  {words:<20} {safe_line(event.path, 60):<24} {_brief(event.data)}".rstrip()


def step_lines(step_views: Iterable[StepView], indent: str = "") -> Iterator[str]:
    """Where every step stands, a line each, those inside others indented."""
    for standing in step_views:
        mark = _MARKS.get(standing.status, " ")
        reason = standing.reason or (standing.error or {}).get("message", "")
        note = f"  {safe_line(reason, 120)}" if reason else ""
        yield f"{indent}{mark} {standing.path} ({standing.type}) {standing.status}{note}"
        yield from step_lines(standing.inside, indent + "  ")


def _brief(data: dict[str, Any]) -> str:
    if "error" in data and isinstance(data["error"], dict):
        return safe_line(data["error"].get("message", data["error"]), 120)
    parts = []
    for name, value in data.items():
        if value in (None, "", [], {}) or name.endswith(("hash", "digest")):
            continue
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        parts.append(f"{name}={safe_line(shown, 60)}")
    return "  ".join(parts)
