"""The reader of SQL statements: parameters are found where they are, and nowhere else."""

from __future__ import annotations

import time

import pytest

from flowbuilder.ports.sql.statement import read_statement


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("SELECT :a, :b, :a", ("a", "b")),
        ("SELECT ':a', \":b\", `:c`, :d", ("d",)),
        ("SELECT 'it''s :a' || :b", ("b",)),
        (r"SELECT E'it\'s :a' || :b", ("b",)),
        (r"SELECT 'back\' || :b", ("b",)),
        ("SELECT $$ :a $$ || $x$ $$ :b $x$ || :c", ("c",)),
        ("SELECT 1 -- :a\n, :b", ("b",)),
        ("SELECT /* :a /* :b */ :c */ :d", ("d",)),
        ("SELECT :a::int, x::text, '{\"a\":1}'::jsonb", ("a",)),
        ("SELECT a[1:2], a[lo:hi], a[f(x):hi], a[:n]", ("n",)),
        ("SELECT '10:30', 10:30", ()),
        ("SELECT x := 1, :a", ("a",)),
        ("SELECT(:a)+:b-:c*:d", ("a", "b", "c", "d")),
        ("SELECT :größe", ("größe",)),
        ("SELECT * FROM t WHERE d ? 'k' AND d @> :a", ("a",)),
    ],
)
def test_parameters_are_found_outside_of_texts_names_and_comments(text: str, names: tuple[str, ...]) -> None:
    statement = read_statement(text)
    assert statement.fault == ""
    assert statement.names == names
    assert statement.with_placeholders(lambda name: f":{name}") == text


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("SELECT 1; SELECT 2", "several statements"),
        ("SELECT 1; 'x'", "several statements"),
        ("SELECT 'tea", "a quote is not closed"),
        ('SELECT "tea', "a quote is not closed"),
        ("SELECT /* tea", "a comment is not closed"),
        ("SELECT /* /* */ tea", "a comment is not closed"),
        ("SELECT $x$ tea $y$", "the text that $x$ begins is not closed"),
        ("SELECT $1", "$1 has no value"),
    ],
)
def test_what_cannot_be_read_has_a_fault(text: str, fault: str) -> None:
    assert fault in read_statement(text).fault


@pytest.mark.parametrize(
    "text", ["SELECT 1;", "SELECT 1 ; -- end\n", "SELECT 1; /* ; */", "(SELECT 1)", "select 'a;b'", "TABLE t", "SHOW x",
             "WITH a AS (SELECT 1) SELECT * FROM a", "-- first\nVALUES (1)", "EXPLAIN SELECT 1", "PRAGMA table_info(t)",
             "SELECT pg_sleep(1), set_config('a', 'b', true), count(*), notify FROM pg_notify"],
)  # fmt: skip
def test_reading_statements_have_no_problem(text: str) -> None:
    assert list(read_statement(text).problems(writes=False, given=())) == []


@pytest.mark.parametrize(
    "text",
    ["INSERT INTO t VALUES (1)", "COPY t TO PROGRAM 'x'", "CALL p()", "DO $$ x $$", "NOTIFY a", "VACUUM", "SET a = 1",
     "SELECT pg_notify('a', 'b')", "SELECT pg_catalog.pg_notify ('a', 'b')", 'SELECT "lo_export"(1, 2)',
     "SELECT * FROM dblink('x', 'y') AS t(a int)", "SELECT PG_TERMINATE_BACKEND(1)", "", "-- nothing", "BEGIN"],
)  # fmt: skip
def test_what_has_effects_is_no_reading_statement(text: str) -> None:
    assert len(list(read_statement(text).problems(writes=False, given=()))) == 1


def test_parameters_and_values_must_match() -> None:
    statement = read_statement("SELECT :a, :b, :a")
    messages = [message for message, _, _ in statement.problems(writes=False, given=("a", "c"))]
    assert messages == ["the query has :b, and parameters has no b"]
    assert statement.unused(("a", "c")) == ("c",)
    assert list(statement.problems(writes=False, given=None)) == []


@pytest.mark.parametrize(
    "part", ["'", "''", "E'\\", "/*", "*/", "--", "$a", "$$", ":a", ";", "(", 'x"', "`", "a(", "$a$"]
)
def test_reading_takes_linear_time(part: str) -> None:
    def seconds(count: int) -> float:
        begun = time.process_time()
        read_statement(part * count)
        return time.process_time() - begun

    assert min(seconds(40_000) for _ in range(3)) < 12 * max(min(seconds(10_000) for _ in range(3)), 0.005)
