"""The home page: counts of reviews and executions, the next reviews, and recent executions."""

from __future__ import annotations

import streamlit as st

from flowbuilder.app import App
from flowbuilder.model.execution import Status
from flowbuilder.ports import ExecutionFilter, ReviewFilter
from review_app import session
from review_app.markdown_escape import escaped
from review_app.views.executions import line
from review_app.widgets import chips
from review_app.widgets.page_frame import empty_state, heading, row, section, show

MAX_SHOWN = 5
COUNTS: tuple[tuple[Status, str, str], ...] = (
    ("running", "Running", "blue"),
    ("paused", "Paused", "violet"),
    ("failed", "Failed", "red"),
)
COUNTED = 100
"""Executions are counted up to this number; then a plus follows it."""


def view() -> None:
    """Draw the page."""
    app, who = session.flow_app(), session.person()
    heading(_greeting(who.name))
    workflows = app.workflows()
    if not workflows and not app.executions(limit=1):
        empty_state(
            "Welcome to flowbuilder",
            "There are no workflows yet. Try the demo with a sample site, or add your own workflow:",
            ("flowbuilder demo", "flowbuilder push my-workflow.yaml && flowbuilder publish my-workflow"),
        )
        return
    waiting = sum(app.pending_counts().values())
    with st.container(key="fb-tiles"):
        tiles = st.columns(4)
    with tiles[0]:
        _tile("waiting", f"{waiting:,}", "Waiting for review", "amber" if waiting else "grey", "review", {})
    for column, (status, words, tone) in zip(tiles[1:], COUNTS, strict=True):
        with column:
            _count(app, status, words, tone)
    left, right = st.columns([0.5, 0.5], gap="large")
    with left:
        _next_reviews(app)
        _by_workflow(app)
    with right:
        _latest(app)


def _greeting(name: str) -> str:
    hour = session.now().astimezone(session.zone()).hour
    part = "morning" if 4 <= hour < 12 else "afternoon" if 12 <= hour < 18 else "evening"
    return f"Good {part}, {name.partition('@')[0]}"


def _count(app: App, status: Status, words: str, tone: str) -> None:
    number = len(app.executions(ExecutionFilter(statuses=frozenset({status})), limit=COUNTED))
    text = f"{number}+" if number == COUNTED else f"{number}"
    _tile(status, text, words, tone if number else "grey", "executions", {"status": status})


def _tile(key: str, number: str, words: str, tone: str, page: str, query: dict[str, str]) -> None:
    markup = (
        f'<div class="fb-tile fb-text-{tone}"><div class="fb-number">{escaped(number)}</div>'
        f"<div>{escaped(words)}</div></div>"
    )
    if row(f"tile-{key}", markup, name=f"{number} {words}"):
        st.switch_page(session.page(page), query_params=query)


def _next_reviews(app: App) -> None:
    section("Next reviews")
    found = app.reviews(ReviewFilter(), limit=MAX_SHOWN).reviews
    if not found:
        show('<div class="fb-quiet">No reviews waiting</div>')
    with st.container(key="fb-next", gap=None):
        for review in found:
            markup = (
                f'<div class="fb-card"><div class="fb-card-title">{escaped(review.request.title or review.path)}</div>'
                f'<div class="fb-card-facts"><span>{escaped(review.workflow)}</span>'
                f"<span>{chips.deadline(review)}</span></div></div>"
            )
            if row(f"next-{review.id}", markup, name=f"Review {review.request.title}"):
                st.switch_page(session.page("review"), query_params={"item": review.id})


def _by_workflow(app: App) -> None:
    counts = sorted(app.pending_counts().items(), key=lambda item: -item[1])
    if len(counts) < 2:
        return
    section("Reviews by workflow")
    most = max(number for _, number in counts)
    with st.container(key="fb-shares", gap=None):
        for name, number in counts[:8]:
            bar = f'<span class="fb-bar fb-wide"><i style="width:{round(100 * number / most)}%"></i></span>'
            markup = f'<div class="fb-share"><code>{escaped(name)}</code>{bar}<b>{number:,}</b></div>'
            if row(f"share-{name}", markup, name=f"{number} reviews of {name}"):
                st.switch_page(session.page("review"), query_params={"workflow": name})


def _latest(app: App) -> None:
    section("Recent executions")
    found = app.executions(limit=8)
    if not found:
        show('<div class="fb-quiet">No executions yet. Start a published workflow on the Run page.</div>')
    with st.container(key="fb-latest", gap=None):
        for execution in found:
            if row(f"latest-{execution.id}", line(execution), name=f"Open {execution.workflow}"):
                st.switch_page(session.page("executions"), query_params={"id": execution.id})
