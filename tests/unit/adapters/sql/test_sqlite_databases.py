"""What only SQLite does: files, locks, pragmas, attached databases and texts that are no UTF-8."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowbuilder.adapters.sql import ConnectedDatabases
from flowbuilder.errors import ConfigurationError, StepError, TransientError
from flowbuilder.ports.allowed_hosts import allowed_hosts
from flowbuilder.ports.sql import SqlAnswer, SqlRequest
from flowbuilder.ports.sql.sqlite_library import library
from flowbuilder.ports.sql.statement import read_statement
from flowbuilder.testing import FakeConnections
from tests.support.faults.full_disk import small_disk


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "a folder?#%20" / "blog.db"
    made.parent.mkdir()
    with closing(library()[0].connect(made)) as opened:
        opened.executescript(
            "CREATE TABLE post (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO post VALUES (1, 'Tea')"
        )
    return made


async def ask(file: Path | str, text: str, values: dict[str, Any] | None = None, **more: Any) -> SqlAnswer:
    record = more.pop("record", {"driver": "sqlite", "database": str(file)})
    asked = SqlRequest(connection="db", statement=read_statement(text), parameters=values or {}, **more)
    return await ConnectedDatabases(FakeConnections({"db": record})).execute(asked)


async def error(file: Path | str, text: str, values: dict[str, Any] | None = None, **more: Any) -> StepError:
    with pytest.raises(StepError) as caught:
        await ask(file, text, values, **more)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        "ATTACH DATABASE :place AS other",
        "VACUUM INTO :place",
        "PRAGMA writable_schema = 1",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA query_only = OFF",
        "PRAGMA user_version = 7",
        "SELECT load_extension(:place)",
        "BEGIN",
        "COMMIT",
        "SAVEPOINT a",
        "DETACH DATABASE main",
    ],
)
@pytest.mark.parametrize("writes", [False, True])
async def test_what_reaches_beyond_the_file_or_the_transaction_is_refused(
    file: Path, tmp_path: Path, text: str, writes: bool
) -> None:
    place = tmp_path / "other.db"
    problem = await error(file, text, {"place": str(place)} if ":place" in text else None, writes=writes)
    assert problem.code in ("sql_read_only", "sql_refused")
    assert problem.definitive
    assert not place.exists()


async def test_pragmas_that_read_are_allowed(file: Path) -> None:
    (one, two) = (await ask(file, "PRAGMA table_info(post)")).rows
    assert (one["name"], two["type"]) == ("id", "TEXT")
    assert (await ask(file, "PRAGMA user_version")).rows == ({"user_version": 0},)


async def test_a_file_that_is_missing_or_no_database_is_said_and_not_made(tmp_path: Path) -> None:
    for writes in (False, True):
        problem = await error(tmp_path / "none.db", "SELECT 1 AS a", writes=writes)
        assert (problem.code, problem.definitive) == ("sql_unusable", True)
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("this is no database at all, only a text\n" * 50)
    assert (await error(tmp_path / "text.db", "SELECT * FROM post")).code == "sql_unusable"


async def test_a_locked_file_passes_and_the_wait_for_it_ends(file: Path) -> None:
    with closing(library()[0].connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        begun = time.monotonic()
        problem = await error(file, "UPDATE post SET title = 'x'", writes=True, seconds=0.5)
        assert time.monotonic() - begun < 5
        assert isinstance(problem, TransientError)
        assert (problem.code in ("server_error", "timeout"), problem.definitive) == (True, True)
        other.execute("ROLLBACK")
    assert (await ask(file, "SELECT title FROM post")).rows == ({"title": "Tea"},)


async def test_a_write_that_was_cancelled_while_it_waited_is_never_made(file: Path) -> None:
    with closing(library()[0].connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        asked = asyncio.create_task(ask(file, "UPDATE post SET title = 'late'", writes=True, seconds=6))
        await asyncio.sleep(0.5)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await asked
        assert isinstance(problem := cancelled.value.__cause__, StepError)
        assert problem.definitive
        other.execute("ROLLBACK")
    await asyncio.sleep(1.5)  # the thread gets the lock that it waited for
    assert (await ask(file, "SELECT title FROM post")).rows == ({"title": "Tea"},)


async def test_texts_that_are_no_utf_8_have_replacement_characters(file: Path) -> None:
    text = "SELECT CAST(x'61ff62' AS TEXT) AS a, CAST(x'eda080' AS TEXT) AS b, 'a' || char(0) AS c, -1e999 AS d"
    (row,) = (await ask(file, text)).rows
    assert (row["a"], set(row["b"]), row["c"], row["d"]) == ("a\ufffdb", {"\ufffd"}, "a\ufffd", "-Infinity")


async def test_a_list_is_its_json_text(file: Path) -> None:
    text = "SELECT title FROM post WHERE id IN (SELECT value FROM json_each(:ids))"
    assert (await ask(file, text, {"ids": [1, 7]})).rows == ({"title": "Tea"},)
    assert (await error(file, "SELECT :n AS n", {"n": 2**63})).code == "invalid_field"


async def test_a_column_without_a_name_is_an_error(file: Path) -> None:
    problem = await error(file, 'SELECT 1 AS ""')
    assert problem.code == "sql_columns"
    assert "column 1 of the query has no name; name it with AS" in str(problem)


async def test_a_trigger_with_statements_inside_is_one_statement(file: Path) -> None:
    text = "CREATE TRIGGER t AFTER INSERT ON post BEGIN UPDATE post SET title = 'made'; SELECT 1; END"
    assert not list(read_statement(text).problems(writes=True, given=()))
    await ask(file, text, writes=True)
    answer = await ask(file, "INSERT INTO post VALUES (2, 'new')", writes=True)
    assert answer.row_count == 1


async def test_a_file_has_no_host_and_the_store_is_refused(file: Path, sqlite_url: str) -> None:
    with allowed_hosts(("nowhere.example",)):
        assert (await ask(file, "SELECT 1 AS a")).row_count == 1
    with pytest.raises(ConfigurationError, match="flowbuilder's own"):
        await ask(sqlite_url.removeprefix("sqlite:///"), "SELECT 1 AS a")


@pytest.mark.parametrize("mode", ["delete", "wal"])
async def test_a_write_to_a_full_disk_is_rolled_back_and_not_in_doubt(tmp_path: Path, mode: str) -> None:
    with small_disk(tmp_path / "disk", kilobytes=300):
        file = tmp_path / "disk" / "post.db"
        with closing(library()[0].connect(file)) as made:
            made.executescript(f"PRAGMA journal_mode={mode}; CREATE TABLE post (title TEXT)")
        problem = await error(file, "INSERT INTO post VALUES (hex(randomblob(400000)))", writes=True)
        assert (problem.code, problem.definitive) == ("server_error", True)
        assert "full" in str(problem)
        assert (await ask(file, "SELECT count(*) AS n FROM post")).rows == ({"n": 0},)
        assert (await ask(file, "INSERT INTO post VALUES ('Tea')", writes=True)).row_count == 1
        assert (await ask(file, "SELECT title FROM post")).rows == ({"title": "Tea"},)


async def test_full_text_tables_and_r_trees_are_read_and_written(file: Path) -> None:
    with closing(library()[0].connect(file)) as made:
        made.executescript(
            "CREATE VIRTUAL TABLE words USING fts5(text); INSERT INTO words VALUES ('green tea');"
            "CREATE VIRTUAL TABLE places USING rtree(id, west, east); INSERT INTO places VALUES (1, 2, 3);"
        )
    found = "SELECT text, bm25(words) < 0 AS good FROM words WHERE words MATCH :word ORDER BY rank"
    assert (await ask(file, found, {"word": "tea"})).rows == ({"text": "green tea", "good": 1},)
    assert (await ask(file, "SELECT id FROM places WHERE west > 1")).rows == ({"id": 1},)
    for text in (
        "INSERT INTO words VALUES ('no')", "DELETE FROM words", "INSERT INTO places VALUES (2, 3, 4)",
        "DELETE FROM places_node", "UPDATE places_rowid SET nodeno = 2", "INSERT INTO words(words) VALUES ('optimize')",
    ):  # fmt: skip
        assert (await error(file, text)).code == "sql_read_only", text
    assert (await ask(file, "INSERT INTO words VALUES ('black tea')", writes=True)).row_count == 1
    assert (await ask(file, "DELETE FROM places WHERE id = 1", writes=True)).row_count == 1
    assert (await ask(file, "SELECT count(*) AS n FROM words, places_node")).rows == ({"n": 2},)
