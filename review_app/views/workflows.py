"""The workflows page: versions with their graph, plan, source, changes and diagnostics (`?name=NAME` in the URL)."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import unified_diff

import streamlit as st

from flowbuilder.app import App
from flowbuilder.definition.serialize import document_text
from flowbuilder.diagnostics import Diagnostic, render
from flowbuilder.errors import DefinitionError, FlowbuilderError
from flowbuilder.model.execution import WorkflowSummary, WorkflowVersion
from flowbuilder.model.invisible_characters import visible
from review_app import session
from review_app.markdown_escape import escaped
from review_app.widgets import chips
from review_app.widgets.graph import mermaid
from review_app.widgets.page_frame import empty_state, heading, row, show, show_error


def view() -> None:
    """Draw the page."""
    app = session.flow_app()
    found = app.workflows(include_archived=True)
    if not found:
        heading("Workflows")
        empty_state(
            "No workflows yet",
            "Write a definition, push it as a draft and publish it. Or try the demo:",
            ("flowbuilder push my-workflow.yaml && flowbuilder publish my-workflow", "flowbuilder demo"),
        )
        return
    chosen = st.query_params.get("name")
    if chosen not in {item.name for item in found}:
        chosen = found[0].name
    left, right = st.columns([0.27, 0.73], gap="medium")
    with left:
        heading("Workflows")
        with st.container(key="fb-workflows", gap=None):
            for item in found:
                row(item.name, _card(item), name=f"Open {item.name}", selected=item.name == chosen, on_click=_choose,
                    args=(item.name,))  # fmt: skip
    with right:
        _workflow(app, chosen)


def _choose(name: str) -> None:
    st.query_params["name"] = name
    st.session_state.pop("fb:version", None)


def _card(item: WorkflowSummary) -> str:
    states = []
    if item.archived:
        states.append(chips.status("archived"))
    if item.published is not None:
        states.append(chips.chip(f"Published v{item.published}", "green"))
    if item.draft is not None:
        states.append(chips.chip(f"Draft v{item.draft}", "violet"))
    return (
        f'<div class="fb-card"><div class="fb-card-title">{escaped(item.title or item.name)}</div>'
        f'<div class="fb-card-facts"><code>{escaped(item.name)}</code>{chips.relative_time(item.updated_at)}</div>'
        f'<div class="fb-card-marks">{"".join(states)}</div></div>'
    )


def _workflow(app: App, name: str) -> None:
    versions = app.versions(name)
    current = next((item.number for item in versions if item.status == "published"), versions[0].number)
    title, choice = st.columns([0.66, 0.34], vertical_alignment="top")
    with choice:
        numbers = [item.number for item in versions]
        status = {item.number: item.status for item in versions}
        number = st.selectbox(
            "Version", numbers, index=numbers.index(current), key=f"fb:version:{name}", label_visibility="collapsed",
            format_func=lambda number: f"Version {number} · {status[number]}",
        )  # fmt: skip
    version = next(item for item in versions if item.number == number)
    with title:
        heading(version.title or name, _facts(version))
    if version.status == "published":
        st.page_link(session.page("run"), label="Run →", query_params={"workflow": name})
    _, report = app.validate(version.source or version.document)
    tab = f"Diagnostics ({len(report)})" if report else "Diagnostics"
    graph, plan, source, changes, diagnostics = st.tabs(["Graph", "Plan", "Source", "Changes", tab])
    try:
        compiled = app.plan(version)
    except (FlowbuilderError, DefinitionError) as failure:
        with graph:
            show_error("This version no longer compiles", failure)
    else:
        with graph:
            st.mermaid_chart(mermaid(compiled), alt=f"Steps of {name}")
        with plan:
            st.code(visible(str(compiled)), language=None)
    with source:
        st.code(visible(document_text(version)), language="yaml", line_numbers=True)
    with changes:
        _changes(versions, version)
    with diagnostics:
        if not report:
            show('<div class="fb-quiet">No problems found.</div>')
        for item in report:
            _diagnostic(item)
        if report:
            with st.expander("Terminal output"):
                st.code(visible(render(report, source=version.source or None, file=f"{name}.yaml")), language=None)


def _changes(versions: Sequence[WorkflowVersion], version: WorkflowVersion) -> None:
    """Draw the diff to another version: by default, the one before."""
    others = [item.number for item in versions if item.number != version.number]
    if not others:
        show('<div class="fb-quiet">This is the only version.</div>')
        return
    earlier = [number for number in others if number < version.number]
    chosen = st.selectbox(
        "Compare with", others, index=others.index(max(earlier)) if earlier else 0, width=260,
        key=f"fb:against:{version.workflow}:{version.number}", format_func=lambda number: f"Version {number}",
    )  # fmt: skip
    other = next(item for item in versions if item.number == chosen)
    lines = list(
        unified_diff(document_text(other).splitlines(), document_text(version).splitlines(), lineterm="", n=4)
    )[2:]
    if lines:
        st.code(visible("\n".join(lines)), language="diff")
    else:
        show('<div class="fb-quiet">No text changes. Versions of called workflows may differ.</div>')


def _diagnostic(item: Diagnostic) -> None:
    tone = "red" if item.severity == "error" else "amber"
    place = f"line {item.span.line}, column {item.span.column} · " if item.span else ""
    hints = "".join(f'<div class="fb-evidence">{escaped(text)}</div>' for text in (*item.notes, item.hint) if text)
    show(
        f'<div class="fb-finding">{chips.chip(item.severity, tone)}<b>{escaped(item.code)}</b> {escaped(item.message)}'
        f'<div class="fb-muted">{escaped(place + (item.pointer or "/"))}</div>{hints}</div>'
    )


def _facts(version: WorkflowVersion) -> str:
    facts = [f"<code>{escaped(version.workflow)}</code>", chips.status(version.status)]
    by = f" by {version.author}" if version.author else ""
    facts.append(f'<span class="fb-muted">Created {chips.relative_time(version.created_at)}{escaped(by)}</span>')
    facts.append(f'<span class="fb-muted fb-id" title="digest">{escaped(version.digest[:12])}</span>')
    return "".join(facts)
