"""Where the database is: the URLs that people write, as SQLAlchemy's."""

from __future__ import annotations

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from flowbuilder.errors import ConfigurationError


def location(url: str) -> URL:
    """The URL with the driver that the store works with; `ConfigurationError` for what is no database of ours."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigurationError("FLOWBUILDER_DATABASE_URL is not a database URL; write sqlite:///FILE or "
                                 "postgresql://USER@HOST/DATABASE") from None  # fmt: skip
    family = parsed.get_backend_name()
    if family in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if family == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise ConfigurationError("a database in memory is forgotten at once; name a file: sqlite:///flowbuilder.db")
        return parsed.set(drivername="sqlite+pysqlite")
    raise ConfigurationError(f"flowbuilder works on SQLite and PostgreSQL, not on {family}")


def shown(url: URL) -> str:
    """The URL as messages may show it, without its password."""
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)


def shown_url(url: str) -> str:
    """A URL as people write it, as messages may show it."""
    return shown(location(url))
