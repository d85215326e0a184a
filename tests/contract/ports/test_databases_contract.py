"""Contract of `Databases`: the fake, SQLite files and PostgreSQL pass the same tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowbuilder.adapters.sql import ConnectedDatabases
from flowbuilder.errors import ConfigurationError, StepError, TransientError
from flowbuilder.ports.sql import Databases, SqlAnswer, SqlRequest
from flowbuilder.ports.sql.sqlite_library import library
from flowbuilder.ports.sql.statement import read_statement
from flowbuilder.testing import FakeConnections, FakeDatabases
from tests.support.servers.postgres import Server

SCRIPT = """
    CREATE TABLE post (id INTEGER PRIMARY KEY, title TEXT NOT NULL, score REAL);
    INSERT INTO post VALUES (1, 'Tea', 0.5), (2, 'It''s :tea', NULL), (3, 'Grün 茶', 1.0);
"""
FOREVER = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) AS n FROM c"


@pytest.fixture(params=["fake", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Databases]:
    if request.param == "fake":
        yield FakeDatabases({"blog": SCRIPT})
    elif request.param == "sqlite":
        with closing(library()[0].connect(tmp_path / "blog.db")) as made:
            made.executescript(SCRIPT)
        yield ConnectedDatabases(FakeConnections({"blog": {"url": f"sqlite:///{tmp_path / 'blog.db'}"}}))
    else:
        import psycopg

        server: Server = request.getfixturevalue("postgres")
        with server.database() as url:
            with psycopg.connect(url, autocommit=True) as made:
                made.execute(SCRIPT)
            yield ConnectedDatabases(FakeConnections({"blog": {"url": url}}))


async def ask(databases: Databases, text: str, values: dict[str, Any] | None = None, **more: Any) -> SqlAnswer:
    asked = SqlRequest(connection="blog", statement=read_statement(text), parameters=values or {}, **more)
    return await databases.execute(asked)


async def error(databases: Databases, text: str, values: dict[str, Any] | None = None, **more: Any) -> StepError:
    with pytest.raises(StepError) as caught:
        await ask(databases, text, values, **more)
    return caught.value


async def titles(databases: Databases) -> list[str]:
    return [row["title"] for row in (await ask(databases, "SELECT title FROM post ORDER BY id")).rows]


async def test_rows_have_the_values_of_their_columns(databases: Databases) -> None:
    answer = await ask(databases, "SELECT id, title, score FROM post ORDER BY id;  -- all")
    assert answer.columns == ("id", "title", "score")
    assert answer.rows[1:] == (
        {"id": 2, "title": "It's :tea", "score": None},
        {"id": 3, "title": "Grün 茶", "score": 1.0},
    )
    assert (answer.row_count, answer.truncated) == (3, False)


async def test_a_query_without_rows_has_its_columns(databases: Databases) -> None:
    answer = await ask(databases, "SELECT id, title FROM post WHERE id > 99")
    assert (answer.columns, answer.rows, answer.row_count) == (("id", "title"), (), 0)


@pytest.mark.parametrize("text", ["' OR '1'='1", "x'; DROP TABLE post; --", ":id", "%s %(id)s $1", "\\'", '"', "茶 ß"])
async def test_a_value_is_never_part_of_the_text(databases: Databases, text: str) -> None:
    answer = await ask(databases, "SELECT id FROM post WHERE title = :title OR title = :title", {"title": text})
    assert answer.rows == ()
    await ask(databases, "INSERT INTO post VALUES (9, :title, 0)", {"title": text}, writes=True)
    assert await titles(databases) == ["Tea", "It's :tea", "Grün 茶", text]


@pytest.mark.parametrize(
    ("value", "kept"),
    [(7, 7), (2**63 - 1, 2**63 - 1), (0.25, 0.25), ("7", "7"), (None, None), ({"a": [1]}, '{"a": [1]}')],
)
async def test_values_of_each_kind_come_back(databases: Databases, value: Any, kept: Any) -> None:
    kind = {int: "bigint", float: "double precision", str: "text", dict: "text"}.get(type(value), "text")
    answer = await ask(databases, f"SELECT CAST(:value AS {kind}) AS value", {"value": value})
    assert answer.rows == ({"value": kept},)
    assert type(answer.rows[0]["value"]) is type(kept)


async def test_bytes_come_as_a_value_that_can_be_sent_again(databases: Databases) -> None:
    column = "bytea" if isinstance(databases, ConnectedDatabases) and await is_postgres(databases) else "blob"
    await ask(databases, f"CREATE TABLE file (content {column})", writes=True)
    literal = "'\\x00ff80'" if column == "bytea" else "x'00ff80'"
    await ask(databases, f"INSERT INTO file VALUES ({literal})", writes=True)
    (row,) = (await ask(databases, "SELECT content FROM file")).rows
    assert (row["content"]["base64"], row["content"]["size"]) == ("AP+A", 3)
    await ask(databases, "INSERT INTO file VALUES (:content)", row, writes=True)
    assert (await ask(databases, "SELECT content FROM file")).rows == (row, row)
    changed = {"content": {**row["content"], "base64": "AP+B"}}
    assert (await error(databases, "INSERT INTO file VALUES (:content)", changed, writes=True)).code == "invalid_field"


async def is_postgres(databases: Databases) -> bool:
    try:
        return bool((await ask(databases, "SHOW server_version")).rows)
    except StepError:
        return False


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO post VALUES (9, 'x', 0)", "UPDATE post SET title = 'x'", "DELETE FROM post",
        "CREATE TABLE other (id INTEGER)", "DROP TABLE post", "INSERT INTO post VALUES (9, 'x', 0) RETURNING id",
    ],
)  # fmt: skip
async def test_reading_changes_nothing(databases: Databases, text: str) -> None:
    problem = await error(databases, text)
    assert (problem.code, problem.definitive) == ("sql_read_only", True)
    assert await titles(databases) == ["Tea", "It's :tea", "Grün 茶"]


async def test_a_write_says_how_many_rows_it_changed(databases: Databases) -> None:
    answer = await ask(databases, "UPDATE post SET score = 2 WHERE id > :id", {"id": 1}, writes=True)
    assert (answer.rows, answer.row_count, answer.columns) == ((), 2, ())
    answer = await ask(databases, "DELETE FROM post WHERE id = 3 RETURNING id, title", writes=True)
    assert (answer.rows, answer.row_count) == (({"id": 3, "title": "Grün 茶"},), 1)
    assert (await ask(databases, "CREATE TABLE other (id INTEGER)", writes=True)).row_count == 0


async def test_a_write_that_fails_changes_nothing(databases: Databases) -> None:
    many = "INSERT INTO post VALUES (7, 'new', 0), (1, 'taken', 0)"
    problem = await error(databases, many, writes=True)
    assert (problem.code, problem.definitive) == ("sql_refused", True)
    assert "database blog rejected the statement" in str(problem)
    assert len(await titles(databases)) == 3


async def test_more_rows_than_the_limit_are_an_error_or_said(databases: Databases) -> None:
    problem = await error(databases, "SELECT id FROM post", row_limit=2)
    assert (problem.code, problem.detail) == ("sql_rows", {"row_limit": 2})
    answer = await ask(databases, "SELECT id FROM post ORDER BY id", row_limit=2, on_more="stop")
    assert ([row["id"] for row in answer.rows], answer.row_count, answer.truncated) == ([1, 2], 2, True)
    assert not (await ask(databases, "SELECT id FROM post", row_limit=3)).truncated


async def test_a_write_with_too_many_rows_is_rolled_back_or_made_whole(databases: Databases) -> None:
    text = "UPDATE post SET title = 'new' RETURNING id"
    problem = await error(databases, text, writes=True, row_limit=2)
    assert (problem.code, problem.definitive) == ("sql_rows", True)
    assert "new" not in await titles(databases)
    answer = await ask(databases, text, writes=True, row_limit=2, on_more="stop")
    assert (len(answer.rows), answer.row_count, answer.truncated) == (2, 3, True)
    assert await titles(databases) == ["new"] * 3


@pytest.mark.parametrize("text", ["SELECT id, id FROM post", "SELECT 1 AS a, 2 AS a WHERE 1 = 0"])
async def test_columns_of_one_name_are_an_error(databases: Databases, text: str) -> None:
    problem = await error(databases, text)
    assert problem.code == "sql_columns"
    assert "more than once; give each column its own name with AS" in str(problem)


async def test_a_write_whose_rows_cannot_be_told_apart_is_rolled_back(databases: Databases) -> None:
    problem = await error(databases, "DELETE FROM post RETURNING id, id", writes=True)
    assert (problem.code, problem.definitive) == ("sql_columns", True)
    assert len(await titles(databases)) == 3


async def test_rows_of_too_many_bytes_are_an_error(databases: Databases) -> None:
    text = "x" * 1_000_000
    problem = await error(databases, f"{' UNION ALL '.join(['SELECT CAST(:text AS text) AS t'] * 9)}", {"text": text})
    assert problem.code == "too_large"


@pytest.mark.parametrize("text", ["SELECT 1 AS a; DELETE FROM post", "DELETE FROM post; SELECT 1 AS a"])
@pytest.mark.parametrize("writes", [False, True])
async def test_only_one_statement_is_run(databases: Databases, text: str, writes: bool) -> None:
    problem = await error(databases, text, writes=writes)
    codes = {"sql_refused"} if writes or text.startswith("SELECT") else {"sql_refused", "sql_read_only"}
    assert (problem.code in codes, problem.definitive) == (True, True)
    assert len(await titles(databases)) == 3


@pytest.mark.parametrize("text", ["SELEC 1", "SELECT nothing FROM post", "SELECT * FROM nowhere", "SELECT :a AS a, )"])
async def test_what_the_database_does_not_understand_lasts(databases: Databases, text: str) -> None:
    problem = await error(databases, text, {"a": "x"} if ":a" in text else None)
    assert (problem.code, isinstance(problem, TransientError)) == ("sql_refused", False)


async def test_a_query_that_takes_too_long_ends_and_blocks_no_other_work(databases: Databases) -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    beating = asyncio.create_task(beat())
    begun = time.monotonic()
    problem = await error(databases, FOREVER, seconds=1.0)
    beating.cancel()
    assert isinstance(problem, TransientError)
    assert (problem.code, problem.definitive) == ("timeout", True)
    assert time.monotonic() - begun < 10
    assert beats > 10


async def test_a_cancelled_query_ends(databases: Databases) -> None:
    asked = asyncio.create_task(ask(databases, FOREVER, seconds=60))
    await asyncio.sleep(0.5)
    begun = time.monotonic()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert time.monotonic() - begun < 10
    assert len(await titles(databases)) == 3


async def test_a_connection_that_does_not_exist_is_named(databases: Databases) -> None:
    with pytest.raises(ConfigurationError, match="there is no connection 'other'"):
        await databases.execute(SqlRequest(connection="other", statement=read_statement("SELECT 1")))
