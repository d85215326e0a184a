"""Shows the step runs and reviews of one execution in Prefect's run graph.

A step at the top of a workflow is a task run of its own. What runs inside an iteration or a called workflow shares one
task run of that step's name: a Prefect task run costs milliseconds and a dozen rows, too much for each item.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextvars import copy_context
from functools import partial
from typing import NoReturn
from uuid import UUID

from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.exceptions import Pause
from prefect.task_engine import run_task_async

from flowbuilder.engine.history import History
from flowbuilder.engine.step_executor import Attempt, StepExecutor
from flowbuilder.engine.step_runner import StepRunResult
from flowbuilder.errors import Unavailable
from flowbuilder.model.review import Review
from flowbuilder.model.step_path import StepPath
from flowbuilder.plan.nodes import LoopNode, Plan
from flowbuilder.prefect.runs.batch_task import BatchTask
from flowbuilder.prefect.runs.review_task import (
    report_decision,
    review_artifact,
    review_task_id,
    show_open_review,
)
from flowbuilder.prefect.runs.state_reporter import StateReporter
from flowbuilder.prefect.runs.step_task import StepTask, dependencies_on, task_of
from flowbuilder.prefect.runs.worker_context import WorkerContext
from flowbuilder.walk.commands import Start

PREFECT_UI = "Prefect's UI"
"""The recorded person of a request made in Prefect's UI: Prefect does not name its users."""


class PrefectStepExecutor(StepExecutor):
    """Runs the steps of one execution as Prefect task runs, inside the flow run's context."""

    def __init__(self, worker_context: WorkerContext, execution_id: str, reporter: StateReporter) -> None:
        super().__init__(worker_context.ports.clock)
        self._worker_context, self._execution_id, self._reporter = worker_context, execution_id, reporter
        self._task_runs: dict[str, UUID] = {}
        self._tolerant: frozenset[str] = frozenset()
        self._current_batches: dict[str, BatchTask] = {}
        self._batches: list[BatchTask] = []

    def execution_loaded(self, plan: Plan, history: History) -> None:
        """Take over the task runs that earlier workers made, and report the decisions on reviews since then."""
        self._tolerant = frozenset(
            node.id for node in plan.block if isinstance(node, LoopNode) and node.on_item_error != "fail"
        )
        for outcome in history.outcomes:
            if outcome.task_run_id is not None:
                self._task_runs[outcome.path] = UUID(outcome.task_run_id)
        context = copy_context()
        for review in history.reviews:
            if not StepPath(review.path).is_top:
                continue
            self._task_runs[review.path] = review_task_id(self._execution_id, review.path)
            if review.decision is not None:
                self._reporter.enqueue(partial(report_decision, review=review, context=context))

    async def run_step(self, start: Start, attempt: Attempt) -> StepRunResult:
        """Run a step as a task run of its own, or inside the one that its iteration has."""
        if _pause_requested():
            self._pause()
        if not StepPath(start.path).is_top:
            return await self._run_in_batch(start, attempt)
        step, shown = start.node.step, StepTask(path=start.path, attempt=attempt, task_runs=self._task_runs)
        task = task_of(
            shown.run,
            name=step.name or step.id,
            run_name=start.path,
            retries=step.retry.attempts - 1 if step.retry else 0,
            retry_condition_fn=shown.should_retry,
            # no timeout_seconds: Prefect would cut off the recording of the outcome
        )
        why = "it was paused"
        try:
            state = await run_task_async(
                task,
                parameters={"tag": step.type},
                dependencies=dependencies_on(self._parents(start.upstream)),
                return_type="state",
            )
            assert isinstance(state, State)
            why = state.message or state.name or ""
        except Pause:
            if shown.result is None:
                self._pause()
        if shown.error is not None:
            raise shown.error
        if shown.result is None:
            raise Unavailable(f"Prefect did not run {start.path}: {why}")
        return shown.result

    async def review_opened(self, review: Review, upstream: tuple[str, ...]) -> None:
        """Show an open review as a task run, and as an artifact with the link to the review page."""
        if StepPath(review.path).is_top:
            self._task_runs[review.path] = review_task_id(review.execution_id, review.path)
            show_open_review(review, self._parents(upstream))
        artifact = review_artifact(review, review_url=self._worker_context.settings.review_url)
        self._reporter.enqueue(lambda client: client.create_artifact(artifact))

    async def close(self) -> None:
        """End the task runs that iterations share."""
        await asyncio.gather(*(batch.close() for batch in self._batches))

    async def _run_in_batch(self, start: Start, attempt: Attempt) -> StepRunResult:
        batch = self._batch_of(start)
        with batch.step():
            task_run_id = await batch.task_run_id()
            self._task_runs[start.top] = self._task_runs[start.path] = task_run_id
            result = await self.make_attempts(attempt, str(task_run_id))
            batch.log(start.path, result)
        return result

    def _batch_of(self, start: Start) -> BatchTask:
        top = start.top
        batch = self._current_batches.get(top)
        if batch is None or batch.closed:
            parents = self._parents(path for path in start.upstream if StepPath(path).top != top)
            batch = self._current_batches[top] = BatchTask(top, parents=parents, tolerant=top in self._tolerant)
            self._batches.append(batch)
        return batch

    def _parents(self, upstream: Iterable[str]) -> set[UUID]:
        """The task runs of these StepPaths, as far as they are known."""
        return {self._task_runs[path] for path in upstream if path in self._task_runs}

    def _pause(self) -> NoReturn:
        """A person pressed Pause in Prefect's UI: record the request in our tables, and start nothing."""
        self._worker_context.store.request_control(self._execution_id, "pause", PREFECT_UI)
        raise asyncio.CancelledError


def _pause_requested() -> bool:
    context = FlowRunContext.get()
    return context is not None and context.flow_run_suspension_request.is_requested()
