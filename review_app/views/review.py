"""The review page: the queue on the left, the selected review on the right."""

from __future__ import annotations

import streamlit as st

from flowbuilder.app import App
from flowbuilder.errors import NotFound
from flowbuilder.model.review import Review
from flowbuilder.model.reviewers import assigned_to
from review_app import session
from review_app.markdown_escape import escaped
from review_app.widgets import chips, content, decision, editor, painted, presence, queue, undo
from review_app.widgets.page_frame import empty_state, heading, show, show_error

POLL_SECONDS = 5.0
"""Seconds between two checks for claims and decisions of other reviewers, and for new reviews."""


def view() -> None:
    """Draw the page; `?item=ID` in the URL selects the review."""
    app, me = session.flow_app(), session.person().name
    left, right = st.columns([0.29, 0.71], gap="medium")
    with left, st.container(key="fb-left", gap="small"):
        where = queue.filters(app, me)
        listed = queue.load(app, where)
        chosen = st.query_params.get("item") or (listed.page.reviews[0].id if listed.page.reviews else None)
        queue.draw(listed, chosen, me)
    held = undo.held_review(app, me)
    with right, st.container(key="fb-right"):
        undo.bar(app, held, me)
        if chosen is None:
            painted.guard(None, held)
            st.fragment(_watch, run_every=POLL_SECONDS)(app, None, me, [])
            _empty_queue(app, where.status == "open")
            return
        try:
            review = app.review(chosen)
        except NotFound as failure:
            show_error("Review not found", failure)
            st.button("Back to the queue", on_click=queue.choose, args=(None,), type="primary")
            return
        if st.query_params.get("item") != chosen:
            queue.choose(chosen)
        painted.guard(review, held)
        _draw(app, review, listed, me)


def _draw(app: App, review: Review, listed: queue.QueuePage, me: str) -> None:
    previous = listed.previous(review.id)
    seen = decision.Seen(review=review, listed=listed)
    title, turn = st.columns([0.78, 0.22], vertical_alignment="top", gap="small")
    with title:
        title_of = review.request.title or review.path
        heading(title_of, _facts(review, me), classes=painted.heading_classes(review))
    with turn, st.container(horizontal=True, horizontal_alignment="right", gap="xsmall", key="fb-turn"):
        st.button("Prev", key="prev", shortcut="K", disabled=previous is None, on_click=queue.choose, args=(previous,),
                  type="tertiary")  # fmt: skip
        st.button("Next", key="next", shortcut="J", disabled=not listed.has_next(review.id),
                  on_click=listed.choose_next, args=(review.id,), type="tertiary")  # fmt: skip
    draft = editor.draft_of(app, review, me)
    st.fragment(_watch, run_every=POLL_SECONDS)(app, review.id, me, [], editing=draft.editing)
    _changed(review, me)
    if review.status == "open":
        decision.actions(app, seen, draft, me)
    else:
        decision.outcome(review, draft, me)
    content.targets(review)
    content.findings(review)
    may_type = review.status == "open" or decision.decided_meanwhile(review, me)
    edited = editor.editor(review, draft) if may_type and draft.editing else None
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="fb-views"):
        view = content.view_switch()
        show(f'<span class="fb-summary">{content.change_summary(review, edited)}</span>')
        st.page_link(session.page("executions"), label="View execution →", query_params={"id": review.execution_id})
    approved = review.decision.approved if review.decision and review.decision.edited else None
    content.own_changes(review, edited)
    content.proposal(review, view, edited=edited if edited is not None else approved)


def _changed(review: Review, me: str) -> None:
    """Show a note when another reviewer has edited the proposal, also while the user had it open."""
    key = f"fb:hash:{review.id}"
    before, st.session_state[key] = st.session_state.get(key), review.content_hash
    if review.status != "open" or not review.amended_by or review.amended_by == me:
        return
    changed = " It changed while you had it open. Read it again." if before not in (None, review.content_hash) else ""
    show(
        f'<div class="fb-note"><b>{escaped(review.amended_by)}</b> edited and approved this. The proposal '
        f"below is their version.{escaped(changed)}</div>"
    )


def _watch(app: App, chosen: str | None, me: str, seen: list[object], *, editing: bool = False) -> None:
    """Draw who else has the review open, and redraw the page when the review, the queue or what can be undone has
    changed. `seen` holds the last state; empty at first."""
    try:
        version = app.review(chosen).version if chosen else 0
        if chosen:
            presence.heartbeat(app, chosen, me, editing=editing)
            show(presence.others(app, chosen, me))
    except NotFound:
        version = 0
    held = undo.held_review(app, me)
    now = (version, tuple(sorted(app.pending_counts().items())), held.id if held else None)
    if seen and seen[0] != now:
        st.rerun()
    seen[:] = [now]


def _facts(review: Review, me: str) -> str:
    request = review.request
    facts = [chips.chip(review.workflow, "blue", title="workflow")]
    if review.site:
        facts.append(chips.chip(review.site, title="site"))
    facts.append(chips.chip(review.path, title="step"))
    if request.round > 1:
        facts.append(chips.chip(f"Round {request.round}", "blue"))
    if request.assign.quorum > 1:
        facts.append(chips.chip(f"{len(review.approvals)} of {request.assign.quorum} approvals", "violet"))
    facts.append(chips.chip(f"Assigned to {assigned_to(request.assign)}", title="who can decide"))
    if review.status == "open":
        facts += [chips.deadline(review), chips.claim(review, me)]
    facts.append(f'<span class="fb-muted">Requested {chips.relative_time(review.created_at)}</span>')
    approvals = f'<div class="fb-muted">Approved by {escaped(", ".join(review.approvals))}</div>'
    return "".join(facts) + (approvals if review.approvals and review.status == "open" else "")


def _empty_queue(app: App, showing_open: bool) -> None:
    if app.pending_counts() and showing_open:
        empty_state("No matching reviews", "Change the workflow, site or search, or show all reviews.")
    elif showing_open:
        empty_state(
            "No reviews waiting",
            "Reviews appear here when an execution needs a decision. Start one on the Run page, or from a terminal:",
            ("flowbuilder run NAME --site SITE",),
        )
    else:
        empty_state("No decided reviews yet", "Decided reviews stay here, with the reviewer, the time and the comment.")
