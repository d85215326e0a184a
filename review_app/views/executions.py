"""Executions: the list, and one of them as it happens (`?id=ID` in the address)."""

from __future__ import annotations

from typing import cast, get_args

import streamlit as st

from flowbuilder.app import App
from flowbuilder.errors import NotFound
from flowbuilder.model.execution import Execution, Status
from flowbuilder.ports import ExecutionFilter
from review_app import session, times
from review_app.fields import as_text
from review_app.markdown_escape import escaped
from review_app.widgets import address, chips
from review_app.widgets.execution import detail
from review_app.widgets.page_frame import empty, heading, problem
from review_app.widgets.rows import row

PAGE_SIZE = 25
ANY = "any"
_TRAIL = "fb:executions-trail"


def view() -> None:
    """Draw the page."""
    app, me = session.flow_app(), session.person().name
    chosen = st.query_params.get("id")
    if not chosen:
        _list(app)
        return
    st.button("← All executions", type="tertiary", key="all", on_click=_open, args=(None,))
    try:
        detail(app, chosen, me)
    except NotFound as failure:
        problem("There is no such execution", failure)


def _list(app: App) -> None:
    heading("Executions")
    where = _filters(app)
    trail = _trail()
    found = app.executions(where, limit=PAGE_SIZE + 1, before=trail[-1] if trail else None)
    shown = found[:PAGE_SIZE]
    if not shown:
        _nothing(where)
    with st.container(key="fb-executions", gap=None):
        for execution in shown:
            row(execution.id, line(execution), name=f"Open {execution.workflow}", on_click=_open, args=(execution.id,))
    if trail or len(found) > PAGE_SIZE:
        with st.container(horizontal=True, gap="small", horizontal_alignment="center"):
            st.button("← Newer", key="newer", disabled=not trail, type="tertiary", on_click=_newer)
            st.button("Older →", key="older", disabled=len(found) <= PAGE_SIZE, type="tertiary", on_click=_older,
                      args=(shown[-1].id if shown else "",))  # fmt: skip


def line(execution: Execution) -> str:
    """One execution as a row of a list."""
    now = session.now()
    took = times.elapsed(execution.started_at, execution.ended_at or now)
    asked = chips.chip(f"{execution.control} asked for", "violet") if execution.control else ""
    return (
        f'<div class="fb-run"><div>{chips.status(execution.status)}{asked}</div>'
        f'<div class="fb-run-name"><b>{escaped(execution.workflow)}</b> '
        f'<span class="fb-muted">v{execution.version}</span>'
        f'<div class="fb-muted fb-clip">{escaped(_inputs(execution))}</div></div>'
        f"<div>{escaped(execution.site or '')}</div>"
        f'<div class="fb-progress">{chips.progress(execution)}</div><div class="fb-muted">{escaped(took)}</div>'
        f"<div>{chips.moment(execution.created_at)}</div></div>"
    )


def _inputs(execution: Execution) -> str:
    """What it was given, in a line: texts first, they say most."""
    given = [(name, value) for name, value in execution.inputs.items() if isinstance(value, str | int | float)]
    told = sorted((pair for pair in given if pair[1] != ""), key=lambda pair: not isinstance(pair[1], str))
    return " · ".join(f"{name}: {as_text(value)}" for name, value in told)[:200]


def _filters(app: App) -> ExecutionFilter:
    names = [item.name for item in app.workflows(include_archived=True)]
    sites = sorted(str(site.get("site", "")) for site in app.sites())
    with st.container(horizontal=True, gap="small", key="fb-execution-filters"):
        workflow = address.select(
            "Workflow", {ANY: "All workflows", **{name: name for name in names}}, name="workflow", default=ANY,
            on_change=_restart, width=260,
        )  # fmt: skip
        site = address.select(
            "Site", {ANY: "All sites", **{name: name for name in sites}}, name="site", default=ANY,
            on_change=_restart, width=220,
        )  # fmt: skip
        statuses = address.several("Status", get_args(Status), name="status", on_change=_restart)
    return ExecutionFilter(
        workflow=None if workflow == ANY else workflow,
        site=None if site == ANY else site,
        statuses=frozenset(cast("tuple[Status, ...]", statuses)) or None,
    )


def _nothing(where: ExecutionFilter) -> None:
    if where == ExecutionFilter():
        empty(
            "Nothing has run yet",
            "Start a published workflow on the Run page, or from a terminal:",
            ("flowbuilder run NAME --site SITE",),
        )
    else:
        empty("Nothing matches these filters", "Choose another workflow, site or status.")


def _trail() -> list[str]:
    return cast("list[str]", st.session_state.setdefault(_TRAIL, []))


def _newer() -> None:
    if _trail():
        _trail().pop()


def _older(last_seen: str) -> None:
    _trail().append(last_seen)


def _restart() -> None:
    st.session_state[_TRAIL] = []


def _open(execution_id: str | None) -> None:
    if execution_id is None:
        st.query_params.pop("id", None)
    else:
        st.query_params["id"] = execution_id
