"""Small HTML pieces: chips, statuses, times. Each takes plain text and escapes it."""

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
    """A status with its dot; a running one breathes."""
    tone = TONES.get(name, "grey")
    live = " fb-live" if name == "running" else ""
    return f'<span class="fb-chip fb-{tone}"><i class="fb-dot{live}"></i>{escaped(name.replace("_", " "))}</span>'


def progress(execution: Execution) -> str:
    """How many of the steps at the top are done, as a bar and in figures; empty when nothing is known yet."""
    done, total = execution.progress.get("done", 0), execution.progress.get("total", 0)
    if not isinstance(done, int | float) or not isinstance(total, int | float) or total <= 0:
        return ""
    share = max(0, min(100, round(100 * done / total)))
    return f'<span class="fb-bar"><i style="width:{share}%"></i></span>{escaped(done)}/{escaped(total)}'


def moment(at: datetime, text: str | None = None) -> str:
    """A time as people say it (or `text`), with the full date on hover."""
    said = times.ago(at, session.now()) if text is None else text
    return f'<span class="fb-time" title="{attribute(times.stamp(at, session.zone()))}">{escaped(said)}</span>'


def deadline(review: Review) -> str:
    """When a review is due, and when it runs out if that is within a day; empty without either."""
    now = session.now()
    marks = []
    if review.due_at is not None:
        text, late = times.due(review.due_at, now)
        marks.append(chip(text, "red" if late else "grey", title=times.stamp(review.due_at, session.zone())))
    if review.expires_at is not None and (review.expires_at - now).total_seconds() < 86_400:
        left = times.span(max(0.0, (review.expires_at - now).total_seconds()))
        marks.append(chip(f"expires in {left}", "red", title=times.stamp(review.expires_at, session.zone())))
    return "".join(marks)


def claim(review: Review, me: str) -> str:
    """Who is at it right now; empty when nobody is."""
    if not review.claimed_by or (review.claimed_until is not None and review.claimed_until < session.now()):
        return ""
    return chip("you are on it" if review.claimed_by == me else f"{review.claimed_by} is on it", "violet")
