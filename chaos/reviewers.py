"""Simulated reviewers, who decide in time, twice, late or at the moment of expiry, and an operator who resumes.

They see a review, take some time, and answer the version that they saw. The result of each decision is recorded.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from chaos.installation import Installation
from chaos.workloads import EXPIRES_SECONDS
from flowbuilder.errors import Conflict, FlowbuilderError, NotFound, Refused
from flowbuilder.model.review import DecisionKind, Review
from flowbuilder.model.review_rules import NO_EDIT, Answer
from flowbuilder.ports import ExecutionFilter

POLL_SECONDS = 0.25
MAX_PAUSE_SECONDS = 8.0
"""Seconds that an execution may be paused before the operator resumes it."""
RACE_SECONDS = 0.15
"""Seconds before or after the expiry within which a racing reviewer decides."""

DecisionResult = Literal["taken", "refused", "unknown"]


@dataclass(frozen=True, kw_only=True)
class DecisionAttempt:
    """One decision and its result: taken; refused, since another decision or the expiry came first; or unknown, after
    an error."""

    review_id: str
    execution_id: str
    by: str
    kind: DecisionKind
    at: float
    result: DecisionResult
    racing: bool = False


@dataclass(frozen=True, kw_only=True)
class PlannedDecision:
    """A decision that a reviewer will make after `after` seconds."""

    review: Review
    by: str
    kind: DecisionKind
    after: float
    racing: bool = False
    edited: Any = None


class SimulatedReviewers:
    """All reviewers and the operator, until the installation is closed."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._pool = ThreadPoolExecutor(16, thread_name_prefix="reviewer")
        self._seen: set[tuple[str, int]] = set()
        self.attempts: list[DecisionAttempt] = []
        self.resumed: list[str] = []
        self.thread = threading.Thread(target=self._run, name="reviewers", daemon=True)

    def _run(self) -> None:
        paused: dict[str, float] = {}
        while not self._installation.closed.wait(POLL_SECONDS):
            try:
                for review in self._installation.app.reviews(limit=200).reviews:
                    # a review is answered again after an error: the decision may have been lost
                    if (review.id, review.version) not in self._seen:
                        self._seen.add((review.id, review.version))
                        for planned in self._planned_decisions(review):
                            self._pool.submit(self._answer, planned)
                self._resume_paused(paused)
            except FlowbuilderError:
                continue
        self._pool.shutdown()

    def _planned_decisions(self, review: Review) -> Iterator[PlannedDecision]:
        """The decisions on a review: random, but the same for the same review in every run with this seed."""
        installation, question = self._installation, review.request.title
        rng = random.Random(f"{installation.options.seed} {question} {review.request.round}")
        if question.startswith("Send again?"):
            yield PlannedDecision(
                review=review, by="looks", kind=self._checked_at_target(review), after=rng.uniform(0.5, 1.5)
            )
            return
        soon = rng.uniform(0.2, 1.5)
        if installation.faults_over.is_set():
            yield PlannedDecision(review=review, by="late", kind="approved", after=0.1)
        elif review.expires_at is not None:
            draw = rng.random()
            if draw < 0.5:
                race = EXPIRES_SECONDS + rng.uniform(-RACE_SECONDS, RACE_SECONDS)
                left = review.created_at.timestamp() + race - time.time()
                yield PlannedDecision(review=review, by="racer", kind="approved", after=max(0.0, left), racing=True)
            elif draw < 0.7:
                yield PlannedDecision(review=review, by="ana", kind="approved", after=soon)
        elif review.workflow == "held" or rng.random() < 0.2:
            yield PlannedDecision(review=review, by="slow", kind="approved", after=rng.uniform(4.0, 9.0))
        elif review.workflow == "reviewed" and review.request.round == 1 and rng.random() < 0.2:
            yield PlannedDecision(review=review, by="ben", kind="changes_requested", after=soon)
        else:
            edited = f"{review.request.proposal}, edited" if rng.random() < 0.2 else None
            yield PlannedDecision(review=review, by="ana", kind="approved", after=soon, edited=edited)
            if rng.random() < 0.4:  # a second reviewer at once, and a third one later
                yield PlannedDecision(review=review, by="ben", kind="approved", after=soon)
                yield PlannedDecision(review=review, by="eve", kind="approved", after=soon + 1.0)

    def _checked_at_target(self, review: Review) -> DecisionKind:
        """Asked whether to repeat a call with an unknown outcome, a reviewer checks the target first."""
        proposal = review.request.proposal
        assert isinstance(proposal, dict)
        place = str(proposal["url"]).removeprefix(f"{self._installation.target.base}/")
        return "rejected" if self._installation.target.was_applied(place) else "approved"

    def _answer(self, planned: PlannedDecision) -> None:
        time.sleep(planned.after)
        review, result = planned.review, self._decide(planned)
        self.attempts.append(
            DecisionAttempt(
                review_id=review.id,
                execution_id=review.execution_id,
                by=planned.by,
                kind=planned.kind,
                at=time.time(),
                result=result,
                racing=planned.racing,
            )
        )
        if result == "unknown":  # the reviewer looks again
            self._seen.discard((review.id, review.version))

    def _decide(self, planned: PlannedDecision) -> DecisionResult:
        review = planned.review
        try:
            self._installation.app.decide(
                review.id,
                Answer.to(
                    review,
                    kind=planned.kind,
                    by=planned.by,
                    comment="" if planned.kind == "approved" else "looked at it",
                    edited=NO_EDIT if planned.edited is None else planned.edited,
                ),
            )
        except (Conflict, Refused, NotFound):
            return "refused"
        except Exception:
            return "unknown"
        return "taken"

    def _resume_paused(self, paused: dict[str, float]) -> None:
        """Resume executions that have been paused for a while, by a fault or by quarantine."""
        found = self._installation.store.executions(ExecutionFilter(statuses=frozenset({"paused"})), limit=200)
        now = time.monotonic()
        limit = 1.0 if self._installation.faults_over.is_set() else MAX_PAUSE_SECONDS
        for execution in found:
            if now - paused.setdefault(execution.id, now) > limit:
                del paused[execution.id]
                self._installation.app.resume(execution.id, by="operator")
                self.resumed.append(execution.id)
