"""From a stored execution to a settled one: take the lease, compile the frozen version, drive, let go."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from typing import Any

from flowbuilder.definition.document import Definition, WorkflowLookup
from flowbuilder.definition.loader import load
from flowbuilder.engine.drive_control import DriveControl
from flowbuilder.engine.driver import Settled, drive
from flowbuilder.engine.egress import reachable
from flowbuilder.engine.history import ensure_sound
from flowbuilder.engine.review_client import Opened
from flowbuilder.engine.step_runner import Perform, Work
from flowbuilder.errors import (
    ConfigurationError,
    Damaged,
    DefinitionError,
    LostLease,
    NotFound,
    Refused,
    TransientError,
    Unavailable,
)
from flowbuilder.json_schema import problems
from flowbuilder.model.events import NewEvent
from flowbuilder.model.execution import Execution, Lease, Outcome, WorkflowVersion
from flowbuilder.plan.compiler import recompile
from flowbuilder.plan.nodes import Plan
from flowbuilder.ports import Clock, Ports, Store
from flowbuilder.values import JsonObject, NotJson, ensure_json
from flowbuilder.walk.commands import Start


def stored_workflows(store: Store) -> WorkflowLookup:
    """Finds called workflows in the store: the version asked for, else the published one, else the newest draft."""

    def find(name: str, number: int | None) -> Definition:
        try:
            version = store.version(name, number)
        except NotFound:
            if number is not None:
                raise
            version = store.latest_version(name)
        return definition_of(version)

    return find


def definition_of(version: WorkflowVersion) -> Definition:
    """The definition that a stored version holds; `DefinitionError` when this release can no longer read it."""
    definition, report = load(version.document)
    if definition is None:
        raise DefinitionError(report)
    return definition


def plan_of(store: Store, version: WorkflowVersion) -> Plan:
    """The plan of a stored version. Versions are immutable and name the versions that they call, so it is cached."""
    return _plan(_Stored(store, version))


class _Stored:
    """A cache key: a version is what its digest says, whatever store it came from."""

    def __init__(self, store: Store, version: WorkflowVersion) -> None:
        self.store, self.version = store, version

    def __hash__(self) -> int:
        return hash(self.version.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Stored) and (id(self.store), self.version.digest) == (
            id(other.store),
            other.version.digest,
        )


@lru_cache(maxsize=256)
def _plan(stored: _Stored) -> Plan:
    return recompile(definition_of(stored.version), workflows=stored_workflows(stored.store))


def json_inputs(inputs: Mapping[str, Any]) -> JsonObject:
    """A copy of the inputs, which are JSON; `Refused` says what is not."""
    try:
        checked = ensure_json(dict(inputs), where="inputs")
    except NotJson as problem:
        raise Refused(str(problem)) from None
    assert isinstance(checked, dict)
    return checked


def checked_inputs(plan: Plan, inputs: JsonObject) -> JsonObject:
    """The inputs with defaults filled in; `Refused` says what is wrong with them."""
    complete = {**plan.defaults, **inputs}
    wrong = problems(plan.input_schema, complete)
    if wrong:
        said = "; ".join(f"{place.removeprefix('/') or 'inputs'}: {message}" for place, message in wrong)
        raise Refused(f"these inputs do not fit {plan.name}: {said}")
    return complete


def create_execution(
    store: Store,
    clock: Clock,
    *,
    execution_id: str,
    version: WorkflowVersion,
    inputs: JsonObject,
    site: str | None = None,
    trigger: str = "manual",
    parent_execution_id: str | None = None,
) -> Execution:
    """The execution with this id, made now unless it is there already. Freezes the version, its plan's digest and the
    site's record. `Refused` when the inputs do not fit, `NotFound` when there is no such site."""
    plan = plan_of(store, version)
    now = clock.now()
    return store.create_execution(
        Execution(
            id=execution_id,
            workflow=version.workflow,
            version=version.number,
            digest=plan.digest,
            status="queued",
            inputs=checked_inputs(plan, inputs),
            site=site,
            site_record=store.site(site) if site else {},
            trigger=trigger,
            parent_execution_id=parent_execution_id,
            created_at=now,
            ready_at=now,
        )
    )


