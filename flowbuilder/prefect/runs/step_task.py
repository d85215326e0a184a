"""A step run as a Prefect task run, named by its StepPath and drawn with its true dependencies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import RunInput, State, TaskRunResult
from prefect.context import TaskRunContext
from prefect.exceptions import Pause
from prefect.states import Cancelled, Completed, Crashed, Failed
from prefect.task_engine import run_task_async

from flowbuilder.engine.step_executor import Attempt
from flowbuilder.engine.step_runner import Done, RetryAt, StepRunResult
from flowbuilder.errors import LostLease, Unavailable
from flowbuilder.model.execution import Outcome
from flowbuilder.prefect.runs.state_mapping import one_line
from flowbuilder.walk.commands import Start

TaskBody = Callable[[], Awaitable[State[Any]]]


async def _run_body(body: TaskBody) -> State[Any]:
    return await body()


_TASK: Task[[TaskBody], Any] = Task(_run_body, name="step", cache_policy=NO_CACHE, persist_result=False)


async def run_as_task(
    body: TaskBody,
    *,
    name: str,
    run_name: str,
    tags: Iterable[str] = (),
    parents: Iterable[UUID] = (),
    **options: Any,
) -> State[Any]:
    """Run `body` as a Prefect task; returns its final state.

    Its tags are set while it runs: for a task that starts with tags, Prefect's client asks the server for the limits of
    each, by a write that every step would wait for. Limits belong to connections here, not to tags.

    The parents are named to Prefect by id. Passing it their states or results would not do: it finds the task behind
    a result by the result's identity in memory, and two equal short texts are one object.
    """

    async def tagged_body() -> State[Any]:
        context = TaskRunContext.get()
        assert context is not None
        context.task_run.tags = list(tags)
        return await body()

    plain = run_name.replace("{", "{{").replace("}", "}}")  # a `{` in a name is a placeholder to Prefect
    inputs: set[RunInput] = {TaskRunResult(id=parent) for parent in parents}
    state = await run_task_async(
        _TASK.with_options(name=name, task_run_name=plain, **options),
        parameters={"body": tagged_body},
        return_type="state",
        dependencies={"body": inputs} if inputs else None,
    )
    assert isinstance(state, State)
    return state


@dataclass(kw_only=True)
class StepTask:
    """One step run as one task run. Prefect's retry loop makes the attempts, so that its UI shows them as retries."""

    start: Start
    attempt: Attempt
    started: Callable[[UUID], None]
    """Called with the id of the task run."""
    result: StepRunResult | None = None
    error: BaseException | None = None
    retry: RetryAt | None = None

    async def run(self, parents: Iterable[UUID]) -> StepRunResult | None:
        """The result of the last attempt; None when the flow run is to pause before there is one."""
        step = self.start.node.step
        state: State[Any] | None = None
        try:
            state = await run_as_task(
                self._body,
                name=step.name or step.id,
                run_name=self.start.path,
                tags=[step.type],
                parents=parents,
                retries=step.retry.attempts - 1 if step.retry else 0,
                retry_condition_fn=self._should_retry,
                # no timeout_seconds: Prefect would cut off the recording of the outcome
            )
        except Pause:
            if self.result is None:
                return None
        if self.error is not None:
            raise self.error
        if self.result is None:
            why = state.message if state else "it was paused"
            raise Unavailable(f"Prefect did not run {self.start.path}: {why}")
        return self.result

    async def _body(self) -> State[Any]:
        context = TaskRunContext.get()
        assert context is not None
        self.started(context.task_run.id)
        try:
            result = await self.attempt(str(context.task_run.id))
        except (Exception, asyncio.CancelledError) as error:
            # Prefect gets a state without a traceback; `run` raises the error
            self.error = error
            return _aborted_state(error)
        if isinstance(result, RetryAt) and result.holds_worker:
            self.retry = result
            raise result.error  # Prefect makes the next attempt
        self.result = result
        return _state_of(result.outcome) if isinstance(result, Done) else _postponed()

    async def _should_retry(self, task: Task[..., Any], _run: Any, _state: State[Any]) -> bool:
        """Prefect's retry condition; sets the delay. Async, because Prefect never awaits what a plain one returns."""
        retry, self.retry = self.retry, None
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
    tokens = outcome.usage.get("total_tokens") or outcome.usage.get("tokens")
    return Completed(message=f"{outcome.seconds:.1f} s" + (f", {tokens} tokens" if tokens else ""))


def _aborted_state(error: BaseException) -> State[Any]:
    if isinstance(error, LostLease):
        return Crashed(message="Another worker has taken this execution over.")
    if isinstance(error, asyncio.CancelledError):
        return Cancelled(message="Stopped before it was done")
    return Crashed(message=f"The step will run again: {one_line(error)}")
