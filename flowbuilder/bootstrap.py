"""Composition root: the one module that picks real implementations of the ports."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from flowbuilder.app import App
from flowbuilder.engine.in_process import LocalRunner
from flowbuilder.engine.stored_plans import PlanCache
from flowbuilder.ports import Connections, Ports, Store
from flowbuilder.ports.private_files import close_to_others, private_folder
from flowbuilder.settings import Settings

if TYPE_CHECKING:
    from flowbuilder.prefect.runs.worker_context import WorkerContext


@cache
def settings() -> Settings:
    """The settings of this process, read from the environment once."""
    return Settings()


def database_url(options: Settings) -> str:
    """The database that the settings name, by URL or by a prefect-sqlalchemy block."""
    if not options.database_block:
        return options.url
    from flowbuilder.adapters.prefect_blocks.blocks import database_url_from_block

    return database_url_from_block(options.database_block)


def open_store(options: Settings | None = None) -> Store:
    """The store that the settings name. A SQLite database is created and migrated; any other must be up to date."""
    from flowbuilder.store import open_store as open_at
    from flowbuilder.store import upgrade

    chosen = options or settings()
    url = database_url(chosen)
    close_to_others(chosen.home)
    if url.startswith("sqlite:///"):
        private_folder(chosen.home)
        upgrade(url)
    return open_at(url, least_free=chosen.least_free)


def open_ports(options: Settings | None = None, *, blocks: bool, store: Store | None = None) -> Ports:
    """The real ports. With `blocks`, connections may be Prefect blocks, not only files. Limits of connections are
    shared by all processes that use `store`; without a store there are none."""
    from flowbuilder.adapters.connections import FileConnections
    from flowbuilder.adapters.ports import real_ports

    chosen = options or settings()
    files: Connections = FileConnections(chosen.home)
    connections, external_limit = files, None
    if blocks:
        from flowbuilder.adapters.prefect_blocks.blocks import BlockConnections
        from flowbuilder.prefect.api.global_limits import PrefectConcurrencyLimits

        connections, external_limit = BlockConnections(files), PrefectConcurrencyLimits()
    if store is None:
        return real_ports(chosen, connections)
    from flowbuilder.adapters.ports import SystemClock
    from flowbuilder.adapters.throttling.connection_throttle import ConnectionThrottle
    from flowbuilder.adapters.throttling.limit_registry import LimitRegistry

    registry = LimitRegistry(connections, hosts=files)
    return real_ports(
        chosen, connections, ConnectionThrottle(store, registry, SystemClock(), external_limit=external_limit)
    )


def open_worker_context(kind: str = "flow") -> WorkerContext:
    """The dependencies of a process that runs executions. `kind` is "worker" for a warm worker, "flow" for a flow run's
    own process."""
    from flowbuilder.prefect.runs.worker_context import WorkerContext, new_holder

    options = settings()
    store = open_store(options)
    ports = open_ports(options, blocks=True, store=store)
    return WorkerContext(store=store, ports=ports, settings=options, holder=new_holder(kind))


def open_app(options: Settings | None = None) -> App:
    """The application with Prefect as its engine."""
    from flowbuilder.prefect.engine import PrefectEngine

    chosen = options or settings()
    store = open_store(chosen)
    plans = PlanCache(store)
    return App(store, PrefectEngine(store, chosen, plans=plans), chosen, plans=plans)


def open_local_app(options: Settings | None = None) -> tuple[App, LocalRunner]:
    """The application without a Prefect server, and the runner that runs its executions in this process."""
    chosen = options or settings()
    store = open_store(chosen)
    runner = LocalRunner(store, open_ports(chosen, blocks=False, store=store))
    return App(store, runner, chosen, plans=runner.plans), runner
