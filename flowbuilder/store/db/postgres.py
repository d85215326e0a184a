"""PostgreSQL: the engine, the settings that keep commits durable, notifications. Imported only where it is used."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Event
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, func, text
from sqlalchemy.dialects import postgresql

from flowbuilder.errors import ConfigurationError, Unavailable
from flowbuilder.store.db.transaction import Dialect
from flowbuilder.store.db.url import display_url

CHANNEL = "flowbuilder_ready"
"""The notification channel for ids of executions that are ready."""
_POLL_SECONDS = 0.5
"""Seconds within which a listener notices that it is to stop."""
_KEEP_ALIVE: dict[str, Any] = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
"""A listener sends nothing: by keep-alives it learns within 25 s that the server has gone."""
_DURABILITY = ("synchronous_commit", "fsync", "full_page_writes")


def postgres_engine(url: URL) -> Engine:
    """An engine whose sessions use UTC."""
    return create_engine(
        url,
        pool_size=8,
        max_overflow=32,
        pool_use_lifo=True,
        connect_args={"options": f"-c timezone=UTC {url.query.get('options', '')}".strip(), "connect_timeout": 5},
    )


def ensure_durable(connection: Connection) -> None:
    """`ConfigurationError` when the server may lose what it has committed."""
    for setting in _DURABILITY:
        value = connection.scalar(text("SELECT current_setting(:name)"), {"name": setting})
        if value in ("off", "local"):
            raise ConfigurationError(
                f"this PostgreSQL has {setting} = {value}: a power loss may undo commits, and effects would be "
                "repeated; set it to on"
            )


def listen(url: URL, timeout: float, stop: Event) -> Iterator[str]:
    """The ids that are announced within `timeout` seconds and before `stop` is set, as they arrive, on a connection of
    their own. `Unavailable`."""
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    deadline = time.monotonic() + timeout
    try:
        with psycopg.connect(plain, autocommit=True, connect_timeout=5, **_KEEP_ALIVE) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            while not stop.is_set() and (left := deadline - time.monotonic()) > 0:
                for notification in connection.notifies(timeout=min(left, _POLL_SECONDS)):
                    yield notification.payload
    except psycopg.Error as error:
        raise Unavailable(f"{display_url(url)} cannot be reached: {' '.join(str(error).split())[:200]}") from None


def _notify(connection: Connection, execution_id: str) -> None:
    connection.execute(_NOTIFY, {"id": execution_id})


_NOTIFY = text(f"SELECT pg_notify('{CHANNEL}', :id)")
POSTGRES = Dialect(has_clock=True, insert=postgresql.insert, notify=_notify, position=func.strpos)
