"""The people: reviewers who decide, twice at once, too late or in the last moment, and an operator who resumes.

They do as people do: see a question, take their time, answer what they saw. What they were told is kept.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from chaos.installation import World
from chaos.workloads import EXPIRES_SECONDS
from flowbuilder.errors import Conflict, FlowbuilderError, NotFound, Refused
from flowbuilder.model.review import DecisionKind, Review
from flowbuilder.model.review_rules import NO_EDIT, Answer
from flowbuilder.ports import ExecutionFilter

LOOK_SECONDS = 0.25
PATIENCE_SECONDS = 8.0
"""For how long an execution may be paused before the operator lets it go on."""
RACE_SECONDS = 0.15
"""How near to its end a review is decided by those who race it."""

Told = Literal["taken", "refused", "unknown"]


@dataclass(frozen=True, kw_only=True)
class DecisionAttempt:
    """One decision of a person, and what they were told: that it was taken, that it was refused (somebody or the time
    was faster), or an error after which nobody knows."""

    review_id: str
    execution_id: str
    by: str
    kind: DecisionKind
    at: float
    told: Told
    racing: bool = False


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A decision that a person is about to make."""

    review: Review
    by: str
    kind: DecisionKind
    after: float
    racing: bool = False
    edited: Any = None


class SimulatedReviewers:
    """Everybody who answers questions, until the world is closed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._pool = ThreadPoolExecutor(16, thread_name_prefix="person")
        self._seen: set[tuple[str, int]] = set()
        self.answers: list[DecisionAttempt] = []
        self.resumed: list[str] = []
        self.thread = threading.Thread(target=self._run, name="people", daemon=True)

    def _run(self) -> None:
        paused: dict[str, float] = {}
        while not self._world.closed.wait(LOOK_SECONDS):
            try:
                for review in self._world.app.reviews(limit=200).reviews:
                    # asked again after a while: what was decided may have been lost with the database
                    if (review.id, review.version) not in self._seen:
                        self._seen.add((review.id, review.version))
                        for wanted in self._answers_to(review):
                            self._pool.submit(self._answer, wanted)
                self._let_go_on(paused)
            except FlowbuilderError:
                continue
        self._pool.shutdown()

    def _answers_to(self, review: Review) -> Iterator[Wanted]:
        """What people do about a question: by chance, but the same for the same question in every run."""
        world, question = self._world, review.request.title
        chance = random.Random(f"{world.options.seed} {question} {review.request.round}")
        if question.startswith("Send again?"):
            yield Wanted(review=review, by="looks", kind=self._looked(review), after=chance.uniform(0.5, 1.5))
            return
        soon = chance.uniform(0.2, 1.5)
        if world.over.is_set():
            yield Wanted(review=review, by="late", kind="approved", after=0.1)
        elif review.expires_at is not None:
            mood = chance.random()
            if mood < 0.5:
                race = EXPIRES_SECONDS + chance.uniform(-RACE_SECONDS, RACE_SECONDS)
                left = review.created_at.timestamp() + race - time.time()
                yield Wanted(review=review, by="racer", kind="approved", after=max(0.0, left), racing=True)
            elif mood < 0.7:
                yield Wanted(review=review, by="ana", kind="approved", after=soon)
        elif review.workflow == "held" or chance.random() < 0.2:
            yield Wanted(review=review, by="slow", kind="approved", after=chance.uniform(4.0, 9.0))
        elif review.workflow == "reviewed" and review.request.round == 1 and chance.random() < 0.2:
            yield Wanted(review=review, by="ben", kind="changes_requested", after=soon)
        else:
            edited = f"{review.request.proposal}, edited" if chance.random() < 0.2 else None
            yield Wanted(review=review, by="ana", kind="approved", after=soon, edited=edited)
            if chance.random() < 0.4:  # the same tab in two windows, and one that was forgotten
                yield Wanted(review=review, by="ben", kind="approved", after=soon)
                yield Wanted(review=review, by="eve", kind="approved", after=soon + 1.0)

    def _looked(self, review: Review) -> DecisionKind:
        """Asked whether a call was made of which nobody knows, a person looks at the target first."""
        proposal = review.request.proposal
        assert isinstance(proposal, dict)
        place = str(proposal["url"]).removeprefix(f"{self._world.target.base}/")
        return "rejected" if self._world.target.was_done(place) else "approved"

    def _answer(self, wanted: Wanted) -> None:
        time.sleep(wanted.after)
        review, told = wanted.review, self._decide(wanted)
        self.answers.append(
            DecisionAttempt(
                review_id=review.id,
                execution_id=review.execution_id,
                by=wanted.by,
                kind=wanted.kind,
                at=time.time(),
                told=told,
                racing=wanted.racing,
            )
        )
        if told == "unknown":  # a person would look again
            self._seen.discard((review.id, review.version))

    def _decide(self, wanted: Wanted) -> Told:
        review = wanted.review
        try:
            self._world.app.decide(
                review.id,
                Answer.to(
                    review,
                    kind=wanted.kind,
                    by=wanted.by,
                    comment="" if wanted.kind == "approved" else "looked at it",
                    edited=NO_EDIT if wanted.edited is None else wanted.edited,
                ),
            )
        except (Conflict, Refused, NotFound):
            return "refused"
        except Exception:
            return "unknown"
        return "taken"

    def _let_go_on(self, paused: dict[str, float]) -> None:
        """Resume what has been paused for a while: somebody forgot it, or it was set aside as poisonous."""
        found = self._world.store.executions(ExecutionFilter(statuses=frozenset({"paused"})), limit=200)
        now = time.monotonic()
        patience = 1.0 if self._world.over.is_set() else PATIENCE_SECONDS
        for execution in found:
            if now - paused.setdefault(execution.id, now) > patience:
                del paused[execution.id]
                self._world.app.resume(execution.id, by="operator")
                self.resumed.append(execution.id)
