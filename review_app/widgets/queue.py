"""The review queue: filters in the URL, counts, and pages by cursor, which stay stable while reviews are added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import streamlit as st

from flowbuilder.app import App
from flowbuilder.errors import Refused
from flowbuilder.model.review import Review, ReviewPage
from flowbuilder.ports import ReviewFilter
from review_app.markdown_escape import escaped
from review_app.widgets import chips, query_params
from review_app.widgets.page_frame import row, show

PAGE_SIZE = 20
MAX_TITLE_LENGTH = 200
"""The most characters of a title on a card."""
_CURSORS = "fb:queue-cursors"
ANY = "any"
_SCOPES = {"everyone": "All", "mine": "Mine"}
_STATES = {"open": "Open", "decided": "Decided"}


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuePage:
    """One page of the queue, and its filter."""

    page: ReviewPage
    where: ReviewFilter

    def previous(self, review_id: str) -> str | None:
        """The id of the review before this one on this page, if any."""
        at = self._index(review_id)
        return self.page.reviews[at - 1].id if at is not None and at > 0 else None

    def following(self, review_id: str) -> str | None:
        """The id of the review after this one on this page, if any. For a review on another page, the first one."""
        at = self._index(review_id)
        rest = self.page.reviews if at is None else self.page.reviews[at + 1 :]
        return rest[0].id if rest else None

    def has_next(self, review_id: str) -> bool:
        """Whether a review follows, on this page or the next."""
        return self.following(review_id) is not None or bool(self.page.next)

    def choose_next(self, review_id: str) -> None:
        """Select the next review, on the next page if this one ends; without one, the previous review."""
        following = self.following(review_id)
        if following is None and self.page.next:
            _next_page(self.page.next)
        else:
            choose(following or self.previous(review_id))

    def _index(self, review_id: str) -> int | None:
        return next((at for at, review in enumerate(self.page.reviews) if review.id == review_id), None)


def filters(app: App, me: str) -> ReviewFilter:
    """Draw the filters; returns the chosen filter."""
    counts = app.pending_counts()
    names = sorted({*counts, *(item.name for item in app.workflows())})
    sites = sorted(str(site.get("site", "")) for site in app.sites())
    total = f"All workflows ({sum(counts.values()):,})"
    workflow = query_params.select(
        "Workflow", {ANY: total, **{name: f"{name} ({counts.get(name, 0):,})" for name in names}},
        name="workflow", default=ANY, on_change=_first_page,
    )  # fmt: skip
    with st.container(horizontal=True, gap="small", key="fb-filters"):
        scope = query_params.segmented("Whose", _SCOPES, name="whose", default="everyone", on_change=_first_page)
        state = query_params.segmented("State", _STATES, name="state", default="open", on_change=_first_page)
    with st.container(horizontal=True, gap="small", key="fb-search"):
        text = st.text_input(
            "Search", key="search", bind="query-params", placeholder="Search titles", icon=":material/search:",
            label_visibility="collapsed", on_change=_first_page,
        )  # fmt: skip
        site = ANY
        if sites:
            every = {ANY: "All sites", **{name: name for name in sites}}
            site = query_params.select("Site", every, name="site", default=ANY, on_change=_first_page)
    return ReviewFilter(
        workflow=None if workflow == ANY else workflow,
        site=None if site == ANY else site,
        status="decided" if state == "decided" else "open",
        assignee=me if scope == "mine" else None,
        text=(text or "").strip() or None,
    )


def load(app: App, where: ReviewFilter) -> QueuePage:
    """Load the current page; the first page when the cursor is no longer valid."""
    cursors = _cursors()
    try:
        page = app.reviews(where, limit=PAGE_SIZE, cursor=cursors[-1] if cursors else None)
    except Refused:
        _first_page()
        page = app.reviews(where, limit=PAGE_SIZE)
    if cursors and not page.reviews:
        _previous_page()
        return load(app, where)
    return QueuePage(page=page, where=where)


def draw(queue: QueuePage, chosen: str | None, me: str) -> None:
    """Draw the list, and the buttons for other pages."""
    with st.container(key="fb-queue", gap=None):
        for review in queue.page.reviews:
            row(
                review.id,
                _card(review, me),
                name=f"Open {review.request.title}",
                selected=review.id == chosen,
                on_click=choose,
                args=(review.id,),
            )
    cursors = _cursors()
    if cursors or queue.page.next:
        with st.container(horizontal=True, gap="small", horizontal_alignment="distribute",
                          vertical_alignment="center", key="fb-pages"):  # fmt: skip
            st.button("← Previous page", key="back", on_click=_previous_page, disabled=not cursors, type="tertiary")
            show(f'<span class="fb-muted">Page {len(cursors) + 1}</span>')
            st.button(
                "Next page →", key="more", on_click=_next_page, args=(queue.page.next,), disabled=not queue.page.next,
                type="tertiary",
            )  # fmt: skip


def choose(review_id: str | None) -> None:
    """Select a review in the URL; None removes the selection."""
    if review_id is None:
        st.query_params.pop("item", None)
    else:
        st.query_params["item"] = review_id


def _card(review: Review, me: str) -> str:
    decided = review.decision
    end = chips.status(decided.kind) if decided else chips.deadline(review)
    facts = " · ".join(part for part in (review.workflow, review.site or "") if part)
    title = (review.request.title or review.path)[:MAX_TITLE_LENGTH]
    return (
        f'<div class="fb-card"><div class="fb-card-title">{escaped(title)}</div>'
        f'<div class="fb-card-facts"><span>{escaped(facts)}</span>{chips.relative_time(review.created_at)}</div>'
        f'<div class="fb-card-marks">{end}{"" if decided else chips.claim(review, me)}{_round(review)}</div></div>'
    )


def _round(review: Review) -> str:
    return chips.chip(f"Round {review.request.round}", "blue") if review.request.round > 1 else ""


def _cursors() -> list[str]:
    return cast("list[str]", st.session_state.setdefault(_CURSORS, []))


def _next_page(cursor: str) -> None:
    _cursors().append(cursor)
    choose(None)


def _previous_page() -> None:
    if _cursors():
        _cursors().pop()
    choose(None)


def _first_page() -> None:
    st.session_state[_CURSORS] = []
    choose(None)
