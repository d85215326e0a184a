"""`flowbuilder validate`, `explain` and `schema`: output, start-up time, and invalid input."""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flowbuilder.analysis.explanations import explanations
from flowbuilder.cli import group, main
from flowbuilder.definition.yaml.document import read_document
from flowbuilder.json_schema import problems

CASES = Path(__file__).parents[2] / "cases"
GOOD = CASES / "good" / "one-page.yaml"
HEAVY = (
    "prefect", "streamlit", "sqlalchemy", "mcp", "httpx", "pydantic_ai", "trafilatura", "rich", "html",
    "flowbuilder.model.review", "flowbuilder.model.effect",
)  # fmt: skip

HEAD = b"schema: flowbuilder/v1\nname: a\n"
GARBAGE: dict[str, bytes] = {
    "nothing": b"",
    "a byte order mark": b"\xef\xbb\xbf",
    "zeros": b"\0" * 1000,
    "all bytes": bytes(range(256)) * 40,
    "utf-16": "schema: flowbuilder/v1".encode("utf-16"),
    "cut utf-8": "schema: é".encode()[:-1],
    "five megabytes": b"a: b\n" * 1_000_000,
    "a long line": b"a: " + b"x" * 1_000_000,
    "deep brackets": b"steps: " + b"[" * 100_000,
    "deep braces": b'{"a":' * 50_000,
    "deep blocks": b"".join(b" " * level + b"a:\n" for level in range(1000)),
    "deep expression": HEAD + b"steps: [{id: a, type: page, url: x, when: '" + b"(" * 1900 + b"'}]",
    "deep template": HEAD + b"steps: [{id: a, type: page, url: '{{" + b"[" * 8000 + b"'}]",
    "many braces": HEAD + b"steps: [{id: a, type: page, url: '" + b"{{1}}" * 13_000 + b"'}]",
    "laughs": b"a0: &a0 [lol]\n"
    + b"".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n".encode() for n in range(1, 20)),
    "an anchor of itself": b"a: &a [*a]\n",
    "merge keys": b"a: &a {x: 1}\nb: {<<: *a}\n",
    "tabs": b"steps:\n\t- id: a\n\t  type: page\n",
    "duplicate keys": b"name: a\nname: b\n" * 100,
    "a python object": b"steps: !!python/object/apply:os.system [ls]\n",
    "a directive": b"%YAML 9.9\n---\na: 1\n",
    "numbers as keys": b"1: a\n2.5: b\nnull: c\n? [x]\n: d\n",
    "wrong types": b"schema: [1]\nname: {a: 1}\ninputs: 3\nhosts: {a: b}\nsteps: 7\noutputs: [1]\n",
    "null everywhere": b"schema:\nname:\ninputs:\nhosts:\nsteps:\noutputs:\n",
    "steps of everything": HEAD + b"steps: [1, a, null, [], {}, {id: 1}, {id: [], type: {}}, true, 1.5]\n",
    "fields of everything": HEAD + b"steps:\n"
    + b"".join(
        f"  - {{id: {kind}, type: {kind}, {field}: {value}}}\n".encode()
        for kind in ("api", "cms", "code", "conditional", "gsc", "human_review", "iteration", "llm", "page", "workflow")
        for field in ("when", "branches", "else", "steps", "over", "retry", "trust", "with", "depends_on", "on_error",
                      "output_schema", "effect", "assign", "on_changes_requested", "json", "url", "prompt", "as")
        for value in ("1", "[]", "{}", "[[1]]", "'{{'", "null", "{a: [{b: 1}]}")
    ),
    "json that ends": b'{"schema": "flowbuilder/v1", "steps": [',
    "half a surrogate": b'{"schema": "\\ud800"}',
}  # fmt: skip


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, arguments)


@pytest.mark.parametrize("name", GARBAGE)
def test_invalid_input_gets_diagnostics_and_never_a_traceback(name: str, tmp_path: Path) -> None:
    path = tmp_path / "garbage.yaml"
    path.write_bytes(GARBAGE[name])
    begin = time.process_time()
    for form in ("text", "json"):
        result = run("validate", "--format", form, str(path))
        assert result.exit_code == 1, (name, result.output, result.exception)
        assert isinstance(result.exception, SystemExit)
    assert time.process_time() - begin < 6
    (record,) = json.loads(result.stdout)["files"]
    assert record["diagnostics"]
    assert all(found["code"].startswith("FB") and found["message"] for found in record["diagnostics"])


