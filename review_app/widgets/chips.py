"""Small HTML elements: chips, statuses, times. Each takes plain text and escapes it."""

from __future__ import annotations

from datetime import datetime

from flowbuilder.model.execution import Execution
from flowbuilder.model.review import Review
from review_app import session, times
from review_app.markdown_escape import attribute, escaped

Tone = str
"""One of blue, green, amber, red, violet, grey."""

TONES: dict[str, Tone] = {
    "queued": "grey",
    "pending": "grey",
    "running": "blue",
    "waiting": "amber",
    "needs_review": "amber",
    "open": "amber",
    "paused": "violet",
    "completed": "green",
    "approved": "green",
    "published": "green",
    "draft": "violet",
    "archived": "grey",
    "failed": "red",
    "rejected": "red",
    "changes_requested": "amber",
    "expired": "grey",
    "withdrawn": "grey",
    "cancelled": "grey",
    "skipped": "grey",
}


def chip(text: object, tone: Tone = "grey", *, title: str = "") -> str:
    """A small coloured label."""
    hint = f' title="{attribute(title)}"' if title else ""
    return f'<span class="fb-chip fb-{tone}"{hint}>{escaped(text)}</span>'


def status(name: str) -> str:
    """A status with a coloured dot, animated while running."""
    tone = TONES.get(name, "grey")
    live = " fb-live" if name == "running" else ""
    text = name.replace("_", " ").capitalize()
    return f'<span class="fb-chip fb-{tone}"><i class="fb-dot{live}"></i>{escaped(text)}</span>'


def progress(execution: Execution) -> str:
    """The number of finished top-level steps, as a bar and as text; empty when it is unknown."""
    done, total = execution.progress.get("done", 0), execution.progress.get("total", 0)
    if not isinstance(done, int | float) or not isinstance(total, int | float) or total <= 0:
        return ""
    share = max(0, min(100, round(100 * done / total)))
    return f'<span class="fb-bar"><i style="width:{share}%"></i></span>{escaped(done)}/{escaped(total)}'


def relative_time(at: datetime, text: str | None = None) -> str:
    """A relative time (or `text`), with the full date on hover."""
    shown = times.ago(at, session.now()) if text is None else text
    return f'<span class="fb-time" title="{attribute(times.stamp(at, session.zone()))}">{escaped(shown)}</span>'


def deadline(review: Review) -> str:
    """The due date of a review, and its expiry if that is within a day; empty without either."""
    now = session.now()
    marks = []
    if review.due_at is not None:
        text, late = times.due(review.due_at, now)
        marks.append(chip(text, "red" if late else "grey", title=times.stamp(review.due_at, session.zone())))
    if review.expires_at is not None and (review.expires_at - now).total_seconds() < 86_400:
        left = times.span(max(0.0, (review.expires_at - now).total_seconds()))
        marks.append(chip(f"Expires in {left}", "red", title=times.stamp(review.expires_at, session.zone())))
    return "".join(marks)


def claim(review: Review, me: str) -> str:
    """The person who has claimed a review; empty without a claim."""
    if not review.claimed_by or (review.claimed_until is not None and review.claimed_until < session.now()):
        return ""
    return chip("Claimed by you" if review.claimed_by == me else f"Claimed by {review.claimed_by}", "violet")
