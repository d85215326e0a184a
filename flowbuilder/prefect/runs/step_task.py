"""Step task: the Prefect task that shows a step run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import RunInput, State, TaskRunResult
from prefect.context import TaskRunContext
from prefect.states import Cancelled, Completed, Crashed, Failed

from flowbuilder.engine.step_executor import Attempt
from flowbuilder.engine.step_runner import Done, RetryAt, StepRunResult
from flowbuilder.errors import LostLease
from flowbuilder.model.execution import Outcome
from flowbuilder.prefect.runs.state_mapping import one_line

TaskBody = Callable[[str], Awaitable[State[Any]]]
"""The function of a task: takes its tag, and returns the final state of the task run."""


def task_of(body: TaskBody, *, name: str, run_name: str, **options: Any) -> Task[[str], Any]:
    """A Prefect task without cache and stored results; its runs are named `run_name`, usually a StepPath."""
    plain = run_name.replace("{", "{{").replace("}", "}}")  # a `{` in a name is a placeholder to Prefect
    body = partial(body)  # Prefect would parse and hash the source of a function or method, for every step
    return Task(body, name=name, task_run_name=plain, cache_policy=NO_CACHE, persist_result=False, **options)


def dependencies_on(parents: Iterable[UUID]) -> dict[str, set[RunInput]]:
    """The `dependencies` of a run of such a task, for `run_task_async`: the task runs whose results it waited for.

    They are named to Prefect by id. Passing it their states or results would not do: it finds the task behind a result
    by the result's identity in memory, and two equal short texts are one object.
    """
    return {"tag": {TaskRunResult(id=parent) for parent in parents}}


def tagged_task_run(tag: str) -> UUID:
    """The id of the present task run, which gets the tag.

    For a task that starts with tags, Prefect's client asks the server for the limits of each, by a write that every
    step would wait for. Limits belong to connections here, not to tags.
    """
    context = TaskRunContext.get()
    assert context is not None
    context.task_run.tags = [tag]
    return context.task_run.id


@dataclass(kw_only=True)
class StepTask:
    """The task of one step run. Prefect's retry loop calls `run` once for each attempt, so that Prefect's UI shows the
    attempts as retries."""

    path: str
    attempt: Attempt
    task_runs: dict[str, UUID]
    """The task runs of the execution by StepPath; this one is added when it starts."""
    result: StepRunResult | None = None
    """The result of the last attempt; None before, and while a retry is due that Prefect makes."""
    error: BaseException | None = None
    """The error that the last attempt raised."""
    _retry: RetryAt | None = None

    async def run(self, tag: str) -> State[Any]:
        """Make one attempt; returns the state for Prefect, or raises the step's error if Prefect is to retry it."""
        task_run_id = self.task_runs[self.path] = tagged_task_run(tag)
        try:
            result = await self.attempt(str(task_run_id))
        except (Exception, asyncio.CancelledError) as error:
            self.error = error  # Prefect gets a state without a traceback
            return _aborted_state(error)
        if isinstance(result, RetryAt) and result.holds_worker:
            self._retry = result
            raise result.error
        self.result = result
        return _state_of(result.outcome) if isinstance(result, Done) else _postponed()

    async def should_retry(self, task: Task[..., Any], _run: Any, _state: State[Any]) -> bool:
        """Prefect's retry condition; sets the delay. Async, because Prefect never awaits what a plain one returns."""
        retry, self._retry = self._retry, None
        if retry is None:
            return False
        task.retry_delay_seconds = [retry.delay_seconds]
        return True


def _postponed() -> State[Any]:
    return Completed(name="Postponed", message="The step is retried later; the run continues by itself then.")


def _state_of(outcome: Outcome) -> State[Any]:
    if outcome.status == "failed":
        return Failed(message=one_line((outcome.error or {}).get("message", "failed")))
    if outcome.status == "needs_review":
        return Completed(name="Asked", message="Waiting for review")
    tokens = (outcome.usage.get("input_tokens") or 0) + (outcome.usage.get("output_tokens") or 0)
    return Completed(message=f"{outcome.seconds:.1f} s" + (f", {tokens} tokens" if tokens else ""))


def _aborted_state(error: BaseException) -> State[Any]:
    if isinstance(error, LostLease):
        return Crashed(message="Another worker has taken this execution over.")
    if isinstance(error, asyncio.CancelledError):
        return Cancelled(message="Stopped before it was done")
    return Crashed(message=f"The step will run again: {one_line(error)}")
