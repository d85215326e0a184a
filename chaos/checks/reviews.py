"""Checks of reviews: decisions and what waits for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from chaos.evidence import Evidence
from chaos.reviewers import DecisionAttempt


def decisions_stand(evidence: Evidence) -> Iterator[str]:
    """A decision that the store accepted is the only one of its review; one that it refused is not recorded.

    Also when two reviewers decided at once, or one decided at the moment of expiry.
    """
    by_review: dict[str, list[DecisionAttempt]] = defaultdict(list)
    for attempt in evidence.decision_attempts:
        by_review[attempt.review_id].append(attempt)
    reviews = {review.id: review for trace in evidence.traces for review in trace.reviews}
    for review_id, attempts in by_review.items():
        taken = [attempt for attempt in attempts if attempt.result == "taken"]
        review = reviews.get(review_id)
        if review is None:
            yield f"review {review_id} was decided and does not exist"
            continue
        decision, where = review.decision, f"{review.execution_id} {review.path}"
        if len(taken) > 1:
            yield f"{where}: {len(taken)} reviewers were told that their decision was taken"
        if taken and (decision is None or (decision.by, decision.kind) != (taken[0].by, taken[0].kind)):
            yield f"{where}: {taken[0].by} was told that it is {taken[0].kind}, and it is {decision}"
        maybe = {attempt.by for attempt in attempts if attempt.result != "refused"}
        if decision is not None and decision.by in {attempt.by for attempt in attempts} - maybe:
            yield f"{where}: {decision.by} was refused, and the decision is theirs"


AFTER = {"reviewed": "published", "deadline": "put", "held": "published", "calling": "put"}
"""The step that waits for the review, by workflow."""


def reviews_hold(evidence: Evidence) -> Iterator[str]:
    """No step after a review starts without a decision.

    Also after a resume in Prefect's UI, the publishing step starts only after the decision.
    """
    for trace in evidence.traces:
        waiting = AFTER.get(trace.execution.workflow)
        decided = [event.seq for event in trace.of("review_decided", "review_expired")]
        for event in trace.of("step_started", path=waiting) if waiting else ():
            if not any(seq < event.seq for seq in decided):
                yield f"{trace.execution.id} {event.path} started before a decision"
