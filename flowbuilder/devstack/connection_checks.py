"""Checks of connections for `doctor`: those that are named must exist; limits; databases; short secrets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping

from flowbuilder.devstack.configuration_checks import all_connections, current_store
from flowbuilder.errors import ConfigurationError, FlowbuilderError
from flowbuilder.ports import Connections
from flowbuilder.settings import Settings
from flowbuilder.values import JsonObject


def limit_problems(settings: Settings) -> Iterator[tuple[str, str]]:
    """The connections in `connections.yaml` with invalid limits, by name, and the error. Secrets are not read."""
    from flowbuilder.adapters.connections import FileConnections
    from flowbuilder.throttling.limits import limits_of

    for name, entry in FileConnections(settings.home).entries().items():
        try:
            if isinstance(entry, Mapping):
                limits_of(name, entry)
        except ConfigurationError as problem:
            yield name, problem.message


def _readable(settings: Settings) -> Iterator[tuple[str, JsonObject]]:
    """The connections in `connections.yaml` that can be read; a step that needs another one, and the check of missing
    connections, name it."""
    from flowbuilder.adapters.connections import FileConnections

    connections = FileConnections(settings.home)
    for name in connections.entries():
        try:
            values = asyncio.run(connections.get(name))
        except FlowbuilderError:
            continue
        yield name, values


def database_problems(settings: Settings) -> Iterator[tuple[str, str]]:
    """The connections in `connections.yaml` that are databases and whose record is wrong, and the error. Nothing is
    connected to."""
    from flowbuilder.adapters.sql.record import database_record, is_database

    for name, values in _readable(settings):
        if is_database(values):
            try:
                database_record(name, values)
            except ConfigurationError as problem:
                yield name, problem.message


def connections_with_short_secrets(settings: Settings) -> Iterator[str]:
    """The connections in `connections.yaml` with a secret that is too short to be looked for in answers."""
    from flowbuilder.ports.secret_forms import MIN_LENGTH, secrets_in

    for name, values in _readable(settings):
        if any(0 < len(secret) < MIN_LENGTH for secret in secrets_in(values)):
            yield name


def missing_connections(settings: Settings, *, blocks: bool) -> Iterator[tuple[str, str]]:
    """The published workflows that name a connection which cannot be read, each with the reason. With `blocks`, a
    connection may be a Prefect block. Called workflows are checked as parts of their callers."""
    from flowbuilder.engine.ingress import connection_names
    from flowbuilder.engine.stored_plans import PlanCache

    store = current_store(settings)
    if store is None:
        return
    connections = all_connections(settings, blocks=blocks)
    try:
        plans = PlanCache(store)
        for summary in store.workflows():
            if summary.published is not None:
                plan = plans.plan_of(store.version(summary.name, summary.published))
                for reason in asyncio.run(_unreadable(connections, connection_names(plan, {}))):
                    yield summary.name, reason
    finally:
        store.close()


async def _unreadable(connections: Connections, names: Iterable[str]) -> list[str]:
    reasons = []
    for name in names:
        try:
            await connections.get(name)
        except FlowbuilderError as problem:
            reasons.append(problem.message)
    return reasons
