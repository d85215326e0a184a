"""The executions page: the list, or one execution (`?id=ID` in the URL)."""

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
from review_app.widgets import chips, query_params
from review_app.widgets.execution import detail
from review_app.widgets.page_frame import empty_state, heading, row, show_error

PAGE_SIZE = 25
ANY = "any"
_CURSORS = "fb:executions-cursors"


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
        show_error("Execution not found", failure)


def _list(app: App) -> None:
    heading("Executions")
    where = _filters(app)
    cursors = _cursors()
    found = app.executions(where, limit=PAGE_SIZE + 1, before=cursors[-1] if cursors else None)
    shown = found[:PAGE_SIZE]
    if not shown:
        _empty_list(where)
    with st.container(key="fb-executions", gap=None):
        for execution in shown:
            row(execution.id, line(execution), name=f"Open {execution.workflow}", on_click=_open, args=(execution.id,))
    if cursors or len(found) > PAGE_SIZE:
        with st.container(horizontal=True, gap="small", horizontal_alignment="center"):
            st.button("← Newer", key="newer", disabled=not cursors, type="tertiary", on_click=_newer)
            st.button("Older →", key="older", disabled=len(found) <= PAGE_SIZE, type="tertiary", on_click=_older,
                      args=(shown[-1].id if shown else "",))  # fmt: skip


def line(execution: Execution) -> str:
    """One execution as a row, in HTML."""
    now = session.now()
    took = times.elapsed(execution.started_at, execution.ended_at or now)
    request = chips.chip(f"{execution.control} requested".capitalize(), "violet") if execution.control else ""
    return (
        f'<div class="fb-run"><div>{chips.status(execution.status)}{request}</div>'
        f'<div class="fb-run-name"><b>{escaped(execution.workflow)}</b> '
        f'<span class="fb-muted">v{execution.version}</span>'
        f'<div class="fb-muted fb-clip">{escaped(_inputs(execution))}</div></div>'
        f"<div>{escaped(execution.site or '')}</div>"
        f'<div class="fb-progress">{chips.progress(execution)}</div><div class="fb-muted">{escaped(took)}</div>'
        f"<div>{chips.relative_time(execution.created_at)}</div></div>"
    )


def _inputs(execution: Execution) -> str:
    """The inputs on one line, strings first."""
    given = [(name, value) for name, value in execution.inputs.items() if isinstance(value, str | int | float)]
    ordered = sorted((pair for pair in given if pair[1] != ""), key=lambda pair: not isinstance(pair[1], str))
    return " · ".join(f"{name}: {as_text(value)}" for name, value in ordered)[:200]


def _filters(app: App) -> ExecutionFilter:
    names = [item.name for item in app.workflows(include_archived=True)]
    sites = sorted(str(site.get("site", "")) for site in app.sites())
    with st.container(horizontal=True, gap="small", key="fb-execution-filters"):
        workflow = query_params.select(
            "Workflow", {ANY: "All workflows", **{name: name for name in names}}, name="workflow", default=ANY,
            on_change=_first_page, width=260,
        )  # fmt: skip
        site = query_params.select(
            "Site", {ANY: "All sites", **{name: name for name in sites}}, name="site", default=ANY,
            on_change=_first_page, width=220,
        )  # fmt: skip
        statuses = query_params.multi_select("Status", get_args(Status), name="status", on_change=_first_page)
    return ExecutionFilter(
        workflow=None if workflow == ANY else workflow,
        site=None if site == ANY else site,
        statuses=frozenset(cast("tuple[Status, ...]", statuses)) or None,
    )


def _empty_list(where: ExecutionFilter) -> None:
    if where == ExecutionFilter():
        empty_state(
            "No executions yet",
            "Start a published workflow on the Run page, or from a terminal:",
            ("flowbuilder run NAME --site SITE",),
        )
    else:
        empty_state("No matching executions", "Change the workflow, site or status filter.")


def _cursors() -> list[str]:
    return cast("list[str]", st.session_state.setdefault(_CURSORS, []))


def _newer() -> None:
    if _cursors():
        _cursors().pop()


def _older(last_seen: str) -> None:
    _cursors().append(last_seen)


def _first_page() -> None:
    st.session_state[_CURSORS] = []


def _open(execution_id: str | None) -> None:
    st.query_params.pop("step", None)
    if execution_id is None:
        st.query_params.pop("id", None)
    else:
        st.query_params["id"] = execution_id
