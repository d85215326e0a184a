"""Who is asked the questions of the product itself: the people who approved what the question is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from flowbuilder.model.review import Assignment, Review, ReviewRequest
from flowbuilder.model.review_rules import content_hash
from flowbuilder.steps.step import Step
from flowbuilder.values import Json, NotJson, ensure_json


def inherited(question: ReviewRequest, step: Step, reviews: Iterable[Review]) -> ReviewRequest:
    """The question of a bound step ("send again?", "publish over it?") with the assignment of the review that approved
    what the step sends, of `reviews` of its execution. It takes no edit: no review has shown an edit to its reviewers.

    Of several such reviews, the strictest counts: the highest quorum, then one that excludes the author, then the
    latest. Without one, the site's reviewers are asked.
    """
    wanted = frozenset(found for value in (question.proposal, *_fields(step)) for found in _hashes(value))
    approving = [review for review in reviews if wanted.intersection(_approved(review))]
    assign = max(approving, key=_strictness).request.assign if approving else Assignment()
    return replace(question, assign=assign, may_edit=False)


def _approved(review: Review) -> Iterator[str]:
    decision = review.decision
    if decision is not None and decision.kind == "approved" and review.request.may_edit:
        yield from _hashes(decision.approved)


def _strictness(review: Review) -> tuple[int, bool, str]:
    assign = review.request.assign
    return assign.quorum, assign.not_author, review.id


def _fields(step: Step) -> Iterator[Json]:
    """The fields of a bound step that are plain JSON."""
    for name in type(step).model_fields:
        try:
            yield ensure_json(getattr(step, name))
        except NotJson:
            continue


def _hashes(value: Json) -> Iterator[str]:
    """The hashes of a value and of the texts, lists and objects in it that are not empty."""
    if not isinstance(value, str | list | dict) or not value:
        return
    yield content_hash(value)
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _hashes(inner)
