"""Connections that are databases: each field is checked, and no message shows a password."""

from __future__ import annotations

from typing import Any

import pytest

from flowbuilder.adapters.sql.record import database_record, is_database
from flowbuilder.errors import ConfigurationError
from flowbuilder.ports.known_secrets import KnownSecrets


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({}, "needs a url (postgresql://USER@HOST/DATABASE or sqlite:////PATH/OF/FILE)"),
        ({"url": "postgresql://a:pa55word@h/d", "host": "x"}, "and not both"),
        ({"url": "mysql://a:pa55word@h/d"}, "is of mysql; an sql step knows PostgreSQL and SQLite"),
        ({"url": "pa55word"}, "needs url as postgresql://"),
        ({"url": 7}, "needs url as postgresql://"),
        ({"url": "postgresql://a:pa55word@h:x/d"}, "needs url as postgresql://"),
        ({"url": "postgresql://a:pa55word@/d"}, "needs a host"),
        ({"url": "sqlite:///relative.db"}, "needs the absolute path of a file: sqlite:////PATH/OF/FILE"),
        ({"url": "sqlite://"}, "needs the absolute path"),
        ({"url": "sqlite:///:memory:"}, "needs the absolute path"),
        ({"url": "sqlite:////a.db?mode=rwc"}, "has no options here"),
        ({"url": "sqlite:////a.db", "connect_args": {"timeout": 5}}, "which has no options here: leave out timeout"),
        ({"url": "postgresql://h/d?ssl=true"}, "has an option ssl that libpq does not know; did you mean sslmode?"),
        ({"url": "postgresql://h/d", "connect_args": {"timeout": 5}}, "did you mean connect_timeout?"),
        ({"url": "postgresql://h/d?zzz=pa55word"}, "has an option zzz that libpq does not know; see the parameters"),
        ({"host": "h"}, "needs driver: postgresql or sqlite"),
        ({"driver": "postgresql", "host": "h", "port": 0}, "needs port as a number from 1 to 65535"),
        ({"driver": "postgresql", "host": "h", "password": "pa55word\0"}, "needs password as a text"),
        ({"url": "postgresql://a@h/d", "connect_args": ["x"]}, "needs connect_args as a mapping"),
        ({"url": "postgresql://a@h/d", "pasword": "pa55word"}, "has no field 'pasword'; the fields are"),
    ],
)
def test_what_is_wrong_is_named(record: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        database_record("shop", record)
    assert str(caught.value).startswith("database shop ")
    assert said in str(caught.value)
    assert "pa55word" not in str(caught.value)


def test_a_record_shows_no_password() -> None:
    record = database_record("shop", {"url": "postgresql+psycopg2://a:pa55word@h:6543/d?sslmode=require", "limits": {}})
    assert (record.family, record.hosts) == ("postgresql", (("h", 6543),))
    assert record.arguments["sslmode"] == "require"
    assert "pa55word" not in repr(record)


def test_a_record_may_be_written_as_a_block_writes_it() -> None:
    parts = {"driver": "postgresql", "host": "h", "username": "a", "password": "pa55word", "database": "d"}
    for info in (parts, "postgresql://a:pa55word@h/d"):
        record = database_record("shop", {"connection_info": info, "connect_args": {"sslmode": "require"}})
        assert (record.hosts, record.arguments["password"], record.arguments["dbname"]) == (
            (("h", 5432),),
            "pa55word",
            "d",
        )
        assert is_database({"connection_info": info})
    with pytest.raises(ConfigurationError, match="needs url as"):
        database_record("shop", {"connection_info": 7})


def test_options_of_asyncpg_are_those_of_libpq_or_have_no_meaning() -> None:
    url = "postgresql+asyncpg://h/d?ssl=verify-full&prepared_statement_cache_size=0"
    record = database_record("shop", {"url": url, "connect_args": {"statement_cache_size": "0"}})
    assert dict(record.arguments) == {"host": "h", "dbname": "d", "sslmode": "verify-full"}


def test_hosts_are_those_of_the_network() -> None:
    several = database_record("shop", {"url": "postgresql://a@/d?host=one:1&host=two:2"})
    assert several.hosts == (("one", 1), ("two", 2))
    assert database_record("shop", {"url": "postgresql://a@[::1]/d"}).hosts == (("::1", 5432),)
    assert database_record("shop", {"url": "postgresql:///d?host=/run/postgresql"}).hosts == ()


@pytest.mark.parametrize("url", ["postgresql://h/d", "postgresql+asyncpg://h/d", "sqlite:////x", "POSTGRES://h/d"])
def test_a_database_is_known_by_its_url_or_driver(url: str) -> None:
    assert is_database({"url": url})
    assert is_database({"driver": "sqlite"})
    assert not is_database({"url": "https://h/postgresql://x"})
    assert not is_database({"command": ["x"]})


@pytest.mark.parametrize("password", ["p@ss/w#rd?x", "p[ss]word-1", "plain-pa55", "with space", "100%25-sure"])
def test_the_password_in_a_url_is_a_known_secret_as_it_is_and_as_it_is_written(password: str) -> None:
    from urllib.parse import quote

    for written in {quote(password, safe=""), password if "@" not in password else quote(password, safe="/#?")}:
        known = KnownSecrets()
        known.add_connection("shop", {"url": f"postgresql://ana:{written}@db.example/shop?sslmode=require"})
        decoded = database_record("shop", {"url": f"postgresql://ana:{written}@db.example/shop"}).arguments["password"]
        for shown in {written, decoded}:
            assert known.text(f"FATAL: {shown} is wrong") == "FATAL: [secret of connection shop] is wrong"
