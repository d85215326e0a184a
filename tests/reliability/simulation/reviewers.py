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

    def __init__(self, world: Any) -> None:
        self._world = world
        self.lazy = True
        self.started: set[str] = set()
        self.cancelled: set[str] = set()
        self._left: set[str] = set()

    async def start(self) -> None:
        """Start the executions, one after the other."""
        world = self._world
        for run in world.runs:
            await asyncio.sleep(world.dice.uniform(0, 300))
            self._start(run)

    async def start_the_rest(self) -> None:
        for run in self._world.runs:
            self._start(run)

    def _start(self, run: str) -> None:
        if run not in self.started:
            self.started.add(run)
            workflow = self._world.runs[run]
            self._world.app.start(workflow, {"tag": run}, site=str(SITE["site"]))

    async def work(self) -> None:
        """Look at the queue now and then, and do something about what is there."""
        world = self._world
        while True:
            await asyncio.sleep(world.dice.uniform(5, 60))
            for review in self.open_reviews():
                if self.lazy and (review.id in self._left or world.dice.random() < 0.3):
                    continue
                await self._look_at(review)
            await self._wish()

    def open_reviews(self) -> list[Review]:
        found = self._world.store.reviews(ReviewFilter(), limit=200).reviews
        return sorted(found, key=lambda review: (review.execution_id, review.path))

    async def _look_at(self, review: Review) -> None:
        world, dice = self._world, self._world.dice
        answer = self._answer(review)
        if answer is None:
            return
        if review.expires_at is not None and self.lazy:
            if dice.random() < 0.4:
                self._left.add(review.id)
                return
            left = (review.expires_at - world.clock.now()).total_seconds()
            if dice.random() < world.mix.at_expiry and 0 < left < 700:
                self._left.add(review.id)
                world.happens("a decision races an expiry", f"{review.execution_id} {review.path}")
                world.loop.create_task(self._later(left + dice.uniform(-1, world.sweep_seconds), review, answer))
                return
        if dice.random() < world.mix.stale:
            world.happens("a stale tab decides", f"{review.execution_id} {review.path}")
            if world.try_to(world.app.claim, review.id, by=BEN) is not None and self._decide(review, ANA, answer):
                world.finds(f"{review.execution_id} {review.path}: a stale tab decided")
            world.try_to(world.app.release, review.id, by=BEN)
            return
        if dice.random() < world.mix.twice:
            world.happens("a decision is made twice", f"{review.execution_id} {review.path}")
            if [self._decide(review, ANA, answer), self._decide(review, BEN, answer)] == [True, True]:
                world.finds(f"{review.execution_id} {review.path}: decided twice")
            return
        self._decide(review, ANA, answer)

    async def _later(self, seconds: float, review: Review, answer: dict[str, Any]) -> None:
        await asyncio.sleep(seconds)
        self._decide(review, ANA, answer)

    def _answer(self, review: Review) -> dict[str, Any] | None:
        world = self._world
        if review.request.title.startswith("Send again?"):
            what = f"POST /{review.execution_id}/{step_of(review.path)}"
            if world.outside.under_way[what]:
                return None  # they look at the target first, and wait for what is under way
            done = what in world.outside.targets.service.applied
            return {"kind": "rejected" if done else "approved", "comment": "looked"}
        if world.runs[review.execution_id] == "rounds" and world.dice.random() < 0.3:
            return {"kind": "changes_requested", "comment": "shorter"}
        return {"kind": "approved"}

    def _decide(self, review: Review, person: str, answer: dict[str, Any]) -> bool:
        try:
            self._world.app.decide(review.id, Answer.to(review, by=person, **answer))
        except (Conflict, Refused) as problem:
            self._world.notes("decide", f"{review.execution_id} {review.path} {type(problem).__name__}")
            return False
        self._world.notes("decide", f"{review.execution_id} {review.path} {answer['kind']}")
        return True

    async def _wish(self) -> None:
        world, dice = self._world, self._world.dice
        there = [run for run in world.runs if run in self.started]
        going = [run for run in there if world.store.execution(run).status not in TERMINAL]
        for run in going:
            if world.store.execution(run).status == "paused" and (not self.lazy or dice.random() < 0.3):
                world.try_to(world.app.resume, run, by=ANA)
        for site, mean, wish in (
            ("someone pauses", world.mix.pause, world.app.pause),
            ("someone cancels", world.mix.cancel, world.app.cancel),
        ):
            if mean and going and dice.random() < 90 / mean:
                run = dice.choice(going)
                world.happens(site, run)
                if site == "someone cancels":
                    self.cancelled.add(run)
                world.try_to(wish, run, by=ANA)


def step_of(path: str) -> str:
    """The step that a question is about: without the round and the number of the question."""
    return StepPath(path).step_run.partition("#")[0]
