"""Database URLs: parsed into SQLAlchemy's, and displayed without the password."""

from __future__ import annotations

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from flowbuilder.errors import ConfigurationError


def parse_url(url: str) -> URL:
    """The URL with the store's driver; `ConfigurationError` for an unsupported database."""
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
            raise ConfigurationError(
                "an in-memory database would be lost at once; name a file: sqlite:///flowbuilder.db"
            )
        return parsed.set(drivername="sqlite+pysqlite")
    raise ConfigurationError(f"flowbuilder supports SQLite and PostgreSQL, not {family}")


def display_url(url: URL | str) -> str:
    """The URL without its password, for messages."""
    url = parse_url(url) if isinstance(url, str) else url
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)
