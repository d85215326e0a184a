"""Drives a walk: does its actions, writes down what became of them, and lets go of the execution at the end.

Prefect's runtime and the local runner both use it; they differ in `perform`, how a step run is carried out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from flowbuilder.actions import Action, Ask, Finish, Note, Start, Withdraw
from flowbuilder.errors import Conflict, LanguageError, Refused, StepError
from flowbuilder.events import NewEvent
from flowbuilder.execution import Control, Execution, Lease, Outcome, Status
from flowbuilder.perform import Workplace, perform_step
from flowbuilder.plan import Plan
from flowbuilder.ports import Ports, ReviewFilter, Store
from flowbuilder.review import Review
from flowbuilder.step import ExecutionInfo
from flowbuilder.steps.human_review import HumanReview
from flowbuilder.values import Json, JsonObject
from flowbuilder.walker import Walk

CONTROL_SECONDS = 1.0
"""How soon a running execution notices a pause, a cancellation or a decision."""

Work = Callable[[int, str | None], Awaitable[Outcome]]
"""Does one attempt of a step run: `(attempt, task_run_id) -> outcome`; raises `TransientError` to be tried again."""


class Perform(Protocol):
    """Carries out a step run: calls `work(1)`, and after each `TransientError` waits and calls it again."""

    async def __call__(self, start: Start, work: Work) -> Outcome: ...


class Opened(Protocol):
    """Told of every review that was opened."""

    async def __call__(self, review: Review) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Settled:
    """How a drive ended: the execution's status, its open reviews, its outputs or its error."""

    status: Status
    waiting: tuple[Review, ...] = ()
    outputs: Json = None
    error: JsonObject | None = None
    progressed: bool = False
    """Whether anything was done at all; a drive that found nothing to do was woken in vain."""


def info_of(execution: Execution) -> ExecutionInfo:
    """What templates see as `execution`: the same in every attempt to go on."""
    started = execution.started_at or execution.created_at
    return ExecutionInfo(
        id=execution.id, workflow=execution.workflow, version=execution.version, started_at=started.isoformat()
    )


def walk_of(store: Store, plan: Plan, execution: Execution) -> Walk:
    """The walk of an execution, as far as the store remembers it."""
    return Walk(
        plan,
        inputs=execution.inputs,
        site=execution.site_record,
        execution=info_of(execution),
        outcomes=store.outcomes(execution.id),
        decisions=store.decisions(execution.id),
        asked=[review.path for review in _open_reviews(store, execution.id)],
    )


async def drive(
    *,
    store: Store,
    lease: Lease,
    plan: Plan,
    execution: Execution,
    ports: Ports,
    perform: Perform,
    opened: Opened | None = None,
    nudge: asyncio.Event | None = None,
) -> Settled:
    """Run an execution as far as it goes without a person, then settle it: completed, failed, waiting, paused or
    cancelled. Raises `LostLease` when another worker has taken it over; nothing is written after that.

    What people ask for and decide meanwhile is looked up every `CONTROL_SECONDS`, and at once when `nudge` is set.
    """
    walk = await asyncio.to_thread(walk_of, store, plan, execution)
    place = Workplace(
        store=store,
        lease=lease,
        ports=ports,
        execution=info_of(execution),
        site=execution.site_record,
        install=await asyncio.to_thread(store.install_id),
        hosts=plan.hosts,
    )
    return await _Drive(walk, place, perform, opened, nudge or asyncio.Event()).run()


