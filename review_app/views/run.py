"""The run page: start a published workflow for a site, with inputs."""

from __future__ import annotations

import streamlit as st

from flowbuilder.app import App
from flowbuilder.errors import FlowbuilderError
from flowbuilder.plan.nodes import Plan
from review_app import session
from review_app.markdown_escape import escaped
from review_app.widgets import chips, input_form, query_params
from review_app.widgets.page_frame import alert, empty_state, heading, show, show_error

NO_SITE = "none"


def view() -> None:
    """Draw the page; `?workflow=NAME` in the URL selects the workflow."""
    app = session.flow_app()
    published = [item for item in app.workflows() if item.published is not None]
    _, main, _ = st.columns([0.14, 0.72, 0.14])
    with main:
        heading(
            "Run a workflow",
            "Starts the published version. Versions published later do not change a running execution.",
        )
        if not published:
            empty_state(
                "No published workflows",
                "Only published workflows can be started. Push a definition and publish it:",
                ("flowbuilder push my-workflow.yaml && flowbuilder publish my-workflow",),
            )
            return
        titles = {item.name: item.title for item in published}
        sites = sorted(str(site.get("site", "")) for site in app.sites())
        choice, where = st.columns(2)
        with choice:
            labels = {name: f"{title} ({name})" if title not in ("", name) else name for name, title in titles.items()}
            name = query_params.select("Workflow", labels, name="workflow", default=next(iter(labels)), visible=True)
        with where:
            chosen = sites[0] if len(sites) == 1 else NO_SITE
            every = {NO_SITE: "No site", **{each: each for each in sites}}
            site = query_params.select("Site", every, name="site", default=chosen, visible=True)
        try:
            version = app.version(name)
            plan = app.plan(version)
        except FlowbuilderError as failure:
            show_error("This workflow cannot be started", failure)
            return
        show(
            f'<div class="fb-sub">{chips.chip(f"Version {version.number}", "green")}<code>{escaped(name)}</code></div>'
        )
        _form(app, plan, None if site == NO_SITE else site)


def _form(app: App, plan: Plan, site: str | None) -> None:
    with st.form(f"run-{plan.digest[:12]}", enter_to_submit=False):
        if not plan.input_schema.get("properties"):
            show('<div class="fb-muted">This workflow has no inputs.</div>')
        typed = input_form.form(plan.input_schema, plan.defaults, key=f"input:{plan.digest[:12]}")
        submitted = st.form_submit_button("Start", type="primary", key="start")
    if not submitted:
        return
    try:
        inputs = input_form.read(plan.input_schema, typed)
        execution_id = app.start(plan.name, inputs, site=site)
    except input_form.InvalidInput as wrong:
        alert(str(wrong))
    except FlowbuilderError as refused:
        show_error("Could not start the workflow", refused)
    else:
        st.session_state.setdefault("fb:toasts", []).append(f"Started {plan.name}")
        st.switch_page(session.page("executions"), query_params={"id": execution_id})
