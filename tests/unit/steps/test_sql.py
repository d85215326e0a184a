"""`sql` steps: what they read, that a write happens once, and what is published by one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowbuilder.analysis.linter import check
from flowbuilder.definition.loader import load
from flowbuilder.errors import StepError, TransientError
from flowbuilder.ports import Ports
from flowbuilder.ports.sql import SqlRequest
from flowbuilder.ports.sql.sqlite_library import library
from flowbuilder.testing import FakeDatabases, Finished, MemoryStore, fake_ports, run_locally
from flowbuilder.values import JsonObject

Run = Callable[..., Finished]
SCRIPT = "CREATE TABLE post (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO post VALUES (1, 'Tea'), (2, 'Coffee')"
READ = {"type": "sql", "connection": "blog", "query": "SELECT id, title FROM post WHERE id >= :id ORDER BY id"}
WRITE = {"type": "sql", "connection": "blog", "query": "INSERT INTO post (title) VALUES (:title)", "effect": {}}


def document(*steps: JsonObject, **more: Any) -> JsonObject:
    outputs = {"all": "{{ [" + ", ".join(f"steps.{step['id']}.status" for step in steps) + "] }}"}
    return {"schema": "flowbuilder/v1", "name": "w", "steps": list(steps), "outputs": outputs, **more}


def step(id: str = "s", **fields: Any) -> JsonObject:
    return {"id": id, **fields}


def codes(value: JsonObject) -> list[tuple[str, str]]:
    definition, report = load(value)
    if definition is not None:
        report = check(definition)
    return [(item.code, item.pointer) for item in report]


def output_of(finished: Finished, path: str = "s") -> Any:
    assert finished.status == "completed", finished.error
    return finished.outcomes[path].output


def error_of(finished: Finished, path: str = "s") -> Any:
    assert finished.status == "failed"
    return finished.outcomes[path].error


def run(*steps: JsonObject, databases: FakeDatabases | None = None, **more: Any) -> Finished:
    given = databases or FakeDatabases({"blog": SCRIPT})
    options = {name: more.pop(name) for name in ("store", "decide") if name in more}
    return run_locally(document(*steps, **more), ports=fake_ports(databases=given), **options)


def test_a_step_gives_rows_and_their_number() -> None:
    done = run(step(**READ, parameters={"id": 2}))
    assert output_of(done, "s") == {
        "rows": [{"id": 2, "title": "Coffee"}], "row_count": 1, "columns": ["id", "title"], "truncated": False,
    }  # fmt: skip


def test_a_written_limit_cuts_and_says_so_and_the_default_one_fails() -> None:
    numbers = "WITH RECURSIVE c(x) AS (SELECT 3 UNION ALL SELECT x + 1 FROM c LIMIT 2000)"
    more = f"{numbers} INSERT INTO post SELECT x, 'x' FROM c"
    many = FakeDatabases({"blog": f"{SCRIPT}; {more}"})
    everything = {**READ, "parameters": {"id": 0}}
    cut = output_of(run(step(**everything, row_limit=5), databases=many))
    assert (cut["row_count"], cut["truncated"]) == (5, True)
    failed = run(step(**everything), databases=many)
    assert error_of(failed, "s")["code"] == "sql_rows"
    assert error_of(run(step(**everything, row_limit=5, on_more="fail"), databases=many))["code"] == "sql_rows"
    assert output_of(run(step(**everything, on_more="stop"), databases=many))["row_count"] == 1000


def test_a_parameter_that_a_template_gives_is_a_value() -> None:
    first = step("first", **READ, parameters={"id": 1}, row_limit=1)
    query = "SELECT count(*) AS n FROM post WHERE title = :title OR title = 'x' || :title"
    second = step("second", type="sql", connection="blog", query=query,
                  parameters={"title": "{{ steps.first.output.rows[0].title ~ \"' OR '1'='1\" }}"})  # fmt: skip
    assert output_of(run(first, second), "second")["rows"] == [{"n": 0}]


def test_rows_are_checked_by_their_schema() -> None:
    schema = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
    failed = run(step(**READ, parameters={"id": 1}, row_schema=schema))
    assert error_of(failed, "s")["code"] == "schema_mismatch"
    assert "row 1" in error_of(failed, "s")["message"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({**READ, "parameters": {"id": 1}}, []),
        (READ, [("FB019", "/steps/0/query")]),
        ({**READ, "parameters": {"id": 1, "x": 2}}, [("FB019", "/steps/0/parameters/x")]),
        ({**READ, "parameters": "{{ inputs.all }}"}, []),
        ({**READ, "query": "SELECT '{{ inputs.all }}' AS a"}, [("FB018", "/steps/0/query")]),
        ({**READ, "query": "SELECT {{ item.id }} AS a"}, [("FB018", "/steps/0/query")]),
        ({**READ, "query": "SELECT {{ loop.index | default(1) }} AS a"}, [("FB018", "/steps/0/query")]),
        ({**READ, "query": "SELECT {% for x in inputs.all %} 1 {% endfor %} AS a"}, [("FB018", "/steps/0/query")]),
        ({**READ, "query": "SELECT '{{1,2},{3,4}}'::int[], '{{a,b},{c,d}}' AS a FROM t WHERE b LIKE '{%'"}, []),
        ({**READ, "query": "DELETE FROM post"}, [("FB019", "/steps/0/query")]),
        ({**WRITE, "parameters": {"title": "x"}, "effect": None}, [("FB019", "/steps/0/query")]),
        ({**READ, "query": ""}, [("FB012", "/steps/0/query")]),
        ({**READ, "query": 7}, [("FB012", "/steps/0/query")]),
        ({**READ, "parameters": {"id": 1}, "row_limit": 0}, [("FB012", "/steps/0/row_limit")]),
        ({**READ, "parameters": [1]}, [("FB012", "/steps/0/parameters")]),
    ],
)  # fmt: skip
def test_what_the_check_of_a_definition_says(fields: JsonObject, expected: list[tuple[str, str]]) -> None:
    inputs = {"all": {"type": "object", "default": {"id": 1}}}
    assert codes(document(step(**fields), inputs=inputs)) == expected


def test_names_that_only_a_template_gives_are_checked_when_the_step_runs() -> None:
    failed = run(step(**{**READ, "parameters": "{{ inputs.all }}"}), inputs={"all": {"type": "object", "default": {}}})
    assert error_of(failed, "s")["code"] == "invalid_field"
    assert "parameters has no id" in error_of(failed, "s")["message"]


def test_rows_are_untrusted_where_they_are_published() -> None:
    read = step("read", **READ, parameters={"id": 1})
    write = step("write", **WRITE, parameters={"title": "{{ steps.read.output.rows[0].title }}"})
    assert codes(document(read, write)) == [("FB401", "/steps/1/parameters/title")]
    trusted = {**write, "trust": {"source": "read", "reason": "our own table", "by": "Ana"}}
    assert codes(document(read, trusted)) == []
    numbers = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
    clean = {**write, "parameters": {"title": "{{ steps.read.output.rows[0].id }}"}}
    assert codes(document({**read, "row_schema": numbers}, clean)) == []
    only_read = step("again", **READ, parameters={"id": "{{ steps.read.output.rows[0].title }}"})
    assert codes(document(read, only_read)) == []
    keyed = {**write, "parameters": {"title": "x"}, "effect": {"key": "{{ steps.read.output.rows[0].title }}"}}
    assert ("FB406", "/steps/1/effect/key") in codes(document(read, keyed))


def test_the_guard_of_the_worker_refuses_what_no_reviewer_approved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowbuilder.analysis.taint.propagation.taint_of", lambda *_, **__: None)
    monkeypatch.setattr("flowbuilder.analysis.taint.context_shapes.taint_of", lambda *_, **__: None)
    databases = FakeDatabases({"blog": SCRIPT})
    read = step("read", **READ, parameters={"id": 1})
    write = step("write", **WRITE, parameters={"title": "{{ steps.read.output.rows[0].title }}"})
    failed = run(read, write, databases=databases)
    assert error_of(failed, "write")["code"] == "not_approved"
    assert databases.writes == []


def test_what_a_reviewer_approved_is_written() -> None:
    databases = FakeDatabases({"blog": SCRIPT})
    read = step("read", **READ, parameters={"id": 1})
    review = step("review", type="human_review", title="Look", proposal="{{ steps.read.output.rows[0].title }}")
    write = step("write", **WRITE, parameters={"title": "{{ steps.review.output.approved }}"})
    done = run(read, review, write, databases=databases, decide={"review": "approve"})
    assert done.status == "completed"
    assert databases.query("blog", "SELECT count(*) FROM post WHERE title = 'Tea'") == [(2,)]


class Answers:
    """A database that answers the n-th write with the n-th of these: rows, or an error."""

    def __init__(self, *answers: list[JsonObject] | Exception) -> None:
        self._answers = list(answers)
        self.databases = FakeDatabases({"blog": self._answer})

    def _answer(self, _: SqlRequest) -> list[JsonObject]:
        found = self._answers[min(len(self.databases.requests), len(self._answers)) - 1]
        if isinstance(found, Exception):
            raise found
        return found

    @property
    def writes(self) -> int:
        return len(self.databases.writes)


def broken(*, definitive: bool) -> TransientError:
    problem = TransientError("the connection broke", reason="connection")
    problem.definitive = definitive
    return problem


TWICE = {**WRITE, "parameters": {"title": "x"}, "retry": {"attempts": 2, "delay_seconds": 0, "on": ["connection"]}}


def test_a_write_in_doubt_is_asked_about_and_not_repeated_by_itself() -> None:
    target = Answers(broken(definitive=False), [{"id": 7}])
    waiting = run(step(**TWICE), databases=target.databases)
    assert (waiting.status, target.writes) == ("waiting", 1)
    (review,) = waiting.reviews
    assert "Send again? blog: INSERT was called and no answer came back" in review.request.title
    assert review.request.proposal == {
        "connection": "blog", "query": WRITE["query"], "parameters": {"title": "x"},
    }  # fmt: skip


@pytest.mark.parametrize(("verb", "status", "writes"), [("approve", "completed", 2), ("reject", "failed", 1)])
def test_the_answer_of_a_person_decides_about_a_write_in_doubt(verb: str, status: str, writes: int) -> None:
    target = Answers(broken(definitive=False), [{"id": 7}])
    done = run(step(**TWICE), databases=target.databases, decide=lambda _: verb)
    assert (done.status, target.writes) == (status, writes)


def test_a_write_that_certainly_did_nothing_is_tried_again_without_a_question() -> None:
    target = Answers(broken(definitive=True), [{"id": 7}])
    done = run(step(**TWICE), databases=target.databases)
    assert (done.status, target.writes, done.reviews) == ("completed", 2, ())


def test_a_connection_that_is_wrong_leaves_no_write_in_doubt() -> None:
    store, wrong = MemoryStore(), step(**{**WRITE, "parameters": {"title": "x"}, "effect": {"key": "order-8"}})
    assert error_of(run(wrong, databases=FakeDatabases({}), store=store))["code"] == "configurationerror"
    assert output_of(run(wrong, store=store))["row_count"] == 1


def test_a_write_that_may_be_repeated_is_repeated_after_a_doubt() -> None:
    target = Answers(broken(definitive=False), [{"id": 7}])
    done = run(step(**{**TWICE, "effect": {"deduplicates": True}}), databases=target.databases)
    assert (done.status, target.writes) == ("completed", 2)


def test_one_key_is_one_write_and_its_output_is_the_receipt() -> None:
    databases, store = FakeDatabases({"blog": SCRIPT}), MemoryStore()
    keyed = step(**{**WRITE, "parameters": {"title": "once"}, "effect": {"key": "order-7"}})
    first = run(keyed, databases=databases, store=store)
    second = run(keyed, databases=databases, store=store)
    assert (
        output_of(first, "s")
        == output_of(second, "s")
        == {"rows": [], "row_count": 1, "columns": [], "truncated": False}
    )
    assert databases.query("blog", "SELECT count(*) FROM post WHERE title = 'once'") == [(1,)]
    other = run({**keyed, "parameters": {"title": "other"}}, databases=databases, store=store)
    assert error_of(other, "s")["code"] == "effect_key_reused"


def test_rows_that_do_not_fit_their_schema_do_not_undo_the_write() -> None:
    databases = FakeDatabases({"blog": SCRIPT})
    query, schema = "INSERT INTO post (title) VALUES ('x') RETURNING title", {"properties": {"title": {"const": "y"}}}
    failed = run(step(**{**WRITE, "query": query, "row_schema": schema}), databases=databases)
    assert error_of(failed, "s")["code"] == "schema_mismatch"
    assert databases.query("blog", "SELECT count(*) FROM post WHERE title = 'x'") == [(1,)]


def test_an_error_of_the_database_is_that_of_the_step() -> None:
    failed = run(step(type="sql", connection="blog", query="SELECT title FROM nowhere"))
    assert error_of(failed, "s")["code"] == "sql_refused"
    assert error_of(failed, "s")["detail"] == {"reason": "no such table: nowhere"}


def test_a_connection_of_another_kind_is_a_clear_error(ports: Ports, tmp_path: Path) -> None:
    (tmp_path / "connections.yaml").write_text("shop: {base_url: 'https://shop.example', token: abcdefgh}\n")
    one = document(step(type="sql", connection="shop", query="SELECT 1 AS a"))
    failed = run_locally(one, ports=ports)
    assert "database shop has no field" in error_of(failed, "s")["message"]
    assert "abcdefgh" not in str(error_of(failed, "s"))


def test_a_real_file_is_read_and_written_with_the_real_ports(ports: Ports, tmp_path: Path) -> None:
    with closing(library()[0].connect(tmp_path / "blog.db")) as made:
        made.executescript(SCRIPT)
    (tmp_path / "connections.yaml").write_text(f"blog: {{url: 'sqlite:///{tmp_path}/blog.db'}}\n")
    write = step("write", **WRITE, parameters={"title": "new"})
    read = step("read", **READ, parameters={"id": "{{ steps.write.output.row_count + 2 }}"})
    done = run_locally(document(write, read), ports=ports)
    assert output_of(done, "read")["rows"] == [{"id": 3, "title": "new"}]


def test_checking_a_definition_loads_no_driver() -> None:
    code = (
        "import sys; from flowbuilder.definition.loader import load; from flowbuilder.analysis.linter import check\n"
        "value = {'schema': 'flowbuilder/v1', 'name': 'w', 'steps': [{'id': 's', 'type': 'sql', 'connection': 'c',"
        " 'query': 'SELECT 1 AS a'}], 'outputs': {'a': '{{ steps.s.output.rows }}'}}\n"
        "assert check(load(value)[0]).ok\n"
        "assert not {'sqlalchemy', 'psycopg', 'sqlite3', 'pysqlite3', 'asyncio'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_definition_that_was_stored_with_a_wrong_query_fails_and_sends_nothing() -> None:
    from flowbuilder.steps.builtin.sql import Sql

    wrong = Sql.model_validate({"id": "s", "type": "sql", "connection": "blog", "query": "SELECT 1; DELETE FROM post"})
    with pytest.raises(StepError) as caught:
        wrong._request()
    assert (caught.value.code, caught.value.definitive) == ("invalid_field", True)
