"""PostgreSQL as the store uses it: the server's clock, settings that keep what was committed, notifications."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Event
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, text

from flowbuilder.errors import ConfigurationError

CHANNEL = "flowbuilder_ready"
"""Where the ids of executions are announced that are ready to go on."""
_LOOK_UP_SECONDS = 0.5
"""How soon a listener sees that it is to stop."""
_KEEP_ALIVE: dict[str, Any] = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
"""A listener says nothing: only so it learns within 25 s that the other side is gone."""
_NEEDED = ("synchronous_commit", "fsync", "full_page_writes")


def postgres_engine(url: URL) -> Engine:
    """An engine whose sessions speak UTC."""
    return create_engine(
        url,
        pool_size=8,
        max_overflow=32,
        pool_use_lifo=True,
        connect_args={"options": f"-c timezone=UTC {url.query.get('options', '')}".strip(), "connect_timeout": 5},
    )


def ensure_durable(connection: Connection) -> None:
    """`ConfigurationError` when the server may forget what it has committed."""
    for setting in _NEEDED:
        value = connection.scalar(text("SELECT current_setting(:name)"), {"name": setting})
        if value in ("off", "local"):
            raise ConfigurationError(
                f"this PostgreSQL has {setting} = {value}: after a power loss it may have forgotten what it committed, "
                "and effects would be repeated; set it to on"
            )


def notify(connection: Connection, execution_id: str) -> None:
    """Announce an execution when this transaction commits."""
    connection.execute(_NOTIFY, {"id": execution_id})


def listen(url: URL, timeout: float, stop: Event) -> Iterator[str]:
    """The ids that are announced within `timeout` seconds and before `stop` is set, as they come, on a connection of
    their own."""
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    deadline = time.monotonic() + timeout
    with psycopg.connect(plain, autocommit=True, connect_timeout=5, **_KEEP_ALIVE) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        while not stop.is_set() and (left := deadline - time.monotonic()) > 0:
            for notification in connection.notifies(timeout=min(left, _LOOK_UP_SECONDS)):
                yield notification.payload


_NOTIFY = text(f"SELECT pg_notify('{CHANNEL}', :id)")
