"""The content of a review: findings, and the proposal compared with the current content."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, cast

from flowbuilder.model.invisible_characters import hidden_characters
from flowbuilder.model.review import Review
from flowbuilder.values import Json, JsonObject
from review_app import diff_html
from review_app.diff import Comparison, compare
from review_app.fields import Field, as_text, fields, is_structured
from review_app.markdown_escape import escaped
from review_app.widgets import chips, query_params
from review_app.widgets.page_frame import section, show

View = Literal["side", "inline", "new"]
VIEWS = {"side": "Side by side", "inline": "Inline", "new": "Proposed only"}
CACHE_SIZE = 64
"""Comparisons in the cache: reviewers move back and forth between a few reviews and views."""
_TONES = {"error": "red", "high": "red", "critical": "red", "warning": "amber", "medium": "amber", "ok": "green"}


def view_switch() -> View:
    """Draw the choice of views; it stays when the user moves to another review."""
    return cast(View, query_params.segmented("View", VIEWS, name="view", default="side"))


def targets(review: Review) -> None:
    """Draw the URLs to which the approved content is published."""
    if review.request.targets:
        urls = "".join(f"<li>{escaped(url)}</li>" for url in review.request.targets)
        show(f'<div class="fb-targets"><span>Publishes to</span><ul>{urls}</ul></div>')


def findings(review: Review) -> None:
    """Draw the findings of the checks before this review."""
    if review.request.findings:
        items = "".join(map(_finding, review.request.findings))
        show(f'<div class="fb-findings">{items}</div>')


def proposal(review: Review, view: View, *, edited: Json = None) -> None:
    """Draw the proposal, or the user's edit of it."""
    shown = review.request.proposal if edited is None else edited
    base = review.request.base
    new_name = "Proposed" if edited is None else "Your edit"
    if base is None and shown is None:
        show('<div class="fb-muted">This review has no content to compare. Approve or reject it.</div>')
        return
    show(_hidden(base, shown))
    parts = fields(base, shown) if is_structured(shown) else (fields("" if base is None else as_text(base), shown))
    if is_structured(shown) and isinstance(base, str):
        section("Current")
        show(_drawn(base, base, "new", new_name))
        section(new_name)
        parts = fields(None, shown)
    for part in parts:
        if part.name:
            show(_field_head(part))
        alone = "new" if not part.old or base is None else view
        if part.state == "removed":
            show(_drawn(part.old, "", "inline", new_name))
        elif part.state != "same" or not part.name:
            show(_drawn(part.old, part.new, alone, new_name))
        else:
            show(_drawn(part.new, part.new, "new", new_name))


def own_changes(review: Review, edited: Json) -> None:
    """Draw the changes of the user's edit to the proposal; nothing without an edit."""
    old, new = as_text(review.request.proposal), as_text(edited)
    if edited is None or old == new:
        return
    section("Your changes", f'<span class="fb-summary">{_summed(old, new)}</span>')
    show(_drawn(old, new, "inline", "Your edit"))
    section("Full text" if review.request.base is None else "Compared with the current text")


def change_summary(review: Review, edited: Json = None) -> str:
    """The size of the change, by the proposal or the user's edit, as HTML; empty without a base to compare with."""
    shown = review.request.proposal if edited is None else edited
    if review.request.base is None or shown is None:
        return ""
    return _summed(as_text(review.request.base), as_text(shown))


@lru_cache(maxsize=CACHE_SIZE)
def _drawn(old: str, new: str, view: View, new_name: str) -> str:
    if view == "new":
        return diff_html.plain_text(new)
    comparison = _compared(old, new)
    return diff_html.inline(comparison) if view == "inline" else diff_html.side_by_side(comparison, new=new_name)


def _summed(old: str, new: str) -> str:
    return diff_html.summary(_compared(old, new))


@lru_cache(maxsize=CACHE_SIZE)
def _compared(old: str, new: str) -> Comparison:
    return compare(old, new)


def _field_head(part: Field) -> str:
    tone = {"changed": "blue", "added": "green", "removed": "red", "same": "grey"}[part.state]
    word = "Unchanged" if part.state == "same" else part.state.capitalize()
    return f'<div class="fb-field"><code>{escaped(part.name)}</code>{chips.chip(word, tone)}</div>'


def _hidden(base: Json, shown: Json) -> str:
    count = sum(1 for _ in hidden_characters(as_text(shown)))
    if not count:
        return ""
    noun = "character" if count == 1 else "characters"
    known = " (the current text has some too)" if any(hidden_characters(as_text(base))) else ""
    return (
        f'<div class="fb-warning"><b>{count:,} invisible {noun}</b> in this text{escaped(known)}, '
        f"shown as codes such as {escaped('⟨U+200B⟩')}.</div>"
    )


def _finding(finding: JsonObject) -> str:
    severity = str(finding.get("severity", "note"))
    rest = {key: value for key, value in finding.items() if key not in ("rule", "severity", "place", "evidence")}
    details = [as_text(finding[key]) for key in ("evidence", "message") if finding.get(key)]
    rest.pop("message", None)
    details += [f"{key}: {as_text(value)}" for key, value in rest.items()]
    place = f'<span class="fb-muted">{escaped(as_text(finding["place"]))}</span>' if finding.get("place") else ""
    return (
        f'<div class="fb-finding">{chips.chip(severity, _TONES.get(severity, "grey"))}'
        f"<b>{escaped(finding.get('rule', 'finding'))}</b>{place}"
        f'<div class="fb-evidence">{escaped(" · ".join(details))}</div></div>'
    )