def test_the_json_has_exactly_the_documented_fields() -> None:
    bad = CASES / "bad" / "FB106-unknown-input.yaml"
    result = run("validate", "--format", "json", str(GOOD), str(bad))
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert list(answer) == ["files"]
    assert [(record["file"], len(record["diagnostics"])) for record in answer["files"]] == [
        (str(GOOD), 0),
        (str(bad), 1),
    ]
    (found,) = answer["files"][1]["diagnostics"]
    assert list(found) == ["code", "severity", "message", "pointer", "line", "column", "hint"]
    assert (found["code"], found["severity"], found["pointer"]) == ("FB106", "error", "/steps/0/url")
    assert (found["line"], found["hint"]) == (6, "did you mean url? the inputs are: url")


def test_several_files_are_checked_and_valid_ones_print_nothing(tmp_path: Path) -> None:
    good = run("validate", str(GOOD), str(GOOD))
    assert (good.exit_code, good.stdout) == (0, "ok: 2 files, no problems found\n")
    missing = run("validate", str(tmp_path / "none.yaml"))
    assert missing.exit_code == 2
    both = run("validate", str(GOOD), str(CASES / "bad" / "FB103-alone.yaml"))
    assert both.exit_code == 1
    assert both.stdout.startswith("error[FB103]")
    assert both.stdout.endswith("1 error in 2 files\n")


def test_warnings_do_not_fail() -> None:
    result = run("validate", str(CASES / "bad" / "FB503-unused.yaml"))
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "1 warning in 1 file")


def test_a_byte_order_mark_does_not_shift_columns(tmp_path: Path) -> None:
    path = tmp_path / "marked.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + b"nmae: x\n")
    records = json.loads(run("validate", "--format", "json", str(path)).stdout)["files"][0]["diagnostics"]
    assert ("FB010", 1, 1) in [(found["code"], found["line"], found["column"]) for found in records]


def seconds(*arguments: str) -> float:
    """The least CPU time of five runs of Python, which depends less on other load than wall time."""
    taken = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken)


def test_validate_answers_in_half_a_second() -> None:
    # on a busy machine the limit is relative to the import of the libraries alone: 0.2 s on an idle one
    libraries = "import click, yaml, jinja2, pydantic; pydantic.create_model('M', a=(int, 1))()"
    assert seconds("-m", "flowbuilder", "validate", str(GOOD)) < max(0.5, 2.4 * seconds("-c", libraries))


def test_validate_loads_nothing_heavy() -> None:
    script = (
        "import sys; from flowbuilder.cli import main; code = main(sys.argv[1:]);"
        f"print([name for name in {HEAVY!r} if name in sys.modules]); sys.exit(code)"
    )
    command = [sys.executable, "-c", script, "validate", str(GOOD)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok: 1 file, no problems found\n[]\n", "")


@pytest.mark.parametrize("code", list(explanations()))
def test_every_code_is_explained(code: str) -> None:
    result = run("explain", code.lower())
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{code}: ")
    record = json.loads(run("explain", code, "--format", "json").stdout)
    assert (record["code"], bool(record["title"])) == (code, True)
    assert record["text"] == explanations()[code]


def test_explain_lists_all_codes_and_reports_an_unknown_one(capsys: pytest.CaptureFixture[str]) -> None:
    listed = run("explain")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(explanations())
    assert main(["explain", "FB3044"]) == 2
    assert "did you mean FB304?" in capsys.readouterr().err


def test_the_schema_accepts_the_good_cases_and_refuses_a_misspelt_field() -> None:
    schema = json.loads(run("schema").stdout)
    assert schema == json.loads(run("schema", "--format", "json").stdout)
    for path in sorted((CASES / "good").glob("*.yaml")):
        value = read_document(path.read_text()).value
        assert value is not None
        assert problems(schema, value) == []
    wrong = read_document((CASES / "bad" / "FB010-misspelt-field.yaml").read_text()).value
    assert wrong is not None
    assert problems(schema, wrong)
