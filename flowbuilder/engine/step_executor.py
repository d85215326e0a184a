"""Step executor: carries out the step runs of one execution in this process. `prefect.runs` also shows them in
Prefect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from flowbuilder.engine.history import History
from flowbuilder.engine.step_runner import RetryAt, StepRunResult
from flowbuilder.model.review import Review
from flowbuilder.plan.nodes import Plan
from flowbuilder.ports import Clock
from flowbuilder.walk.commands import Start

Attempt = Callable[[str | None], Awaitable[StepRunResult]]
"""Runs the next attempt of one step run. Takes the id of the Prefect task run that shows it, or None."""


class StepExecutor:
    """Runs steps in this process. A subclass can show them elsewhere too."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def run_step(self, start: Start, attempt: Attempt) -> StepRunResult:
        """Run a step until it is done, or until its next attempt is due so late that the worker does not wait for
        it."""
        return await self.make_attempts(attempt)

    async def make_attempts(self, attempt: Attempt, task_run_id: str | None = None) -> StepRunResult:
        """Make attempts with the waits between them. Returns the last result."""
        while True:
            result = await attempt(task_run_id)
            if not isinstance(result, RetryAt) or not result.holds_worker:
                return result
            await self._clock.sleep(result.delay_seconds)

    def execution_loaded(self, plan: Plan, history: History) -> None:
        """Called once, before the first step."""

    async def review_opened(self, review: Review, upstream: tuple[str, ...]) -> None:
        """Called for every review that is opened; `upstream` are the StepPaths whose results it waited for."""

    async def close(self) -> None:
        """Called once, when the execution is released."""
