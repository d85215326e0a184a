"""One execution: status, controls, reviews, steps, inputs, outputs and timeline, updated live."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from flowbuilder.app import App
from flowbuilder.engine.inspection.totals import totals
from flowbuilder.errors import FlowbuilderError
from flowbuilder.model.execution import ACTIVE, Execution, Outcome
from flowbuilder.model.review import Review
from flowbuilder.values import Json
from flowbuilder.walk.commands import StepView
from review_app import diff_html, session, times
from review_app.fields import as_text
from review_app.markdown_escape import escaped
from review_app.widgets import chips, graph, step_detail, steps, timeline
from review_app.widgets.page_frame import alert, heading, section, show

REFRESH = 5.0
"""Seconds between two redraws of an active execution, in case its event stream is blocked."""
MAX_EVENTS = 5_000
FIND_FROM = 30
"""The number of ended step runs from which on they can be searched."""
_PREFECT_CLOUD = re.compile(r"https://api\.prefect\.cloud/api/accounts/([\w-]+)/workspaces/([\w-]+)/?\Z")
_EVENT_LISTENER = st.components.v2.component(
    "flowbuilder.live", js=Path(__file__).parent.with_name("live.js").read_text(encoding="utf-8")
)


def detail(app: App, execution_id: str, me: str) -> None:
    """Draw an execution; while it is active, redraw it on every event. Raises `NotFound`."""
    active = app.execution(execution_id).status in ACTIVE
    st.fragment(_draw, run_every=REFRESH if active else None)(app, execution_id, me, active)
    step_detail.drawer(app, execution_id)


def _draw(app: App, execution_id: str, me: str, was_active: bool) -> None:
    # read the events first: the stream reports those that are added while the rest is read
    events = app.events(execution_id, limit=MAX_EVENTS)
    execution, outcomes = app.execution(execution_id), app.outcomes(execution_id)
    if was_active and execution.status not in ACTIVE:
        st.rerun()
    title, buttons = st.columns([0.64, 0.36], vertical_alignment="top")
    with title:
        heading(execution.workflow, _facts(execution), beside=chips.status(execution.status))
        show(_progress(execution) + step_detail.totals_line(totals(outcomes)))
    with buttons:
        _controls(app, execution, me)
    message = st.session_state.pop("fb:execution-message", None)
    if message:
        alert(message)
    if execution.error:
        show(_failure(execution))
    left, right = st.columns([0.52, 0.48], gap="large")
    with left:
        _reviews(app.reviews_of(execution.id))
        _steps(app, execution, outcomes)
        _value("Inputs", execution.inputs, shown=True)
        if execution.status == "completed":
            _value("Outputs", execution.outputs, shown=True)
        _value("Site", execution.site_record, shown=False)
    with right:
        section("Timeline", '<span class="fb-muted">Oldest first</span>')
        show(timeline.timeline(events))
        if execution.status in ACTIVE:
            _listen(execution.id, events[-1].seq if events else 0)


def _steps(app: App, execution: Execution, outcomes: Sequence[Outcome]) -> None:
    step_views = _step_views(app, execution.id)
    if step_views is None:
        section("Steps", '<span class="fb-muted">Recorded steps only: this version no longer compiles</span>')
        show(steps.table(steps.recorded(outcomes), outcomes, execution.id))
        return
    table, drawing = st.tabs(["Steps", "Graph"])
    with table:
        found = ""
        if len(outcomes) > FIND_FROM:
            found = st.text_input("Find a step run", key="fb-find-step", placeholder="Find a step run",
                                  label_visibility="collapsed")  # fmt: skip
        show(steps.table(step_views, outcomes, execution.id, find=found))
    with drawing:
        plan = app.plan(app.version(execution.workflow, execution.version))
        st.mermaid_chart(
            graph.mermaid(plan, steps.statuses(step_views)),
            alt=f"Steps of {execution.workflow} with their status",
        )


def _step_views(app: App, execution_id: str) -> tuple[StepView, ...] | None:
    """The steps with their status; None when this release can no longer compile the version."""
    try:
        return app.step_views(execution_id)
    except FlowbuilderError:
        return None


def _controls(app: App, execution: Execution, me: str) -> None:
    with st.container(horizontal=True, horizontal_alignment="right", gap="small", key="fb-controls"):
        address = prefect_run_url(execution.id, os.environ)
        if address:
            st.link_button("Open in Prefect ↗", address, type="tertiary")
        if execution.status not in ACTIVE:
            return
        if execution.status == "paused" or execution.control == "pause":
            st.button("Resume", key="resume", type="primary", on_click=_do, args=(app, "resume", execution.id, me))
        else:
            st.button("Pause", key="pause", on_click=_do, args=(app, "pause", execution.id, me),
                      help="Pauses before the next step. Running steps finish first.")  # fmt: skip
        with st.popover("Cancel"):
            st.write("No further step or write starts. This cannot be undone.")
            st.button("Cancel execution", key="cancel", type="primary", on_click=_do,
                      args=(app, "cancel", execution.id, me))  # fmt: skip


def _do(app: App, verb: str, execution_id: str, me: str) -> None:
    act = {"pause": app.pause, "resume": app.resume, "cancel": app.cancel}[verb]
    try:
        act(execution_id, by=me)
    except FlowbuilderError as refused:
        st.session_state["fb:execution-message"] = refused.message


def _facts(execution: Execution) -> str:
    facts = [chips.chip(f"Version {execution.version}", title="workflow version")]
    if execution.site:
        facts.append(chips.chip(execution.site, title="site"))
    if execution.control:
        facts.append(chips.chip(f"{execution.control} requested".capitalize(), "violet"))
    if execution.attempt > 1:
        facts.append(chips.chip(f"Attempt {execution.attempt}", title="how often a worker has claimed this execution"))
    created = f"Created {chips.relative_time(execution.created_at)} ({escaped(execution.trigger)})"
    facts.append(f'<span class="fb-muted">{created}</span>')
    took = times.elapsed(execution.started_at, execution.ended_at or session.now())
    if took and execution.ended_at:
        facts.append(f'<span class="fb-muted">Took {escaped(took)}</span>')
    facts.append(f'<span class="fb-muted fb-id">{escaped(execution.id)}</span>')
    return "".join(facts)


def _progress(execution: Execution) -> str:
    bar = chips.progress(execution)
    return f'<div class="fb-progress fb-progress-wide">{bar} steps</div>' if bar else ""


def _failure(execution: Execution) -> str:
    error = execution.error or {}
    step = f"Step <code>{escaped(error['path'])}</code> failed: " if error.get("path") else ""
    return f'<div class="fb-failure">{step}{escaped(as_text(error.get("message", error)))}</div>'


def _reviews(reviews: tuple[Review, ...]) -> None:
    if not reviews:
        return
    section("Reviews")
    for review in reviews:
        with st.container(
            horizontal=True, vertical_alignment="center", gap="small", key=f"fb-asked-{review.id}", wrap=False
        ):
            state = chips.status(review.decision.kind if review.decision else "waiting")
            by = f'<span class="fb-muted">by {escaped(review.decision.by)}</span>' if review.decision else ""
            show(f'<div class="fb-asked">{state}<span class="fb-clip">{escaped(review.request.title)}</span>{by}</div>')
            word = "View →" if review.decision else "Review →"
            st.page_link(session.page("review"), label=word, query_params={"item": review.id})


def _value(name: str, value: Json, *, shown: bool) -> None:
    if value in (None, {}, []):
        return
    with st.expander(name, expanded=shown):
        if isinstance(value, dict) and all(not isinstance(part, dict | list) for part in value.values()):
            cells = "".join(
                f'<div class="fb-key">{escaped(key)}</div><div class="fb-value">{_shown(part)}</div>'
                for key, part in value.items()
            )
            show(f'<div class="fb-pairs">{cells}</div>')
        else:
            show(diff_html.plain_text(as_text(value)))


def _shown(part: Json) -> str:
    return escaped(as_text(part)) or '<span class="fb-muted">empty</span>'


def _listen(execution_id: str, seen: int) -> None:
    """Have the browser redraw the enclosing fragment when there are events after `seen`."""
    _EVENT_LISTENER(
        key=f"fb-live-{execution_id}",
        data={"address": f"/events/{execution_id}", "seq": seen},
        on_seq_change=lambda: None,
        height="content",
    )


def prefect_run_url(execution_id: str, environment: Mapping[str, str]) -> str | None:
    """The page of an execution in Prefect's UI, by `PREFECT_UI_URL`, else by `PREFECT_API_URL`; None without either."""
    ui = environment.get("PREFECT_UI_URL", "").rstrip("/") or _prefect_ui(environment.get("PREFECT_API_URL", ""))
    return f"{ui}/runs/flow-run/{execution_id}" if ui.startswith(("http://", "https://")) else None


def _prefect_ui(api: str) -> str:
    cloud = _PREFECT_CLOUD.match(api)
    if cloud:
        return f"https://app.prefect.cloud/account/{cloud[1]}/workspace/{cloud[2]}"
    return api.rstrip("/").removesuffix("/api")