async def execute(
    store: Store,
    execution_id: str,
    *,
    holder: str,
    ttl: timedelta,
    ports: Ports,
    perform: Perform,
    opened: Opened | None = None,
    signals: DriveControl | None = None,
) -> Settled:
    """Take an execution up and run it as far as it goes. `Conflict` while another worker holds it, `Refused` when it
    has ended, `LostLease` when it was taken over meanwhile. One with a damaged row is paused until that is repaired."""
    lease = await asyncio.to_thread(store.claim, execution_id, holder, ttl)
    execution = await asyncio.to_thread(store.execution, execution_id)
    async with _renewing(store, lease, ttl):
        try:
            await asyncio.to_thread(ensure_sound, store, execution)
            version = await asyncio.to_thread(store.version, execution.workflow, execution.version)
            plan = await asyncio.to_thread(plan_of, store, version)
        except Damaged as problem:
            return await _hold(store, lease, problem)
        except (DefinitionError, NotFound) as problem:
            return await _give_up(store, lease, "definition", str(problem))
        if plan.digest != execution.digest:
            message = "this release compiles the workflow to another plan than the one the execution began with"
            return await _give_up(store, lease, "plan_changed", message)
        try:
            plan = replace(plan, hosts=reachable(plan.hosts, execution.site_record))
        except ConfigurationError as problem:
            return await _give_up(store, lease, "configuration", str(problem))
        if execution.attempt > 1:
            event = NewEvent(type="execution_resumed", data={"holder": holder, "attempt": execution.attempt})
            await asyncio.to_thread(store.append_events, lease, [event])
        try:
            return await drive(
                store=store,
                lease=lease,
                plan=plan,
                execution=execution,
                ports=ports,
                perform=perform,
                opened=opened,
                signals=signals,
            )
        except Damaged as problem:
            return await _hold(store, lease, problem)


class PerformHere:
    """Carries out step runs in this process, waiting between attempts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, start: Start, work: Work) -> Outcome:
        """One step run, with its retries."""
        attempt = 1
        while True:
            try:
                return await work(attempt, None)
            except TransientError as problem:
                await self._clock.sleep(problem.retry_after or 0.0)
                attempt += 1


async def _give_up(store: Store, lease: Lease, code: str, message: str) -> Settled:
    error: JsonObject = {"code": code, "message": message}
    event = NewEvent(type="execution_failed", data={"error": error})
    await asyncio.to_thread(lambda: store.settle(lease, "failed", events=[event], error=error))
    return Settled(status="failed", error=error, progressed=True)


async def _hold(store: Store, lease: Lease, problem: Damaged) -> Settled:
    """Set an execution aside, so that others run: going on from what is not true would do harm."""
    error: JsonObject = {"code": "damaged", "message": str(problem)}
    event = NewEvent(type="execution_paused", data={"by": "flowbuilder", "error": error})
    await asyncio.to_thread(lambda: store.settle(lease, "paused", events=[event], error=error))
    return Settled(status="paused", error=error, progressed=True)


@contextlib.asynccontextmanager
async def _renewing(store: Store, lease: Lease, ttl: timedelta) -> AsyncIterator[None]:
    """Renew the lease three times in its life. When it is lost, the body is cancelled and `LostLease` comes out."""
    body = asyncio.current_task()
    lost: list[LostLease] = []

    async def renew() -> None:
        while True:
            await asyncio.sleep(ttl.total_seconds() / 3)
            try:
                await asyncio.to_thread(store.renew, lease, ttl)
            except Unavailable:
                continue  # the database is away; whoever takes over meanwhile is noticed by the next write
            except LostLease as problem:
                lost.append(problem)
                if body is not None:
                    body.cancel()
                return

    task = asyncio.create_task(renew(), name=f"renew {lease.execution_id}")
    try:
        yield
    except asyncio.CancelledError:
        if lost:
            if body is not None:
                body.uncancel()
            raise lost[0] from None
        raise
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
