"""A small installation in this process: a store, the application with Prefect as its engine, warm workers."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State

from flowbuilder.app import App
from flowbuilder.model.events import Event
from flowbuilder.model.review import DecisionKind, Review
from flowbuilder.model.review_rules import Answer
from flowbuilder.ports import Ports, Store
from flowbuilder.prefect.engine import PrefectEngine
from flowbuilder.prefect.runs.worker_context import WorkerContext, new_holder
from flowbuilder.prefect.worker.warm_worker import WarmWorker
from flowbuilder.settings import Settings

T = TypeVar("T")

GUARD_SECONDS = 300.0
"""After so many seconds a wait fails. It is no measure of speed: the machine may be busy."""


@dataclass(kw_only=True)
class PrefectInstallation:
    """An installation with a work pool of its own: tests do not see each other's runs on the shared Prefect server."""

    store: Store
    ports: Ports
    settings: Settings
    app: App = field(init=False)

    def __post_init__(self) -> None:
        self.app = App(self.store, PrefectEngine(self.store, self.settings), self.settings)

    def publish(self, document: str) -> str:
        """Store and publish a workflow under a unique name, which is returned: tests share a Prefect server."""
        name = f"{document.split('name: ')[1].split(maxsplit=1)[0]}-{uuid.uuid4().hex[:6]}"
        first = document.split("name: ")[1].split(maxsplit=1)[0]
        version = self.app.push(document.replace(f"name: {first}", f"name: {name}", 1))
        self.app.publish(version.workflow)
        return version.workflow

    async def start(self, workflow: str, inputs: dict[str, Any] | None = None, **options: Any) -> str:
        """Start an execution from a thread, as commands and pages do."""
        return await asyncio.to_thread(lambda: self.app.start(workflow, inputs or {}, **options))

    async def decide(self, review: Review, kind: DecisionKind = "approved", comment: str = "") -> None:
        """Decide the current version of a review."""
        now = self.app.review(review.id)
        await asyncio.to_thread(lambda: self.app.decide(now.id, Answer.to(now, kind=kind, by="ana", comment=comment)))

    async def status(self, execution_id: str, *wanted: str, seconds: float = GUARD_SECONDS) -> str:
        """Wait until the execution has one of these statuses."""
        return await until(
            lambda: (found := self.app.execution(execution_id).status) in wanted and found,
            seconds=seconds,
            what=f"{' or '.join(wanted)} (it is {self.app.execution(execution_id).status})",
        )

    async def review(self, execution_id: str, path: str = "review") -> Review:
        """Wait for the open review at a path."""
        return await until(
            lambda: next(
                (item for item in self.app.reviews_of(execution_id) if item.path == path and item.status == "open"),
                None,
            ),
            what=f"a review at {path}",
        )

    def events(self, execution_id: str, kind: str, path: str | None = None) -> list[Event]:
        """The events of a type, at a path if given."""
        return [
            event
            for event in self.app.events(execution_id)
            if event.type == kind and (path is None or event.path == path)
        ]

    @contextlib.asynccontextmanager
    async def worker(
        self,
        *,
        opening: Callable[[Callable[[], WorkerContext]], WorkerContext] = lambda opened: opened(),
        **options: Any,
    ) -> AsyncIterator[WarmWorker]:
        """A warm worker in this process; `opening` is called in place of opening its store, and may fail."""
        worker_context = WorkerContext(
            store=self.store, ports=self.ports, settings=self.settings, holder=new_holder("test")
        )

        class Worker(WarmWorker):
            type = f"test-{uuid.uuid4().hex[:8]}"

            @staticmethod
            def open_worker_context() -> WorkerContext:
                return opening(lambda: worker_context)

        worker = Worker(work_pool_name=self.settings.work_pool, **options)
        task = asyncio.create_task(worker.start(printer=lambda *_: None))
        await until(lambda: task.done() or getattr(worker, "_loops", None), what="the worker")
        try:
            if task.done():
                task.result()
            yield worker
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def until(question: Callable[[], T | None], *, seconds: float = GUARD_SECONDS, what: str = "it") -> T:
    """Poll until the answer is true, and return it."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if loop.time() > end:
            raise AssertionError(f"{what} did not come within {seconds} s")
        await asyncio.sleep(0.02)


async def flow_run(execution_id: str) -> FlowRun:
    """The flow run of an execution in Prefect."""
    async with get_client() as client:
        return await client.read_flow_run(UUID(execution_id))


async def prefect_state(execution_id: str, name: str, *, seconds: float = GUARD_SECONDS) -> State[Any]:
    """Wait until the flow run has a state of this name in Prefect."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        state = (await flow_run(execution_id)).state
        if state is not None and state.name == name:
            return state
        if loop.time() > end:
            raise AssertionError(f"Prefect did not show {name} within {seconds} s but {state!r}")
        await asyncio.sleep(0.1)
