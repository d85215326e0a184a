"""The timeline of an execution: one sentence for each event."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flowbuilder.model.events import Event, EventType
from flowbuilder.values import JsonObject
from review_app import session, times
from review_app.fields import as_text
from review_app.markdown_escape import attribute, escaped

MAX_EVENTS = 200
"""The most events drawn; earlier ones are only counted."""

Sentence = Callable[[JsonObject], str]


def _get(data: JsonObject, name: str) -> str:
    value = data.get(name)
    return "" if value is None else as_text(value)


def _error(data: JsonObject) -> str:
    error = data.get("error")
    return as_text(error.get("message", error)) if isinstance(error, dict) else as_text(error)


def _fell_back(data: JsonObject) -> str:
    """Why the fallback of a model was asked; nothing where it was not."""
    usage = data.get("usage")
    why = usage.get("fell_back") if isinstance(usage, dict) else None
    if not isinstance(usage, dict) or not isinstance(why, dict):
        return ""
    return (
        f", by the fallback {as_text(usage['model'])}: {as_text(why.get('reason'))}"
        if usage.get("model")
        else (f" (the fallback was asked, because {as_text(why.get('reason'))})")
    )


def _by(verb: str) -> Sentence:
    return lambda data: f"{verb} by {_get(data, 'by')}" if data.get("by") else verb


def _decided(data: JsonObject) -> str:
    comment = f" “{_get(data, 'comment')}”" if data.get("comment") else ""
    return f"{_get(data, 'decision').replace('_', ' ')} by {_get(data, 'by')}{comment}"


_SENTENCES: dict[EventType, tuple[str, Sentence]] = {
    "execution_started": ("blue", lambda data: f"started, version {_get(data, 'version')}"),
    "execution_resumed": ("blue", lambda data: "resumed"),
    "execution_waiting": ("amber", lambda data: "waiting for review"),
    "execution_released": (
        "grey",
        lambda data: f"released: {_get(data, 'reason')}" if data.get("reason") else "released",
    ),
    "execution_paused": ("violet", _by("paused")),
    "execution_completed": ("green", lambda data: "completed"),
    "execution_failed": ("red", lambda data: f"failed: {_error(data)}"),
    "execution_cancelled": ("grey", _by("cancelled")),
    "execution_quarantined": ("red", lambda data: f"quarantined after {_get(data, 'deaths')} lost workers"),
    "control_requested": ("violet", lambda data: f"{_get(data, 'action') or 'resume'} requested by {_get(data, 'by')}"),
    "worker_lost": ("amber", lambda data: "worker lost, another worker continues"),
    "resumed_without_decision": ("amber", lambda data: "resumed without a decision, waiting again"),
    "step_started": (
        "blue",
        lambda data: "started" + (f", attempt {data['attempt']}" if data.get("attempt", 1) != 1 else ""),
    ),
    "step_retrying": ("amber", lambda data: f"attempt {_get(data, 'attempt')} failed, retrying: {_error(data)}"),
    "step_completed": ("green", lambda data: f"completed{_duration(data)}{_fell_back(data)}"),
    "step_failed": ("red", lambda data: f"failed{_duration(data)}: {_error(data)}{_fell_back(data)}"),
    "step_skipped": ("grey", lambda data: f"skipped{_reason(data)}"),
    "branch_taken": ("grey", lambda data: f"took branch {_branch(data)}"),
    "iteration_started": ("blue", lambda data: f"{_get(data, 'items')} items"),
    "item_failed": ("red", lambda data: f"item {_get(data, 'key') or _get(data, 'index')} failed: {_error(data)}"),
    "review_opened": ("amber", lambda data: f"review requested: {_get(data, 'title')}"),
    "review_claimed": ("violet", _by("claimed")),
    "review_released": ("grey", _by("claim released")),
    "review_approved": (
        "green",
        lambda data: f"approved by {_get(data, 'by')}, {_get(data, 'approvals')} of {_get(data, 'quorum')} approvals",
    ),
    "review_approval_undone": (
        "grey",
        lambda data: f"{'edit and ' * bool(_get(data, 'edited'))}approval undone by {_get(data, 'by')}",
    ),
    "review_decided": ("green", _decided),
    "review_expired": ("grey", lambda data: f"expired: {_get(data, 'outcome')}"),
    "review_escalated": ("amber", lambda data: f"escalated to {_get(data, 'to')}"),
    "round_started": ("blue", lambda data: f"round {_get(data, 'round')} starts at {_get(data, 'rewind_to')}"),
    "effect_intended": ("blue", lambda data: f"writing to {_get(data, 'target')}"),
    "effect_done": ("green", lambda data: "written"),
    "effect_unknown": ("red", lambda data: f"unknown whether it was written: {_get(data, 'reason')}"),
    "effect_reverted": ("violet", _by("reverted")),
}


def timeline(events: Sequence[Event]) -> str:
    """The events as HTML, oldest first, so that new events do not move the others."""
    kept = events[-MAX_EVENTS:]
    left_out = len(events) - len(kept)
    head = f'<div class="fb-muted">{left_out:,} earlier events are not shown</div>' if left_out else ""
    return f'<div class="fb-timeline">{head}{"".join(map(_line, kept))}</div>'


def sentence(event: Event) -> str:
    """The sentence for an event, as plain text."""
    known = _SENTENCES.get(event.type)
    return known[1](event.data) if known else event.type.replace("_", " ")


def _line(event: Event) -> str:
    tone = "red" if event.data.get("decision") == "rejected" else _SENTENCES.get(event.type, ("grey", None))[0]
    path = f"<code>{escaped(event.path)}</code> " if event.path else ""
    text = sentence(event) if event.path else sentence(event)[:1].upper() + sentence(event)[1:]
    zone = session.zone()
    return (
        f'<div class="fb-event"><span class="fb-at" title="{attribute(times.stamp(event.at, zone))}">'
        f'{times.clock(event.at, zone)}</span><i class="fb-dot fb-{tone}"></i>'
        f"<span>{path}{escaped(text)}</span></div>"
    )


def _duration(data: JsonObject) -> str:
    seconds = data.get("seconds")
    return f" in {times.span(seconds)}" if isinstance(seconds, int | float) else ""


def _reason(data: JsonObject) -> str:
    return f": {_get(data, 'reason').replace('_', ' ')}" if data.get("reason") else ""


def _branch(data: JsonObject) -> str:
    branch = data.get("branch")
    return f"{branch + 1}" if isinstance(branch, int) else (_get(data, "branch") or "none")
