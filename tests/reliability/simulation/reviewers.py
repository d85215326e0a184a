"""The people of a simulation: they start executions, decide reviews in all ways that people do, pause and cancel."""

from __future__ import annotations

import asyncio
from typing import Any

from flowbuilder.errors import Conflict, Refused
from flowbuilder.model.execution import TERMINAL
from flowbuilder.model.review import Review
from flowbuilder.model.review_rules import Answer
from flowbuilder.model.step_path import StepPath
from flowbuilder.ports import ReviewFilter
from tests.support.crash_workflows import SITE

ANA, BEN = "ana@example.com", "ben@example.com"


class SimulatedReviewers:
    """`lazy` ones let some reviews be until they expire."""

    def __init__(self, installation: Any) -> None:
        self._installation = installation
        self.lazy = True
        self.started: set[str] = set()
        self.cancelled: set[str] = set()
        self._left: set[str] = set()

    async def start(self) -> None:
        """Start the executions, one after the other."""
        installation = self._installation
        for run in installation.runs:
            await asyncio.sleep(installation.dice.uniform(0, 300))
            self._start(run)

    async def start_the_rest(self) -> None:
        for run in self._installation.runs:
            self._start(run)

    def _start(self, run: str) -> None:
        if run not in self.started:
            self.started.add(run)
            workflow = self._installation.runs[run]
            self._installation.app.start(workflow, {"tag": run}, site=str(SITE["site"]))

    async def work(self) -> None:
        """Look at the queue now and then, and do something about what is there."""
        installation = self._installation
        while True:
            await asyncio.sleep(installation.dice.uniform(5, 60))
            for review in self.open_reviews():
                if self.lazy and (review.id in self._left or installation.dice.random() < 0.3):
                    continue
                await self._look_at(review)
            await self._wish()

    def open_reviews(self) -> list[Review]:
        found = self._installation.store.reviews(ReviewFilter(), limit=200).reviews
        return sorted(found, key=lambda review: (review.execution_id, review.path))

    async def _look_at(self, review: Review) -> None:
        installation, dice = self._installation, self._installation.dice
        answer = self._answer(review)
        if answer is None:
            return
        if review.expires_at is not None and self.lazy:
            if dice.random() < 0.4:
                self._left.add(review.id)
                return
            left = (review.expires_at - installation.clock.now()).total_seconds()
            if dice.random() < installation.mix.at_expiry and 0 < left < 700:
                self._left.add(review.id)
                installation.happens("a decision races an expiry", f"{review.execution_id} {review.path}")
                installation.loop.create_task(
                    self._later(left + dice.uniform(-1, installation.sweep_seconds), review, answer)
                )
                return
        if dice.random() < installation.mix.stale:
            installation.happens("a stale tab decides", f"{review.execution_id} {review.path}")
            if installation.try_to(installation.app.claim, review.id, by=BEN) is not None and self._decide(
                review, ANA, answer
            ):
                installation.finds(f"{review.execution_id} {review.path}: a stale tab decided")
            installation.try_to(installation.app.release, review.id, by=BEN)
            return
        if dice.random() < installation.mix.twice:
            installation.happens("a decision is made twice", f"{review.execution_id} {review.path}")
            if [self._decide(review, ANA, answer), self._decide(review, BEN, answer)] == [True, True]:
                installation.finds(f"{review.execution_id} {review.path}: decided twice")
            return
        self._decide(review, ANA, answer)

    async def _later(self, seconds: float, review: Review, answer: dict[str, Any]) -> None:
        await asyncio.sleep(seconds)
        self._decide(review, ANA, answer)

    def _answer(self, review: Review) -> dict[str, Any] | None:
        installation = self._installation
        if review.request.title.startswith("Send again?"):
            what = f"POST /{review.execution_id}/{step_of(review.path)}"
            if installation.outside.under_way[what]:
                return None  # they look at the target first, and wait for what is under way
            done = what in installation.outside.targets.service.applied
            return {"kind": "rejected" if done else "approved", "comment": "looked"}
        if installation.runs[review.execution_id] == "rounds" and installation.dice.random() < 0.3:
            return {"kind": "changes_requested", "comment": "shorter"}
        return {"kind": "approved"}

    def _decide(self, review: Review, person: str, answer: dict[str, Any]) -> bool:
        try:
            self._installation.app.decide(review.id, Answer.to(review, by=person, **answer))
        except (Conflict, Refused) as problem:
            self._installation.notes("decide", f"{review.execution_id} {review.path} {type(problem).__name__}")
            return False
        self._installation.notes("decide", f"{review.execution_id} {review.path} {answer['kind']}")
        return True

    async def _wish(self) -> None:
        installation, dice = self._installation, self._installation.dice
        there = [run for run in installation.runs if run in self.started]
        going = [run for run in there if installation.store.execution(run).status not in TERMINAL]
        for run in going:
            if installation.store.execution(run).status == "paused" and (not self.lazy or dice.random() < 0.3):
                installation.try_to(installation.app.resume, run, by=ANA)
        for site, mean, wish in (
            ("someone pauses", installation.mix.pause, installation.app.pause),
            ("someone cancels", installation.mix.cancel, installation.app.cancel),
        ):
            if mean and going and dice.random() < 90 / mean:
                run = dice.choice(going)
                installation.happens(site, run)
                if site == "someone cancels":
                    self.cancelled.add(run)
                installation.try_to(wish, run, by=ANA)


def step_of(path: str) -> str:
    """The step that a question is about: without the round and the number of the question."""
    return StepPath(path).step_run.partition("#")[0]
