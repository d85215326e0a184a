"""One execution: what it was given, where its steps stand, what happened; and pause, resume and cancel."""

from __future__ import annotations

import streamlit as st

from flowbuilder.app import App
from flowbuilder.errors import FlowbuilderError
from flowbuilder.execution import ACTIVE, Execution
from flowbuilder.review import Review
from flowbuilder.values import Json
from review_app import diff_html, session, times
from review_app.fields import as_text
from review_app.plain import escaped, label
from review_app.widgets import marks, steps, timeline
from review_app.widgets.frame import heading, section, show

REFRESH = 2.0
"""Seconds between two looks at an execution that has not ended."""
MAX_EVENTS = 5_000


def detail(app: App, execution: Execution, me: str) -> None:
    """Draw an execution; while it is active, what changes is drawn anew in place."""
    active = execution.status in ACTIVE
    title, buttons = st.columns([0.68, 0.32], vertical_alignment="top")
    with title:
        heading(execution.workflow, _facts(execution), beside=marks.status(execution.status))
    with buttons:
        _controls(app, execution, me)
    told = st.session_state.pop("fb:execution-message", None)
    if told:
        st.error(label(told, 600))
    if execution.error:
        where = f"<code>{escaped(execution.error['path'])}</code> " if execution.error.get("path") else ""
        show(
            f'<div class="fb-failure">{where}{escaped(as_text(execution.error.get("message", execution.error)))}</div>'
        )
    left, right = st.columns([0.52, 0.48], gap="large")
    every = REFRESH if active else None
    with left:
        _reviews(app.reviews_of(execution.id))
        section("Steps")
        st.fragment(_steps, run_every=every)(app, execution.id)
        _value("Inputs", execution.inputs, shown=True)
        if execution.status == "completed":
            _value("Outputs", execution.outputs, shown=True)
        _value("Site", execution.site_record, shown=False)
    with right:
        section("Timeline", '<span class="fb-muted">newest below</span>')
        st.fragment(_events, run_every=every)(app, execution.id, execution.status)


def _steps(app: App, execution_id: str) -> None:
    outcomes = app.outcomes(execution_id)
    try:
        show(steps.table(app.standings(execution_id), outcomes))
    except FlowbuilderError:
        # the version can no longer be compiled by this release: show what was recorded
        show(steps.of_outcomes(outcomes))


def _events(app: App, execution_id: str, known: str) -> None:
    show(timeline.timeline(app.events(execution_id, limit=MAX_EVENTS)))
    if app.execution(execution_id).status != known:
        st.rerun()


def _controls(app: App, execution: Execution, me: str) -> None:
    if execution.status not in ACTIVE:
        return
    paused = execution.status == "paused" or execution.control == "pause"
    with st.container(horizontal=True, horizontal_alignment="right", gap="small", key="fb-controls"):
        if paused:
            st.button("Resume", key="resume", type="primary", on_click=_do, args=(app, "resume", execution.id, me))
        else:
            st.button("Pause", key="pause", on_click=_do, args=(app, "pause", execution.id, me),
                      help="Stops before the next step; what runs now is finished")  # fmt: skip
        with st.popover("Cancel"):
            st.write("No step and no write starts afterwards. This cannot be taken back.")
            st.button("Cancel this execution", key="cancel", type="primary", on_click=_do,
                      args=(app, "cancel", execution.id, me))  # fmt: skip


def _do(app: App, verb: str, execution_id: str, me: str) -> None:
    act = {"pause": app.pause, "resume": app.resume, "cancel": app.cancel}[verb]
    try:
        act(execution_id, by=me)
    except FlowbuilderError as refused:
        st.session_state["fb:execution-message"] = refused.message


def _facts(execution: Execution) -> str:
    facts = [marks.chip(f"version {execution.version}", title="workflow version")]
    if execution.site:
        facts.append(marks.chip(execution.site, title="site"))
    if execution.control:
        facts.append(marks.chip(f"{execution.control} asked for", "violet"))
    if execution.attempt > 1:
        facts.append(marks.chip(f"taken up {execution.attempt} times"))
    facts.append(f'<span class="fb-muted">{escaped(execution.trigger)}, {marks.moment(execution.created_at)}</span>')
    took = times.elapsed(execution.started_at, execution.ended_at or session.now())
    if took and execution.ended_at:
        facts.append(f'<span class="fb-muted">took {escaped(took)}</span>')
    facts.append(f'<span class="fb-muted fb-id">{escaped(execution.id)}</span>')
    return "".join(facts)


def _reviews(reviews: tuple[Review, ...]) -> None:
    if not reviews:
        return
    section("Reviews")
    for review in reviews:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"fb-asked-{review.id}"):
            state = marks.status(review.decision.kind if review.decision else "waiting")
            by = f'<span class="fb-muted">by {escaped(review.decision.by)}</span>' if review.decision else ""
            show(f'<div class="fb-asked">{state}<span class="fb-clip">{escaped(review.request.title)}</span>{by}</div>')
            word = "Read" if review.decision else "Decide →"
            st.page_link(session.page("review"), label=word, query_params={"item": review.id})


def _value(name: str, value: Json, *, shown: bool) -> None:
    if value in (None, {}, []):
        return
    with st.expander(name, expanded=shown):
        if isinstance(value, dict) and all(not isinstance(part, dict | list) for part in value.values()):
            cells = "".join(
                f'<div class="fb-key">{escaped(key)}</div><div class="fb-value">{escaped(as_text(part))}</div>'
                for key, part in value.items()
            )
            show(f'<div class="fb-pairs">{cells}</div>')
        else:
            show(diff_html.reading(as_text(value)))