class _Drive:
    """One drive: the running step runs, and what has been noted already."""

    def __init__(
        self, walk: Walk, place: Workplace, perform: Perform, opened: Opened | None, nudge: asyncio.Event
    ) -> None:
        self.walk, self.place, self.perform, self.opened, self.nudge = walk, place, perform, opened, nudge
        self.store, self.lease = place.store, place.lease
        self.looked_at = float("-inf")
        self.running: dict[asyncio.Task[Outcome], Start] = {}
        self.stop: Control | None = None
        self.progressed = False

    async def run(self) -> Settled:
        noted = await asyncio.to_thread(self._noted)
        try:
            while True:
                await self._look_around()
                actions = self.walk.advance()
                await self._do(actions, noted)
                if self.running:
                    await self._wait()
                elif not actions or self.stop:
                    if (settled := await self._settle()) is not None:
                        return settled
        finally:
            for task in self.running:
                task.cancel()
            await asyncio.gather(*self.running, return_exceptions=True)

    async def _look_around(self) -> None:
        """See what people have asked for and decided meanwhile."""
        self.stop = await asyncio.to_thread(self.store.control, self.lease.execution_id)
        if self.stop == "cancel":
            for task, start in self.running.items():
                if not start.node.step.has_effect():  # an effect under way is let finish: its receipt matters
                    task.cancel()
        now = asyncio.get_running_loop().time()
        if self.walk.waiting and (self.nudge.is_set() or now - self.looked_at >= CONTROL_SECONDS):
            self.looked_at = now
            self.nudge.clear()
            for path, decision in (await asyncio.to_thread(self.store.decisions, self.lease.execution_id)).items():
                self.walk.decided(path, decision)

    async def _do(self, actions: Iterable[Action], noted: set[tuple[str, str]]) -> None:
        notes = [
            action.event
            for action in actions
            if isinstance(action, Note) and (action.event.type, action.event.path) not in noted
        ]
        if notes:
            await asyncio.to_thread(self.store.append_events, self.lease, notes)
        for action in actions:
            if isinstance(action, Start):
                self._begin(action)
            elif isinstance(action, Ask):
                await self._ask(action)
            elif isinstance(action, Withdraw):
                await asyncio.to_thread(self._withdraw, action.path)

    def _begin(self, start: Start) -> None:
        if self.stop:
            return
        self.progressed = True

        async def work(attempt: int, task_run_id: str | None = None) -> Outcome:
            return await perform_step(self.place, start, attempt, task_run_id=task_run_id)

        async def carry_out() -> Outcome:
            return await self.perform(start, work)

        self.running[asyncio.create_task(carry_out(), name=start.path)] = start

    async def _ask(self, ask: Ask) -> None:
        if self.stop:
            return
        step = ask.node.step
        assert isinstance(step, HumanReview)
        try:
            request = step.bind(ask.context).request(ask.round)
        except (StepError, LanguageError) as problem:
            error: JsonObject = {"code": problem.code, "message": str(problem)}
            outcome = Outcome(path=ask.path, status="failed", error=error)
            event = NewEvent(type="step_failed", path=ask.path, data={"error": error})
            await asyncio.to_thread(self.store.record_outcome, self.lease, outcome, [event])
            self.walk.failed_to_ask(outcome)
            return
        if ask.path in self.walk.asked:
            return
        review = await asyncio.to_thread(self.store.open_review, self.lease, ask.path, request)
        self.progressed = True
        if self.opened is not None:
            await self.opened(review)

    async def _wait(self) -> None:
        nudged = asyncio.create_task(self.nudge.wait(), name="nudge")
        try:
            done, _ = await asyncio.wait(
                [*self.running, nudged], timeout=CONTROL_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            nudged.cancel()
        for task in self.running.keys() & done:
            start = self.running.pop(task)
            if task.cancelled():
                continue
            outcome = task.result()
            if outcome.status == "needs_review" and self.opened is not None:
                await self.opened(await asyncio.to_thread(self._newest_review, start.path))
            self.walk.finished(outcome)

    async def _settle(self) -> Settled | None:
        """Let go of the execution; None when there turns out to be more to do."""
        finish = self.walk.conclude()
        progress = self.walk.progress
        if self.stop == "cancel" and finish is None:
            event = NewEvent(type="execution_cancelled")
            await self._let_go("cancelled", [event], progress=progress)
            return Settled(status="cancelled", progressed=self.progressed)
        if finish is not None:
            return await self._finish(finish, progress)
        if self.stop == "pause":
            await self._let_go("paused", [NewEvent(type="execution_paused")], progress=progress)
            return Settled(status="paused", progressed=self.progressed)
        decisions = await asyncio.to_thread(self.store.decisions, self.lease.execution_id)
        missed = [path for path in self.walk.waiting if path in decisions]
        for path in missed:
            self.walk.decided(path, decisions[path])
        if missed:
            return None
        event = NewEvent(type="execution_waiting", data={"reviews": list(self.walk.waiting)})
        await self._let_go("waiting", [event], progress=progress)
        waiting = await asyncio.to_thread(_open_reviews, self.store, self.lease.execution_id)
        return Settled(status="waiting", waiting=waiting, progressed=self.progressed)

    async def _finish(self, finish: Finish, progress: JsonObject) -> Settled:
        if finish.error is not None:
            event = NewEvent(type="execution_failed", data={"error": finish.error})
            await self._let_go("failed", [event], progress=progress, error=finish.error)
            return Settled(status="failed", error=finish.error, progressed=self.progressed)
        event = NewEvent(type="execution_completed", data={"outputs": finish.outputs})
        await self._let_go("completed", [event], progress=progress, outputs=finish.outputs)
        return Settled(status="completed", outputs=finish.outputs, progressed=self.progressed)

    async def _let_go(
        self,
        status: Status,
        events: list[NewEvent],
        *,
        progress: JsonObject,
        outputs: Json = None,
        error: JsonObject | None = None,
    ) -> None:
        await asyncio.to_thread(
            lambda: self.store.settle(
                self.lease, status, events=events, outputs=outputs, error=error, progress=progress
            )
        )

    def _noted(self) -> set[tuple[str, str]]:
        """What earlier drives have noted: the walk notes it again, the timeline should not."""
        found: set[tuple[str, str]] = set()
        after = 0
        while events := self.store.events(self.lease.execution_id, after=after):
            found.update((event.type, event.path) for event in events)
            after = events[-1].seq
        return found

    def _open_at(self, path: str) -> Review | None:
        return next((item for item in _open_reviews(self.store, self.lease.execution_id) if item.path == path), None)

    def _newest_review(self, path: str) -> Review:
        found = [item for item in _open_reviews(self.store, self.lease.execution_id) if item.path.startswith(path)]
        return max(found, key=lambda review: review.created_at)

    def _withdraw(self, path: str) -> None:
        review = self._open_at(path)
        if review is None:
            return
        try:
            self.store.decide(
                review.id,
                kind="withdrawn",
                by="flowbuilder",
                seen_version=review.version,
                seen_hash=review.content_hash,
                comment="what it asked about is being made anew",
            )
        except (Conflict, Refused):
            return  # someone decided it in the same moment; the walk no longer looks at it


def _open_reviews(store: Store, execution_id: str) -> tuple[Review, ...]:
    found: list[Review] = []
    cursor: str | None = None
    while True:
        page = store.reviews(ReviewFilter(execution_id=execution_id), limit=200, cursor=cursor)
        found += page.reviews
        if page.next is None:
            return tuple(found)
        cursor = page.next
