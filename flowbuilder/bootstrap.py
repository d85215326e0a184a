"""The one place that picks real implementations."""

from __future__ import annotations

from functools import cache

from flowbuilder.app import App
from flowbuilder.engine.in_process import LocalRunner
from flowbuilder.engine.stored_plans import PlanCache
from flowbuilder.ports import Connections, Ports, Store
from flowbuilder.settings import Settings


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
    """The store that the settings name. An embedded database is made and migrated on the fly; any other must be."""
    from flowbuilder.store import open_store as open_at
    from flowbuilder.store import upgrade

    chosen = options or settings()
    url = database_url(chosen)
    if url.startswith("sqlite:///"):
        chosen.home.mkdir(parents=True, exist_ok=True)
        upgrade(url)
    return open_at(url, least_free=chosen.least_free)


def open_ports(options: Settings | None = None, *, blocks: bool, store: Store | None = None) -> Ports:
    """The real outside world; `blocks` says whether connections may be Prefect blocks, or are files only. The limits of
    connections are those of all who share the `store`; without one there are none."""
    from flowbuilder.adapters.connections import FileConnections
    from flowbuilder.adapters.ports import real_ports

    chosen = options or settings()
    files: Connections = FileConnections(chosen.home)
    connections, wall = files, None
    if blocks:
        from flowbuilder.adapters.prefect_blocks.blocks import BlockConnections
        from flowbuilder.prefect.api.global_limits import PrefectConcurrencyLimits

        connections, wall = BlockConnections(files), PrefectConcurrencyLimits()
    if store is None:
        return real_ports(chosen, connections)
    from flowbuilder.adapters.ports import SystemClock
    from flowbuilder.adapters.throttling.connection_throttle import ConnectionThrottle
    from flowbuilder.adapters.throttling.limit_registry import LimitRegistry

    declared = LimitRegistry(connections, hosts=files)
    return real_ports(chosen, connections, ConnectionThrottle(store, declared, SystemClock(), external_limit=wall))


def open_app(options: Settings | None = None) -> App:
    """The application with Prefect as its engine."""
    from flowbuilder.prefect.engine import PrefectEngine

    chosen = options or settings()
    store = open_store(chosen)
    plans = PlanCache(store)
    return App(store, PrefectEngine(store, chosen, plans=plans), chosen, plans=plans)


def open_local_app(options: Settings | None = None) -> tuple[App, LocalRunner]:
    """The application without any server, and what runs its executions."""
    chosen = options or settings()
    store = open_store(chosen)
    runner = LocalRunner(store, open_ports(chosen, blocks=False, store=store))
    return App(store, runner, chosen, plans=runner.plans), runner
