"""Step runs as Prefect tasks: named by their StepPath, drawn with their true dependencies.

A step at the top of a workflow is a task of its own. What runs inside an iteration or a called workflow shares one
task of that step's name: a Prefect task run costs milliseconds and a dozen rows, an item should not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import RunInput, State, TaskRunResult
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import Pause
from prefect.states import Cancelled, Completed, Crashed, Failed
from prefect.task_engine import run_task_async

from flowbuilder.engine.runner import PerformHere
from flowbuilder.engine.step_runner import Work
from flowbuilder.errors import LostLease, TransientError, Unavailable
from flowbuilder.model.execution import Outcome
from flowbuilder.model.step_path import StepPath
from flowbuilder.ports import Clock
from flowbuilder.prefect.runs.batch_task import BatchTask
from flowbuilder.walk.commands import Start

Body = Callable[[], Awaitable[State[Any]]]


async def _run_body(body: Body) -> State[Any]:
    return await body()


_TASK: Task[[Body], Any] = Task(_run_body, name="step", cache_policy=NO_CACHE, persist_result=False)


async def run_as_task(
    body: Body,
    *,
    name: str,
    run_name: str,
    tags: Iterable[str] = (),
    parents: Iterable[UUID] = (),
    task_run_id: UUID | None = None,
    **options: Any,
) -> State[Any]:
    """Run `body` as a Prefect task and give back its final state.

    Its tags are set while it runs: for a task that begins with tags, Prefect's client asks the server for the limits of
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
        task_run_id=task_run_id,
        parameters={"body": tagged_body},
        return_type="state",
        dependencies={"body": inputs} if inputs else None,
    )
    assert isinstance(state, State)
    return state


class PrefectPerform:
    """Carries out the step runs of one execution.

    `known` are the task runs of earlier drives, by StepPath; `tolerant` the ids of the iterations that a failed item
    does not fail; `pause` asks for a pause in our own record.
    """

    def __init__(
        self, clock: Clock, *, known: Mapping[str, UUID], tolerant: frozenset[str], pause: Callable[[], None]
    ) -> None:
        self._here = PerformHere(clock)
        self._task_runs = dict(known)
        self._tolerant = tolerant
        self._pause = pause
        self._drains: dict[str, BatchTask] = {}
        self._opened: list[BatchTask] = []

    async def __call__(self, start: Start, work: Work) -> Outcome:
        """One step run, with its retries."""
        if _suspension_requested():
            self._stop_here()
        if StepPath(start.path).is_top:
            return await self._at_the_top(start, work)
        return await self._inside(start, work)

    def started(self, path: str, task_run_id: UUID) -> None:
        """Note the task run of something else that later steps wait for: a review."""
        self._task_runs[path] = task_run_id

    def parents(self, upstream: Iterable[str]) -> set[UUID]:
        """The task runs behind StepPaths, as far as they are known."""
        return {self._task_runs[path] for path in upstream if path in self._task_runs}

    async def close(self) -> None:
        """End the tasks that iterations share."""
        await asyncio.gather(*(drain.close() for drain in self._opened))

    async def _at_the_top(self, start: Start, work: Work) -> Outcome:
        step = start.node.step
        found: list[Outcome] = []
        stopped: list[BaseException] = []

        async def body() -> State[Any]:
            context = TaskRunContext.get()
            assert context is not None
            run = context.task_run
            self._task_runs[start.path] = run.id
            try:
                found.append(await work(run.run_count, str(run.id)))
            except TransientError:
                raise  # Prefect tries it again
            except (Exception, asyncio.CancelledError) as problem:
                # told to Prefect as a state, without a traceback, and raised again once its task is over
                stopped.append(problem)
                return _stopped(problem)
            return _state(found[-1])

        state: State[Any] | None = None
        try:
            state = await run_as_task(
                body,
                name=step.name or step.id,
                run_name=start.path,
                tags=[step.type],
                parents=self.parents(start.upstream),
                retries=step.retry.attempts - 1 if step.retry else 0,
                retry_condition_fn=_passing,
                # timeout_seconds is not Prefect's to watch: it would cut off the writing down of the outcome
            )
        except Pause:
            if not found:
                self._stop_here()
        if stopped:
            raise stopped[0]
        if not found:
            raise Unavailable(f"Prefect did not carry out {start.path}: {state.message if state else 'it was paused'}")
        return found[-1]

    async def _inside(self, start: Start, work: Work) -> Outcome:
        drain = self._drain_of(start)
        with drain.step():
            task_run_id = await drain.task_run()
            self._task_runs[start.top] = self._task_runs[start.path] = task_run_id
            outcome = await self._here(start, lambda attempt, _: work(attempt, str(task_run_id)))
            drain.note(outcome)
        return outcome

    def _drain_of(self, start: Start) -> BatchTask:
        top = start.top
        drain = self._drains.get(top)
        if drain is None or drain.closed:
            parents = self.parents(path for path in start.upstream if StepPath(path).top != top)
            drain = self._drains[top] = BatchTask(
                top,
                lambda body: run_as_task(body, name=top, run_name=top, tags=["iteration"], parents=parents),
                tolerant=top in self._tolerant,
            )
            self._opened.append(drain)
        return drain

    def _stop_here(self) -> None:
        """A person pressed Pause in Prefect's UI: ask for the pause in our own record, and begin nothing."""
        self._pause()
        raise asyncio.CancelledError


def _suspension_requested() -> bool:
    context = FlowRunContext.get()
    return context is not None and context.flow_run_suspension_request.is_requested()


async def _passing(task: Task[..., Any], _run: Any, state: State[Any]) -> bool:
    """Whether Prefect is to try again, and after how long. It never awaits a plain function's view of a state, so this
    one is async."""
    problem = state.data
    if not isinstance(problem, TransientError):
        return False
    task.retry_delay_seconds = [problem.retry_after or 0.0]
    return True


def _state(outcome: Outcome) -> State[Any]:
    if outcome.status == "failed":
        return Failed(message=_one_line((outcome.error or {}).get("message", "failed")))
    if outcome.status == "needs_review":
        return Completed(name="Asked", message="a person has to look at it first")
    if outcome.status == "postponed":
        return Completed(name="RetryQueue", message="it is tried again later; the run goes on by itself then")
    tokens = outcome.usage.get("total_tokens") or outcome.usage.get("tokens")
    return Completed(message=f"{outcome.seconds:.1f} s" + (f", {tokens} tokens" if tokens else ""))


def _stopped(problem: BaseException) -> State[Any]:
    if isinstance(problem, LostLease):
        return Crashed(message="another worker has taken this execution over")
    if isinstance(problem, asyncio.CancelledError):
        return Cancelled(message="stopped before it was done")
    return Crashed(message=f"it is done again: {_one_line(problem)}")


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
