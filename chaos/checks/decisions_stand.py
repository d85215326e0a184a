"""A decision that was taken stands, alone; one that was refused does not.

Also where two people answered at once, or one answered in the moment in which the time was over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from chaos.evidence import Evidence
from chaos.reviewers import DecisionAttempt


def check(evidence: Evidence) -> Iterator[str]:
    """What people were told, against our record."""
    told: dict[str, list[DecisionAttempt]] = defaultdict(list)
    for answer in evidence.answers:
        told[answer.review_id].append(answer)
    reviews = {review.id: review for trace in evidence.traces for review in trace.reviews}
    for review_id, answers in told.items():
        taken = [answer for answer in answers if answer.told == "taken"]
        review = reviews.get(review_id)
        if review is None:
            yield f"review {review_id} was answered and is not there"
            continue
        decision, where = review.decision, f"{review.execution_id} {review.path}"
        if len(taken) > 1:
            yield f"{where}: {len(taken)} people were told that their decision was taken"
        if taken and (decision is None or (decision.by, decision.kind) != (taken[0].by, taken[0].kind)):
            yield f"{where}: {taken[0].by} was told that it is {taken[0].kind}, and it is {decision}"
        maybe = {answer.by for answer in answers if answer.told != "refused"}
        if decision is not None and decision.by in {answer.by for answer in answers} - maybe:
            yield f"{where}: {decision.by} was refused, and the decision is theirs"
