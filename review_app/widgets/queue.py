"""The queue beside a review: filters that live in the address, counts, and pages that stay put while work comes in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import streamlit as st

from flowbuilder.app import App
from flowbuilder.errors import Refused
from flowbuilder.model.review import Review, ReviewPage
from flowbuilder.ports import ReviewFilter
from review_app.markdown_escape import escaped
from review_app.widgets import address, chips
from review_app.widgets.page_frame import show
from review_app.widgets.rows import row

PAGE_SIZE = 20
TITLE = 200
"""Characters of a title that a card shows at most."""
_TRAIL = "fb:trail"
ANY = "any"
_SCOPES = {"everyone": "Everyone’s", "mine": "Mine"}
_STATES = {"open": "Open", "decided": "Decided"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """One page of the queue under the filters chosen."""

    page: ReviewPage
    where: ReviewFilter

    def before(self, review_id: str) -> str | None:
        """The id of the review before this one on this page, if any."""
        at = self._place(review_id)
        return self.page.reviews[at - 1].id if at is not None and at > 0 else None

    def after(self, review_id: str) -> str | None:
        """The id of the review after this one on this page, if any; outside of it the first comes next."""
        at = self._place(review_id)
        rest = self.page.reviews if at is None else self.page.reviews[at + 1 :]
        return rest[0].id if rest else None

    def goes_on(self, review_id: str) -> bool:
        """Whether anything comes after this review, here or on the next page."""
        return self.after(review_id) is not None or bool(self.page.next)

    def go_on(self, review_id: str) -> None:
        """Choose what comes after this review, on the next page where this one ends, else what comes before it."""
        after = self.after(review_id)
        if after is None and self.page.next:
            _further(self.page.next)
        else:
            choose(after or self.before(review_id))

    def _place(self, review_id: str) -> int | None:
        return next((at for at, review in enumerate(self.page.reviews) if review.id == review_id), None)


def filters(app: App, me: str) -> ReviewFilter:
    """Draw the filters; they are part of the address, so that a view can be sent to someone."""
    counts = app.pending_counts()
    names = sorted({*counts, *(item.name for item in app.workflows())})
    sites = sorted(str(site.get("site", "")) for site in app.sites())
    total = f"All workflows ({sum(counts.values()):,})"
    workflow = address.select(
        "Workflow", {ANY: total, **{name: f"{name} ({counts.get(name, 0):,})" for name in names}},
        name="workflow", default=ANY, on_change=_restart,
    )  # fmt: skip
    with st.container(horizontal=True, gap="small", key="fb-filters"):
        scope = address.switch("Whose", _SCOPES, name="whose", default="everyone", on_change=_restart)
        state = address.switch("State", _STATES, name="state", default="open", on_change=_restart)
    with st.container(horizontal=True, gap="small", key="fb-search"):
        text = st.text_input(
            "Search", key="search", bind="query-params", placeholder="Search titles", icon=":material/search:",
            label_visibility="collapsed", on_change=_restart,
        )  # fmt: skip
        site = ANY
        if sites:
            every = {ANY: "All sites", **{name: name for name in sites}}
            site = address.select("Site", every, name="site", default=ANY, on_change=_restart)
    return ReviewFilter(
        workflow=None if workflow == ANY else workflow,
        site=None if site == ANY else site,
        status="decided" if state == "decided" else "open",
        assignee=me if scope == "mine" else None,
        text=(text or "").strip() or None,
    )


def load(app: App, where: ReviewFilter) -> Queue:
    """The page that the person is on; the first one when its cursor no longer works."""
    trail = _trail()
    try:
        page = app.reviews(where, limit=PAGE_SIZE, cursor=trail[-1] if trail else None)
    except Refused:
        _restart()
        page = app.reviews(where, limit=PAGE_SIZE)
    if trail and not page.reviews:
        _back()
        return load(app, where)
    return Queue(page=page, where=where)


def draw(queue: Queue, chosen: str | None, me: str) -> None:
    """Draw the list with what leads to its neighbours."""
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
    trail = _trail()
    if trail or queue.page.next:
        with st.container(horizontal=True, gap="small", horizontal_alignment="distribute",
                          vertical_alignment="center", key="fb-pages"):  # fmt: skip
            st.button("← Back", key="back", on_click=_back, disabled=not trail, type="tertiary")
            show(f'<span class="fb-muted">page {len(trail) + 1}</span>')
            st.button(
                "More →", key="more", on_click=_further, args=(queue.page.next,), disabled=not queue.page.next,
                type="tertiary",
            )  # fmt: skip


def choose(review_id: str | None) -> None:
    """Make a review the one that the address names."""
    if review_id is None:
        st.query_params.pop("item", None)
    else:
        st.query_params["item"] = review_id


def _card(review: Review, me: str) -> str:
    decided = review.decision
    end = chips.status(decided.kind) if decided else chips.deadline(review)
    facts = " · ".join(part for part in (review.workflow, review.site or "") if part)
    title = (review.request.title or review.path)[:TITLE]
    return (
        f'<div class="fb-card"><div class="fb-card-title">{escaped(title)}</div>'
        f'<div class="fb-card-facts"><span>{escaped(facts)}</span>{chips.moment(review.created_at)}</div>'
        f'<div class="fb-card-marks">{end}{"" if decided else chips.claim(review, me)}{_round(review)}</div></div>'
    )


def _round(review: Review) -> str:
    return chips.chip(f"round {review.request.round}", "blue") if review.request.round > 1 else ""


def _trail() -> list[str]:
    return cast("list[str]", st.session_state.setdefault(_TRAIL, []))


def _further(cursor: str) -> None:
    _trail().append(cursor)
    choose(None)


def _back() -> None:
    if _trail():
        _trail().pop()
    choose(None)


def _restart() -> None:
    st.session_state[_TRAIL] = []
    choose(None)
