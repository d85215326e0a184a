"""Simulated reviewers: they start executions, decide reviews (also twice, late and with stale tabs), pause, cancel."""

from __future__ import annotations

import asyncio
from typing import Any

from flowbuilder.errors import Conflict, Refused
from flowbuilder.model.execution import TERMINAL
from flowbuilder.model.review import Review
from flowbuilder.model.review_rules import Answer
from flowbuilder.model.step_path import StepPath
from flowbuilder.ports import ReviewFilter
from tests.support.faults.crash_workflows import SITE

ANA, BEN = "ana@example.com", "ben@example.com"


class SimulatedReviewers:
    """While `ignores_some`, they leave some reviews undecided until they expire."""

    def __init__(self, installation: Any) -> None:
        self._installation = installation
        self.ignores_some = True
        self.started: set[str] = set()
        self.cancelled: set[str] = set()
        self._ignored: set[str] = set()

    async def start(self) -> None:
        """Start the executions, one after the other, at random times."""
        installation = self._installation
        for run in installation.runs:
            await asyncio.sleep(installation.rng.uniform(0, 300))
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
        """Decide open reviews and request controls, at random intervals."""
        installation = self._installation
        while True:
            await asyncio.sleep(installation.rng.uniform(5, 60))
            for review in self.open_reviews():
                if self.ignores_some and (review.id in self._ignored or installation.rng.random() < 0.3):
                    continue
                await self._look_at(review)
            await self._request_controls()

    def open_reviews(self) -> list[Review]:
        found = self._installation.store.reviews(ReviewFilter(), limit=200).reviews
        return sorted(found, key=lambda review: (review.execution_id, review.path))

    async def _look_at(self, review: Review) -> None:
        installation, rng = self._installation, self._installation.rng
        answer = self._answer(review)
        if answer is None:
            return
        if review.expires_at is not None and self.ignores_some:
            if rng.random() < 0.4:
                self._ignored.add(review.id)
                return
            left = (review.expires_at - installation.clock.now()).total_seconds()
            if rng.random() < installation.rates.at_expiry and 0 < left < 700:
                self._ignored.add(review.id)
                installation.record_fault("a decision races an expiry", f"{review.execution_id} {review.path}")
                installation.loop.create_task(
                    self._later(left + rng.uniform(-1, installation.reconcile_seconds), review, answer)
                )
                return
        if rng.random() < installation.rates.stale:
            installation.record_fault("a stale tab decides", f"{review.execution_id} {review.path}")
            if installation.try_to(installation.app.claim, review.id, by=BEN) is not None and self._decide(
                review, ANA, answer
            ):
                installation.report_violation(f"{review.execution_id} {review.path}: a stale tab decided")
            installation.try_to(installation.app.release, review.id, by=BEN)
            return
        if rng.random() < installation.rates.twice:
            installation.record_fault("a decision is made twice", f"{review.execution_id} {review.path}")
            if [self._decide(review, ANA, answer), self._decide(review, BEN, answer)] == [True, True]:
                installation.report_violation(f"{review.execution_id} {review.path}: decided twice")
            return
        self._decide(review, ANA, answer)

    async def _later(self, seconds: float, review: Review, answer: dict[str, Any]) -> None:
        await asyncio.sleep(seconds)
        self._decide(review, ANA, answer)

    def _answer(self, review: Review) -> dict[str, Any] | None:
        installation = self._installation
        if review.request.title.startswith("Send again?"):
            what = f"POST /{review.execution_id}/{step_of(review.path)}"
            if installation.network.in_flight[what]:
                return None  # the reviewer waits for requests in flight, then looks at the target
            done = what in installation.network.targets.service.applied
            return {"kind": "rejected" if done else "approved", "comment": "looked"}
        if installation.runs[review.execution_id] == "rounds" and installation.rng.random() < 0.3:
            return {"kind": "changes_requested", "comment": "shorter"}
        return {"kind": "approved"}

    def _decide(self, review: Review, person: str, answer: dict[str, Any]) -> bool:
        try:
            self._installation.app.decide(review.id, Answer.to(review, by=person, **answer))
        except (Conflict, Refused) as problem:
            self._installation.record("decide", f"{review.execution_id} {review.path} {type(problem).__name__}")
            return False
        self._installation.record("decide", f"{review.execution_id} {review.path} {answer['kind']}")
        return True

    async def _request_controls(self) -> None:
        installation, rng = self._installation, self._installation.rng
        started_runs = [run for run in installation.runs if run in self.started]
        active_runs = [run for run in started_runs if installation.store.execution(run).status not in TERMINAL]
        for run in active_runs:
            if installation.store.execution(run).status == "paused" and (not self.ignores_some or rng.random() < 0.3):
                installation.try_to(installation.app.resume, run, by=ANA)
        for kind, mean, request in (
            ("a reviewer pauses", installation.rates.pause, installation.app.pause),
            ("a reviewer cancels", installation.rates.cancel, installation.app.cancel),
        ):
            if mean and active_runs and rng.random() < 90 / mean:
                run = rng.choice(active_runs)
                installation.record_fault(kind, run)
                if kind == "a reviewer cancels":
                    self.cancelled.add(run)
                installation.try_to(request, run, by=ANA)


def step_of(path: str) -> str:
    """The step that a review is about: its path without the round and the number of the question."""
    return StepPath(path).step_run.partition("#")[0]
