"""Configuration of a database: a SQLAlchemy URL, or its parts as in a block of prefect-sqlalchemy."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from flowbuilder.adapters.record_fields import Field, read_fields
from flowbuilder.diagnostics import nearest
from flowbuilder.errors import ConfigurationError
from flowbuilder.values import JsonObject

_URL = re.compile(r"(?:postgres|postgresql|sqlite|mysql|mariadb|oracle|mssql)(?:\+\w+)?:", re.IGNORECASE)
_BLOCK = frozenset({"driver", "connection_info"})
Family = Literal["postgresql", "sqlite"]
_OTHER_DRIVERS = frozenset(
    {
        "context",
        "async_fallback",
        "prepared_statement_cache_size",
        "prepared_statement_name_func",
        "statement_cache_size",
    }
)
"""What SQLAlchemy adds for its own driver, and options of asyncpg that mean nothing for a single statement."""
_SSL_MODES = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})
EXAMPLE = "postgresql://USER@HOST/DATABASE or sqlite:////PATH/OF/FILE"


@dataclass(frozen=True, kw_only=True)
class DatabaseRecord:
    """A database: the file of a SQLite database, or the arguments with which libpq connects to PostgreSQL."""

    name: str
    family: Family
    file: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def hosts(self) -> tuple[tuple[str, int], ...]:
        """The hosts with their ports that may be connected to; none for a file or a socket of this machine."""
        hosts = self.arguments.get("host", "").split(",")
        ports = self.arguments.get("port", "").split(",")
        ports = ports * len(hosts) if len(ports) == 1 else ports
        pairs = zip(hosts, [*ports, *[""] * len(hosts)], strict=False)
        return tuple((host, int(port or 5432)) for host, port in pairs if host and not host.startswith(("/", "@")))


def is_database(connection: Mapping[str, Any]) -> bool:
    """Whether a connection is meant as a database: it has a driver, the fields of a block, or the URL of one."""
    return not _BLOCK.isdisjoint(connection) or _URL.match(str(connection.get("url", ""))) is not None


def database_record(name: str, connection: JsonObject) -> DatabaseRecord:
    """The record in a connection; `ConfigurationError` names the field that is missing or wrong, and what it needs."""

    def wrong(message: str) -> ConfigurationError:
        return ConfigurationError(f"database {name} {message}")

    info = connection.get("connection_info")  # as blocks of prefect-sqlalchemy write it
    if info is not None:
        rest = {key: value for key, value in connection.items() if key != "connection_info"}
        connection = {**rest, **info} if isinstance(info, Mapping) else {**rest, "url": info}
    given = read_fields(f"database {name}", connection, FIELDS, says_why=False)
    url = _url_of(given, wrong)
    family = url.get_backend_name()
    if family == "sqlite":
        return DatabaseRecord(name=name, family="sqlite", file=_file_of(url, given, wrong))
    if family not in ("postgresql", "postgres"):
        raise wrong(f"is of {family:.40}; an sql step knows PostgreSQL and SQLite")
    from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg  # here: a file of SQLite needs none of it

    try:
        _, arguments = PGDialect_psycopg().create_connect_args(url)  # type: ignore[no-untyped-call]
    except Exception:  # a mistake in an option of the URL; its text may show the password
        raise wrong(f"needs url as {EXAMPLE}") from None
    options = {**arguments, **given.get("connect_args", {})}
    record = DatabaseRecord(name=name, family="postgresql", arguments=_of_libpq(options, wrong))
    if not record.arguments.get("host"):
        raise wrong(
            "needs a host; for a socket of this machine its folder: postgresql:///DATABASE?host=/run/postgresql"
        )
    try:
        record.hosts  # noqa: B018 (a port that is no number)
    except ValueError:
        raise wrong("needs port as a number") from None
    return record


def _of_libpq(options: Mapping[str, Any], wrong: Callable[[str], ConfigurationError]) -> dict[str, str]:
    """The options for libpq. `ssl` of asyncpg is its `sslmode`; options of a driver's cache have no meaning here."""
    from psycopg.pq import Conninfo  # here: a file of SQLite does not need the driver, which takes a while to load

    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    found: dict[str, str] = {}
    for key, value in options.items():
        name = "sslmode" if key == "ssl" and value in _SSL_MODES else key
        if key in _OTHER_DRIVERS or value is None:
            continue
        if name not in known:
            close = "sslmode" if key == "ssl" else nearest(key, sorted(known))
            hint = f"; did you mean {close}?" if close else "; see the parameters of libpq"
            raise wrong(f"has an option {key:.40} that libpq does not know{hint}")
        found[name] = str(value)
    return found


def _url_of(given: Mapping[str, Any], wrong: Callable[[str], ConfigurationError]) -> Any:
    from sqlalchemy import URL, make_url
    from sqlalchemy.exc import ArgumentError

    parts = [key for key in _PARTS if key in given]
    if bool(given.get("url")) == bool(parts):
        raise wrong(f"needs a url ({EXAMPLE}), or driver, host and database, and not both")
    if parts:
        if "driver" not in given:
            raise wrong("needs driver: postgresql or sqlite")
        names = {"driver": "drivername"}
        url = URL.create(**{names.get(key, key): given[key] for key in parts})
    else:
        try:
            url = make_url(given["url"])
        except (ArgumentError, ValueError):
            raise wrong(f"needs url as {EXAMPLE}") from None
    return url.set(**{key: given[key] for key in ("username", "password") if key in given})


def _file_of(url: Any, given: Mapping[str, Any], wrong: Callable[[str], ConfigurationError]) -> str:
    file = str(url.database or "")
    if not Path(file).is_absolute():
        raise wrong("needs the absolute path of a file: sqlite:////PATH/OF/FILE, with four slashes")
    if options := [*url.query, *given.get("connect_args", ())]:
        raise wrong(f"is a file of SQLite, which has no options here: leave out {', '.join(map(str, options)):.100}")
    return file


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError
    return value


def _port(value: Any) -> int:
    if isinstance(value, bool) or not 0 < int(value) < 65536:
        raise ValueError
    return int(value)


def _options(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError
    if any(not isinstance(item, str | int | float) or "\0" in str(item) for item in value.values()):
        raise ValueError
    return {str(key): str(item).lower() if isinstance(item, bool) else str(item) for key, item in value.items()}


_PARTS = ("driver", "host", "port", "database", "query")
FIELDS: Mapping[str, Field] = {
    "url": (_text, EXAMPLE),
    "driver": (_text, "postgresql or sqlite"),
    "host": (_text, "the name or address of a server"),
    "port": (_port, "a number from 1 to 65535"),
    "username": (_text, "a text"),
    "password": (_text, "a text"),
    "database": (_text, "the name of a database, or the absolute path of a file"),
    "query": (_options, "a mapping of options to texts: {sslmode: require}"),
    "connect_args": (_options, "a mapping of options of libpq to texts: {sslmode: require}"),
}
"""The fields of a connection: what reads the value, and what the message says that it needs."""
