"""What only PostgreSQL does: types, roles, commits in doubt, cancelling, and what a read-only transaction does."""

from __future__ import annotations

import asyncio
import json
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest

from flowbuilder.adapters.sql import ConnectedDatabases
from flowbuilder.errors import ConfigurationError, StepError, TransientError
from flowbuilder.ports.allowed_hosts import allowed_hosts
from flowbuilder.ports.sql import SqlAnswer, SqlRequest, StatementMade
from flowbuilder.ports.sql.statement import read_statement
from flowbuilder.testing import FakeConnections
from tests.support.servers.fake_postgres import cutting_proxy, rejecting_server, rejection
from tests.support.servers.postgres import Server

pytestmark = pytest.mark.postgres


@pytest.fixture
def url(postgres: Server) -> Iterator[str]:
    with postgres.database() as made:
        yield made


@pytest.fixture
def admin(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the test itself."""
    with psycopg.connect(url, autocommit=True) as opened:
        yield opened


def at(url: str, port: int) -> str:
    parts = urlsplit(url)
    return f"postgresql://{parts.username}@127.0.0.1:{port}{parts.path}"


async def ask(url: str, text: str, values: dict[str, Any] | None = None, **more: Any) -> SqlAnswer:
    databases = ConnectedDatabases(FakeConnections({"db": more.pop("record", {"url": url})}))
    asked = SqlRequest(connection="db", statement=read_statement(text), parameters=values or {}, **more)
    return await databases.execute(asked)


async def error(url: str, text: str, values: dict[str, Any] | None = None, **more: Any) -> StepError:
    with pytest.raises(StepError) as caught:
        await ask(url, text, values, **more)
    return caught.value


VALUES = {
    "12.50::numeric": "12.50",
    "'NaN'::numeric": "NaN",
    "1e30::numeric": "1" + "0" * 30,
    "'NaN'::float8": "NaN",
    "'-Infinity'::float4": "-Infinity",
    "0.1::float8": 0.1,
    "'infinity'::timestamptz": "infinity",
    "'2026-01-31 10:00:00.5+02'::timestamptz": "2026-01-31T08:00:00.5+00:00",
    "'2026-01-31 10:00:00+05:45'::timestamptz": "2026-01-31T04:15:00+00:00",
    "'12026-01-31 10:00'::timestamp": "12026-01-31T10:00:00",
    "'2026-01-31 10:00'::timestamp": "2026-01-31T10:00:00",
    "'10:00:00+02'::timetz": "10:00:00+02:00",
    "'10:00'::time": "10:00:00",
    "'2026-01-31'::date": "2026-01-31",
    "'0044-03-15 BC'::date": "0044-03-15 BC",
    "'1 year 2 days 03:04:05'::interval": "P1Y2DT3H4M5S",
    "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    "array[1,2,null]": [1, 2, None],
    "array[['a','b'],['c','d']]": [["a", "b"], ["c", "d"]],
    "'{1.10,NaN}'::numeric[]": ["1.10", "NaN"],
    "array['2026-01-31 10:00+00'::timestamptz]": ["2026-01-31T10:00:00+00:00"],
    """'{"a": [1, 2.5, null], "big": 12345678901234567890}'::jsonb""": {
        "a": [1, 2.5, None],
        "big": "12345678901234567890",
    },
    "'[]'::json": [],
    "'null'::jsonb": None,
    "9223372036854775807::int8": 9223372036854775807,
    "null": None,
    "true": True,
    "'10.0.0.1/8'::inet": "10.0.0.1/8",
    "'[1,5)'::int4range": "[1,5)",
    "row(1,'a')": "(1,a)",
    "'101'::bit(3)": "101",
    "''::text": "",
    "'x'::\"char\"": "x",
    "1::oid": 1,
    "'(1,2)'::point": "(1,2)",
    "U&'\\2603'": "☃",
}


async def test_each_type_has_one_form_in_json(url: str) -> None:
    columns = ", ".join(f"{expression} AS c{number}" for number, expression in enumerate(VALUES))
    (row,) = (await ask(url, f"SELECT {columns}")).rows
    found = dict(zip(VALUES, row.values(), strict=True))
    assert found == VALUES
    assert json.loads(json.dumps(row, allow_nan=False)) == row


async def test_what_a_role_has_set_changes_no_value(url: str, admin: psycopg.Connection[Any]) -> None:
    database = urlsplit(url).path[1:]
    for setting in ("timezone TO 'Asia/Tokyo'", "datestyle TO 'SQL, DMY'", "intervalstyle TO 'sql_standard'",
                    "bytea_output TO 'escape'", "client_encoding TO 'latin1'"):  # fmt: skip
        admin.execute(f"ALTER DATABASE {database} SET {setting}")
    text = (
        "SELECT '2026-01-31 10:00+00'::timestamptz AS at, '1 day'::interval AS long, '\\x00'::bytea AS data, 'é茶' AS t"
    )
    (row,) = (await ask(url, text)).rows
    assert (row["at"], row["long"], row["data"]["size"], row["t"]) == ("2026-01-31T10:00:00+00:00", "P1D", 1, "é茶")


async def test_parameters_take_the_types_of_their_places(url: str) -> None:
    await ask(url, "CREATE TABLE t (j jsonb, d date, u uuid, n numeric, b bigint, a text[], m json)", writes=True)
    values = {
        "j": {"a": [1, "x"]}, "d": "2026-01-31", "u": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "n": 1.5, "b": 2**40,
        "a": ["x", None, "y,z"], "m": {"b": True},
    }  # fmt: skip
    await ask(url, "INSERT INTO t VALUES (:j, :d, :u, :n, :b, :a, :m)", values, writes=True)
    (row,) = (await ask(url, "SELECT * FROM t WHERE b = ANY(:many) AND u = ANY(:ids::uuid[])",
                        {"many": [1, 2**40], "ids": [values["u"]]})).rows  # fmt: skip
    assert row == {**values, "n": "1.5"}
    (row,) = (await ask(url, "SELECT :mixed::float8[] AS a, :none::int[] AS b", {"mixed": [1, 2.5], "none": []})).rows
    assert row == {"a": [1.0, 2.5], "b": []}


@pytest.mark.parametrize("value", [[1, "a"], [{"a": 1}], "a\0b", 2**63, ["a\0b"]])
async def test_a_value_that_cannot_be_sent_is_named(url: str, value: Any) -> None:
    problem = await error(url, "SELECT :it AS it", {"it": value})
    assert (problem.code, problem.definitive) == ("invalid_field", True)
    assert "the parameter it is" in str(problem)


@pytest.mark.parametrize(
    "text",
    [
        "WITH x AS (INSERT INTO t VALUES (9) RETURNING a) SELECT * FROM x",
        "DO $$ BEGIN SET TRANSACTION READ WRITE; INSERT INTO t VALUES (9); END $$",
        "DO $$ BEGIN COMMIT; INSERT INTO t VALUES (9); END $$",
        "DO $$ BEGIN PERFORM set_config('transaction_read_only', 'off', false); INSERT INTO t VALUES (9); END $$",
        "SELECT set_config('transaction_read_only', 'off', false), nextval('s')",
        "SELECT nextval('s')",
        "SELECT a INTO u FROM t",
        "SELECT a FROM t FOR UPDATE",
        "EXPLAIN ANALYZE INSERT INTO t VALUES (9)",
        "COPY t FROM PROGRAM 'echo 9'",
        "SELECT f()",
        "TRUNCATE t",
        "COMMENT ON TABLE t IS 'x'",
    ],
)
async def test_no_statement_leaves_the_read_only_transaction(
    url: str, admin: psycopg.Connection[Any], text: str
) -> None:
    admin.execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1); CREATE SEQUENCE s")
    admin.execute("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'INSERT INTO t VALUES (9) RETURNING a'")
    problem = await error(url, text)
    assert problem.definitive
    assert admin.execute("SELECT array_agg(a), (SELECT last_value FROM s) FROM t").fetchall() == [([1], 1)]
    assert admin.execute("SELECT to_regclass('u')").fetchone() == (None,)


async def test_a_large_result_is_read_row_by_row(url: str) -> None:
    tracemalloc.start()
    text = "SELECT repeat('x', 10000) AS t FROM generate_series(1, 100000)"
    answer = await ask(url, text, row_limit=50, on_more="stop", seconds=60)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (answer.row_count, answer.truncated) == (50, True)
    assert peak < 20_000_000
    assert (await error(url, text, row_limit=100_000)).code == "too_large"


async def test_a_cancelled_statement_ends_in_the_server(url: str, admin: psycopg.Connection[Any]) -> None:
    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(%' AND state = 'active'"
    asked = asyncio.create_task(ask(url, "SELECT pg_sleep(50) AS s", seconds=60))
    for _ in range(200):
        await asyncio.sleep(0.05)
        if admin.execute(running).fetchone() == (1,):
            break
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert admin.execute(running).fetchone() == (0,)


async def test_a_cancelled_write_says_what_became_of_it(url: str, admin: psycopg.Connection[Any]) -> None:
    admin.execute("CREATE TABLE t (a int)")
    slow = """CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
        PERFORM pg_advisory_lock(7); PERFORM pg_sleep(:seconds); RETURN NULL; END$$"""
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    for seconds, statement in ((0.5, "CONSTRAINT TRIGGER c AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED"), (50, "")):
        admin.execute(slow.replace(":seconds", str(seconds)))
        trigger = statement or "TRIGGER c AFTER INSERT ON t"
        admin.execute(f"CREATE {trigger} FOR EACH ROW EXECUTE FUNCTION slow()")
        asked = asyncio.create_task(ask(url, "INSERT INTO t VALUES (1)", seconds=60, writes=True))
        async with asyncio.timeout(10):
            while admin.execute(waits).fetchone() == (0,):
                await asyncio.sleep(0.02)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await asked
        problem = cancelled.value.__cause__
        found = admin.execute("DELETE FROM t").rowcount
        if isinstance(problem, StatementMade):
            assert (problem.answer.row_count, found) == (1, 1)
        else:
            assert isinstance(problem, StepError)
            assert (problem.definitive, found) == (True, 0)
        admin.execute("DROP FUNCTION slow CASCADE")


async def test_a_statement_beyond_its_time_ends_in_the_server_and_is_rolled_back(
    url: str, admin: psycopg.Connection[Any]
) -> None:
    admin.execute("CREATE TABLE t (a int)")
    text = "WITH w AS (INSERT INTO t VALUES (1)) SELECT pg_sleep(50) AS s"
    problem = await error(url, text, seconds=1.0, writes=True)
    assert (problem.code, problem.definitive, isinstance(problem, TransientError)) == ("timeout", True, True)
    assert admin.execute("SELECT count(*) FROM t").fetchone() == (0,)


async def test_a_deadlock_passes(url: str, admin: psycopg.Connection[Any]) -> None:
    admin.execute("CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 0), (2, 0)")
    admin.execute("""CREATE FUNCTION crossed(x int, y int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
        UPDATE t SET a = a + 1 WHERE id = x; PERFORM pg_sleep(0.7); UPDATE t SET a = a + 1 WHERE id = y; RETURN 1;
    END $$""")
    text = "SELECT crossed(:x, :y) AS done"
    both = [ask(url, text, {"x": x, "y": y}, writes=True, seconds=60) for x, y in ((1, 2), (2, 1))]
    found = await asyncio.gather(*both, return_exceptions=True)
    (problem,) = [item for item in found if isinstance(item, BaseException)]
    assert isinstance(problem, TransientError)
    assert (problem.code, problem.definitive, problem.detail["sqlstate"]) == ("server_error", True, "40P01")  # type: ignore[index,call-overload]


async def test_a_constraint_that_fails_at_the_commit_is_a_refusal(url: str, admin: psycopg.Connection[Any]) -> None:
    admin.execute("CREATE TABLE p (id int PRIMARY KEY)")
    admin.execute("CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED)")
    problem = await error(url, "INSERT INTO c VALUES (1)", writes=True)
    assert (problem.code, problem.definitive) == ("sql_refused", True)


@pytest.mark.parametrize("passes_on", [False, True])
async def test_a_commit_without_an_answer_is_in_doubt(
    url: str, admin: psycopg.Connection[Any], passes_on: bool
) -> None:
    admin.execute("CREATE TABLE t (a int)")
    server = urlsplit(url)
    with cutting_proxy((str(server.hostname), int(server.port or 0)), at=b"COMMIT", passes_on=passes_on) as port:
        problem = await error(at(url, port), "INSERT INTO t VALUES (1)", writes=True)
    assert (problem.code, problem.definitive, isinstance(problem, TransientError)) == ("connection", False, True)
    assert admin.execute("SELECT count(*) FROM t").fetchone() == (int(passes_on),)


async def test_a_connection_that_breaks_before_the_commit_did_nothing(url: str, admin: psycopg.Connection[Any]) -> None:
    admin.execute("CREATE TABLE t (a int)")
    server = urlsplit(url)
    with cutting_proxy((str(server.hostname), int(server.port or 0)), at=b"INSERT", passes_on=True) as port:
        problem = await error(at(url, port), "INSERT INTO t VALUES (1)", writes=True)
    assert (problem.code, problem.definitive) == ("connection", True)
    assert admin.execute("SELECT count(*) FROM t").fetchone() == (0,)


async def test_a_server_that_ends_the_session_is_a_broken_connection(url: str) -> None:
    problem = await error(url, "SELECT pg_terminate_backend(pg_backend_pid()) AS gone", writes=True)
    assert (problem.code, problem.definitive, isinstance(problem, TransientError)) == ("connection", True, True)


@pytest.mark.parametrize(
    ("state", "said", "code", "passes"),
    [
        ("28P01", 'password authentication failed for user "ana"', "auth", False),
        ("28000", 'no pg_hba.conf entry for host "10.0.0.1"', "auth", False),
        ("57P03", "the database system is starting up", "server_error", True),
        ("53300", "sorry, too many clients already", "server_error", True),
        ("3D000", 'database "shop" does not exist', "sql_unusable", False),
    ],
)
async def test_a_server_that_rejects_the_connection(state: str, said: str, code: str, passes: bool) -> None:
    with rejecting_server(lambda _: rejection(state, said)) as port:
        problem = await error(f"postgresql://ana:secret@127.0.0.1:{port}/shop", "SELECT 1 AS a")
    assert (problem.code, isinstance(problem, TransientError), problem.definitive) == (code, passes, True)
    assert said in str(problem)


async def test_an_unreachable_server_passes_and_one_that_says_nothing_takes_no_longer_than_the_step() -> None:
    problem = await error("postgresql://ana@127.0.0.1:1/shop", "SELECT 1 AS a")
    assert (problem.code, isinstance(problem, TransientError)) == ("connection", True)
    listening = await asyncio.start_server(lambda *_: asyncio.sleep(60), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    begun = time.monotonic()
    problem = await error(f"postgresql://ana@127.0.0.1:{port}/shop", "SELECT 1 AS a", seconds=1.0)
    assert isinstance(problem, TransientError)
    assert (problem.definitive, time.monotonic() - begun < 8) == (True, True)
    listening.close()


async def test_the_database_of_flowbuilder_is_refused(postgres_url: str) -> None:
    for writes in (False, True):
        with pytest.raises(ConfigurationError, match="flowbuilder's own"):
            await ask(postgres_url, "SELECT 1 AS a", writes=writes)


async def test_the_hosts_of_a_workflow_hold(url: str) -> None:
    with allowed_hosts(("127.0.0.1",)):
        assert (await ask(url, "SELECT 1 AS a")).row_count == 1
    for hosts in (("db.example",), ("public",)):
        with allowed_hosts(hosts):
            assert (await error(url, "SELECT 1 AS a")).code == "egress"
    several = {"url": "postgresql://a@/d?host=127.0.0.1:1&host=evil.example:2"}
    with allowed_hosts(("127.0.0.1",)):
        assert (await error(url, "SELECT 1 AS a", record=several)).code == "egress"
    redirected = {"url": url, "connect_args": {"hostaddr": "10.0.0.1"}}
    with allowed_hosts(("127.0.0.1",)):
        assert (await error(url, "SELECT 1 AS a", record=redirected)).code == "egress"
    named = {"url": "postgresql://a@localhost/d"}
    with allowed_hosts(("public",)):
        assert (await error(url, "SELECT 1 AS a", record=named)).code == "egress"


async def test_the_environment_of_libpq_names_no_other_server(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("PGHOSTADDR", "127.0.0.9")
        patched.setenv("PGHOST", "127.0.0.9")
        patched.setenv("PGPORT", "1")
        assert (await ask(url, "SELECT 1 AS a")).row_count == 1
        problem = await error("postgresql://ana@localhost/shop?connect_timeout=2", "SELECT 1 AS a", seconds=3)
    assert "port 1 " not in str(problem)
    assert "127.0.0.9" not in str(problem)


async def test_the_parts_of_a_url_and_its_options_are_used(url: str, admin: psycopg.Connection[Any]) -> None:
    parts = urlsplit(url)
    record = {
        "driver": "postgresql+asyncpg", "host": parts.hostname, "port": parts.port, "username": parts.username,
        "database": parts.path[1:], "connect_args": {"application_name": "reports"}, "limits": {"concurrency": 2},
    }  # fmt: skip
    (row,) = (await ask(url, "SELECT current_setting('application_name') AS name", record=record)).rows
    assert row == {"name": "reports"}


async def test_a_password_in_the_url_is_decoded() -> None:
    seen: list[str] = []

    def answer(password: str) -> bytes:
        seen.append(password)
        return rejection("28P01", "no")

    with rejecting_server(answer) as port:
        await error(f"postgresql://ana:{quote('p@ss/w#rd', safe='')}@127.0.0.1:{port}/shop", "SELECT 1 AS a")
        record = {"url": f"postgresql://ana@127.0.0.1:{port}/shop", "password": "p@ss/w#rd"}
        await error("", "SELECT 1 AS a", record=record)
    assert seen == ["p@ss/w#rd"] * 2
