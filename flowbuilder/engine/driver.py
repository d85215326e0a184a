"""Drives a walk: does its actions, writes down what became of them, and lets go of the execution at the end.

Prefect's runtime and the local runner both use it; they differ in `perform`, how a step run is carried out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from flowbuilder.engine.drive_control import DriveControl
from flowbuilder.engine.history import Recollection, info_of, recollect, walk_of
from flowbuilder.engine.retry_queue import RetryQueue
from flowbuilder.engine.review_client import Opened, ReviewClient
from flowbuilder.engine.step_runner import Perform, StepContext
from flowbuilder.engine.store_clock import StoreClock
from flowbuilder.errors import LanguageError, StepError
from flowbuilder.model.events import EventType, NewEvent
from flowbuilder.model.execution import Control, Execution, Lease, Outcome, Status
from flowbuilder.model.review import Review
from flowbuilder.plan.nodes import Plan
from flowbuilder.ports import Ports, Store
from flowbuilder.steps.builtin.human_review import HumanReview
from flowbuilder.values import Json, JsonObject
from flowbuilder.walk.commands import Action, Ask, Finish, Note, Start, Withdraw
from flowbuilder.walk.walk import Walk

CONTROL_SECONDS = 1.0
"""How soon a running execution notices a pause, a cancellation or a decision that nobody signalled."""


@dataclass(frozen=True, kw_only=True)
class Settled:
    """How a drive ended: the execution's status, its open reviews, its outputs or its error.

    A waiting execution goes on at `until` at the latest, where that is set: a step is to be tried again then, or has
    its turn at a connection.
    """

    status: Status
    waiting: tuple[Review, ...] = ()
    until: datetime | None = None
    outputs: Json = None
    error: JsonObject | None = None
    progressed: bool = False
    """Whether anything was done at all; a drive that found nothing to do was woken in vain."""


async def drive(
    *,
    store: Store,
    lease: Lease,
    plan: Plan,
    execution: Execution,
    ports: Ports,
    perform: Perform,
    opened: Opened | None = None,
    signals: DriveControl | None = None,
) -> Settled:
    """Run an execution as far as it goes without a person, then settle it: completed, failed, waiting, paused,
    cancelled, or queued when it was told to leave. Raises `LostLease` when another worker has taken it over; nothing
    is written after that.

    What people ask for and decide meanwhile is looked up every `CONTROL_SECONDS`, or at once when `signals` say so.
    Waits are judged by the store's clock.
    """
    walk = await asyncio.to_thread(walk_of, store, plan, execution)
    time = StoreClock(store, ports.clock)
    await time.ask()
    place = StepContext(
        store=store,
        lease=lease,
        ports=replace(ports, clock=time),
        execution=info_of(execution),
        site=execution.site_record,
        install=await asyncio.to_thread(store.install_id),
        hosts=plan.hosts,
    )
    recollection = await asyncio.to_thread(recollect, store, execution.id)
    return await _Drive(walk, place, time, perform, opened, signals or DriveControl(), recollection).run()


class _Drive:
    """One drive: the step runs that run, and those that are to be tried again later."""

    def __init__(
        self,
        walk: Walk,
        place: StepContext,
        time: StoreClock,
        perform: Perform,
        opened: Opened | None,
        signals: DriveControl,
        recollection: Recollection,
    ) -> None:
        self.walk, self.place, self.perform, self.opened = walk, place, perform, opened
        self.store, self.lease, self.clock = place.store, place.lease, time
        self.questions = ReviewClient(place.store, place.lease)
        self.signals = signals
        self.noted = recollection.noted
        self.running: dict[asyncio.Task[Outcome], Start] = {}
        self.postponed = RetryQueue(place, time, recollection.tried)
        self.stop: Control | None = None
        self.looked_at = float("-inf")
        self.progressed = False

    async def run(self) -> Settled:
        try:
            while True:
                await self._look_around()
                actions = self.walk.advance()
                await self._do(actions)
                self._begin_what_is_due()
                if self.running:
                    await self._wait()
                elif not actions or self._held:
                    if (left := self.postponed.seconds_to_hold()) is not None and not self._held:
                        await self.clock.sleep(min(left, CONTROL_SECONDS))
                    elif (settled := await self._settle()) is not None:
                        return settled
        finally:
            for task in self.running:
                task.cancel()
            await asyncio.gather(*self.running, return_exceptions=True)

    @property
    def _held(self) -> bool:
        """Whether nothing more is to be begun."""
        return self.stop is not None or self.signals.leaving

    async def _look_around(self) -> None:
        """See what people have asked for and decided meanwhile."""
        self.stop = await asyncio.to_thread(self.store.control, self.lease.execution_id)
        if self.stop == "cancel":
            for task, start in self.running.items():
                if not start.node.step.has_effect():  # an effect under way is let finish: its receipt matters
                    task.cancel()
        now = asyncio.get_running_loop().time()
        if (self.signals.take() or now - self.looked_at >= CONTROL_SECONDS) and self.walk.waiting:
            self.looked_at = now
            for path, decision in (await asyncio.to_thread(self.store.decisions, self.lease.execution_id)).items():
                self.walk.decided(path, decision)

    async def _do(self, actions: Iterable[Action]) -> None:
        notes = [
            action.event
            for action in actions
            if isinstance(action, Note) and (action.event.type, action.event.path) not in self.noted
        ]
        if notes:
            await asyncio.to_thread(self.store.append_events, self.lease, notes)
        for action in actions:
            if isinstance(action, Start):
                self.postponed.add(action)
            elif isinstance(action, Ask):
                await self._ask(action)
            elif isinstance(action, Withdraw):
                await asyncio.to_thread(self.questions.withdraw, action.path)

    def _begin_what_is_due(self) -> None:
        for start in () if self._held else self.postponed.take_due():
            self.progressed = True
            work = self.perform(start, self.postponed.work(start))
            self.running[asyncio.create_task(work, name=start.path)] = start

    async def _ask(self, ask: Ask) -> None:
        if self._held:
            return
        step = ask.node.step
        assert isinstance(step, HumanReview)
        try:
            request = step.bind(ask.context).request(ask.round)
        except (StepError, LanguageError) as problem:
            await self._fail_to_ask(ask.path, {"code": problem.code, "message": str(problem)})
            return
        if ask.path in self.walk.asked:
            return
        review = await asyncio.to_thread(self.store.open_review, self.lease, ask.path, request)
        self.progressed = True
        if self.opened is not None:
            await self.opened(review, ask.upstream)

    async def _fail_to_ask(self, path: str, error: JsonObject) -> None:
        outcome = Outcome(path=path, status="failed", error=error)
        event = NewEvent(type="step_failed", path=path, data={"error": error})
        await asyncio.to_thread(self.store.record_outcome, self.lease, outcome, [event])
        self.walk.failed_to_ask(outcome)

    async def _wait(self) -> None:
        """Wait for a step run to end, for a signal, or for the time to look around."""
        heard = asyncio.create_task(self.signals.heard(), name="signals")
        try:
            done, _ = await asyncio.wait(
                [*self.running, heard], timeout=CONTROL_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            heard.cancel()
        for task in [task for task in self.running if task in done]:  # in the order in which they began
            start = self.running.pop(task)
            if task.cancelled():
                continue
            outcome = task.result()
            if outcome.status == "postponed":
                continue
            if outcome.status == "needs_review" and self.opened is not None:
                await self.opened(await asyncio.to_thread(self.questions.newest, start.path), (start.path,))
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
            await self._let_go("paused", [self._event("execution_paused")], progress=progress)
            return Settled(status="paused", progressed=self.progressed)
        if self.signals.leaving:
            events = [self._event("execution_released", {"reason": "the worker stops"})]
            await self._let_go("queued", events, progress=progress, ready_at=await self.clock.ask())
            return Settled(status="queued", progressed=self.progressed)
        decisions = await asyncio.to_thread(self.store.decisions, self.lease.execution_id)
        missed = [path for path in self.walk.waiting if path in decisions]
        for path in missed:
            self.walk.decided(path, decisions[path])
        if missed:
            return None
        until = self.postponed.next_due
        data: JsonObject = {"reviews": list(self.walk.waiting), "until": until.isoformat() if until else None}
        await self._let_go("waiting", [self._event("execution_waiting", data)], progress=progress, ready_at=until)
        waiting = await asyncio.to_thread(self.questions.all)
        return Settled(status="waiting", waiting=waiting, until=until, progressed=self.progressed)

    def _event(self, kind: EventType, data: JsonObject | None = None) -> NewEvent:
        return NewEvent(type=kind, data={**(data or {}), "holder": self.lease.holder})

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
        ready_at: datetime | None = None,
    ) -> None:
        await asyncio.to_thread(
            lambda: self.store.settle(
                self.lease, status, events=events, outputs=outputs, error=error, progress=progress, ready_at=ready_at
            )
        )
