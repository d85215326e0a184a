"""Runs one stored execution: takes the lease, compiles the frozen version, replays the history, and drives it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

from flowbuilder.engine.drive_control import DriveControl
from flowbuilder.engine.driver import Driver, RunResult
from flowbuilder.engine.egress import reachable
from flowbuilder.engine.history import info_of, load_history
from flowbuilder.engine.ingress import connection_names, read_secrets
from flowbuilder.engine.step_executor import StepExecutor
from flowbuilder.engine.step_runner import StepContext
from flowbuilder.engine.store_clock import StoreClock
from flowbuilder.engine.stored_plans import PlanCache
from flowbuilder.errors import ConfigurationError, Damaged, DefinitionError, LostLease, NotFound, Unavailable
from flowbuilder.model.event_data import ExecutionFailed, ExecutionPaused, ExecutionResumed
from flowbuilder.model.execution import Execution, Lease
from flowbuilder.model.reviewers import SYSTEM
from flowbuilder.plan.nodes import Plan
from flowbuilder.ports import Ports, Store
from flowbuilder.ports.known_secrets import KnownSecrets
from flowbuilder.ports.mcp import SharesSessions
from flowbuilder.values import JsonObject


async def run_execution(
    store: Store,
    execution_id: str,
    *,
    holder: str,
    ttl: timedelta,
    ports: Ports,
    plans: PlanCache | None = None,
    executor: StepExecutor | None = None,
    control: DriveControl | None = None,
) -> RunResult:
    """Claim an execution and run it as far as it goes without a person, with a lease of `ttl` that is renewed.

    Step runs go to the `executor`, by default in this process. An execution that this release compiles to another plan
    fails; one with a damaged row is paused until the row is repaired. Raises `Conflict` while another worker holds the
    execution, `Refused` when it has ended or is paused, and `LostLease` when another worker took it over meanwhile.
    """
    lease = await asyncio.to_thread(store.claim, execution_id, holder, ttl)
    execution = await asyncio.to_thread(store.execution, execution_id)
    executor = executor or StepExecutor(ports.clock)
    try:
        async with _shared_servers(ports) as shared, _lease_renewal(store, lease, ttl):
            try:
                history = await asyncio.to_thread(load_history, store, execution)
                plan = await asyncio.to_thread(_plan_of, store, execution, plans or PlanCache(store))
                if execution.attempt > 1:
                    event = ExecutionResumed(holder=holder, attempt=execution.attempt).at()
                    await asyncio.to_thread(store.append_events, lease, [event])
                names = connection_names(plan, execution.site_record)
                secrets = KnownSecrets(ports.secrets)
                secrets.add_sensitive(history.sensitive)
                await read_secrets(secrets, ports, names)
                clock = StoreClock(store, ports.clock)
                await clock.ask()
                context = StepContext(
                    store=store,
                    lease=lease,
                    ports=replace(shared, clock=clock),
                    secrets=secrets,
                    clock=clock,
                    execution=info_of(execution),
                    site=execution.site_record,
                    install=await asyncio.to_thread(store.install_id),
                    hosts=plan.hosts,
                    retries=history.retries,
                )
                executor.execution_loaded(plan, history)
                driver = Driver(
                    plan, execution, history, context=context, executor=executor, control=control or DriveControl()
                )
                return await driver.run()
            except Damaged as problem:
                return await _quarantine(store, lease, problem)
            except _NotRunnable as problem:
                return await _fail(store, lease, problem)
    finally:
        await executor.close()


class _NotRunnable(Exception):
    """This release cannot run the execution; `code` is the error code that it fails with."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _plan_of(store: Store, execution: Execution, plans: PlanCache) -> Plan:
    """The plan that the execution started with, with the hosts of its site. `_NotRunnable` when there is none."""
    try:
        plan = plans.plan_of(store.version(execution.workflow, execution.version))
    except (DefinitionError, NotFound) as problem:
        raise _NotRunnable("definition", str(problem)) from None
    if plan.digest != execution.digest:
        message = "this release compiles the workflow to another plan than the one that the execution started with"
        raise _NotRunnable("plan_changed", message)
    try:
        hosts = reachable(plan.hosts, execution.site_record)
    except ConfigurationError as problem:
        raise _NotRunnable("configuration", str(problem)) from None
    # the cached plan is kept where it can be, with what it has computed of itself
    return plan if hosts == plan.hosts else replace(plan, hosts=hosts)


async def _fail(store: Store, lease: Lease, problem: _NotRunnable) -> RunResult:
    error: JsonObject = {"code": problem.code, "message": str(problem)}
    event = ExecutionFailed(error=error).at()
    await asyncio.to_thread(store.settle, lease, "failed", events=[event], error=error)
    return RunResult(status="failed", error=error, progressed=True)


async def _quarantine(store: Store, lease: Lease, problem: Damaged) -> RunResult:
    """Pause an execution with a damaged row: steps must not run on false data."""
    error: JsonObject = {"code": "damaged", "message": str(problem)}
    event = ExecutionPaused(by=SYSTEM, error=error).at()
    await asyncio.to_thread(store.settle, lease, "paused", events=[event], error=error)
    return RunResult(status="paused", error=error, progressed=True)


@contextlib.asynccontextmanager
async def _shared_servers(ports: Ports) -> AsyncIterator[Ports]:
    """The ports with MCP servers whose sessions stay open until the execution is released."""
    if not isinstance(ports.mcp, SharesSessions):
        yield ports
        return
    async with ports.mcp.shared() as servers:
        yield replace(ports, mcp=servers)


@contextlib.asynccontextmanager
async def _lease_renewal(store: Store, lease: Lease, ttl: timedelta) -> AsyncIterator[None]:
    """A block that renews the lease three times per `ttl`. When the lease is lost, the block is cancelled and raises
    `LostLease`."""
    body = asyncio.current_task()
    lost: list[LostLease] = []

    async def renew() -> None:
        while True:
            await asyncio.sleep(ttl.total_seconds() / 3)
            try:
                await asyncio.to_thread(store.renew, lease, ttl)
            except Unavailable:
                continue  # if another worker takes over meanwhile, the next write raises LostLease
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
