"""Commands on an embedded database: what they print as text and as JSON, and their exit codes."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

NOTE = """
schema: flowbuilder/v1
name: note
title: Publish a note
inputs:
  what: {type: string, title: What to say}
  times: {type: integer, default: 1}
steps:
  - id: review
    type: human_review
    title: "Note: {{ inputs.what }}"
    base: "Old text"
    proposal: "{{ inputs.what }}"
outputs:
  decision: "{{ steps.review.output.decision }}"
"""

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "note.yaml"
    path.write_text(NOTE)
    return str(path)


def data(result: tuple[int, str, str]) -> Any:
    assert result[0] == 0, result
    return json.loads(result[1])


def test_an_empty_store_is_reported_with_the_next_command(cli: Cli) -> None:
    assert cli("workflows") == (0, "No workflows yet. Store one with `flowbuilder push FILE`.\n", "")
    assert cli("executions") == (0, "No executions. Start one with `flowbuilder run NAME`.\n", "")
    assert cli("reviews") == (0, "No reviews waiting\n", "")
    code, out, _ = cli("sites")
    assert (code, out.startswith("No site files in ")) == (0, True)


def test_a_workflow_is_pushed_published_and_archived(cli: Cli, file: str) -> None:
    assert cli("push", file)[1] == "Stored note v1 as a draft\nNext: flowbuilder publish note\n"
    assert cli("publish", "note")[1] == "Published note v1\n"
    assert cli("push", file)[1] == "Unchanged: note v1 is published\n"
    assert "title: Publish a note" in cli("show", "note")[1]
    assert cli("diff", "note", "1", "1")[1] == "v1 and v1 have the same text\n"
    assert cli("archive", "note")[1] == "Archived note\n"
    assert [item["archived"] for item in data(cli("workflows", "--all", "--format", "json"))["workflows"]] == [True]


def test_an_execution_is_run_reviewed_and_resumed(cli: Cli, file: str) -> None:
    started = data(cli("run", file, "--local", "--input", "what=New text", "--format", "json"))
    assert started["status"] == "waiting"
    (review,) = started["waiting"]
    text = cli("reviews", "show", review["id"])[1]
    assert "-Old text" in text
    assert "+New text" in text
    assert cli("reviews", "claim", review["id"])[1] == f"ana@example.com claimed {review['id']}\n"
    assert cli("reviews", "claim", review["id"], "--release")[1] == f"Released {review['id']}\n"
    code, out, _ = cli("reviews", "decide", review["id"], "approve", "--local")
    assert (code, out.splitlines()[0]) == (0, f"Approved {review['id']}")
    shown = data(cli("executions", "show", started["execution_id"], "--format", "json"))
    assert (shown["status"], shown["outputs"]) == ("completed", {"decision": "approved"})
    assert shown["totals"]["steps"] == len(shown["steps"]) - 1
    step = data(cli("executions", "show", started["execution_id"], "--step", "review", "--format", "json"))
    assert (step["path"], step["status"], step["fields"]["proposal"]) == ("review", "completed", "New text")
    code, out, _ = cli("executions", "show", started["execution_id"], "--step", "review")
    assert (code, out.splitlines()[0]) == (0, "review (human_review)  completed")
    assert "  proposal: New text\n" in out
    code, _, problem = cli("executions", "show", started["execution_id"], "--step", "reveiw")
    assert code != 0
    assert "has no step run reveiw: did you mean review?" in problem
    assert "Totals: " in cli("executions", "show", started["execution_id"])[1]
    assert cli("audit")[1] == "ok: checked all executions, no problems found\n"


def test_without_a_worker_the_next_commands_continue_here(cli: Cli, file: str) -> None:
    lines = cli("run", file, "--local", "--no-input", "--input", "what=New text")[1].splitlines()
    (review,) = data(cli("reviews", "list", "--format", "json"))["reviews"]
    assert lines[-1] == f"then: flowbuilder reviews decide {review['id']} approve --local"
    assert "once that is decided, it resumes by itself" in cli("resume", review["execution_id"])[2]
    cli("reviews", "decide", review["id"], "approve")
    assert "not paused: a worker continues it, or this process with --local" in cli("resume", review["execution_id"])[2]
    assert "completed" in cli("resume", review["execution_id"], "--local")[1]


def test_texts_of_an_object_are_compared_line_by_line(cli: Cli, tmp_path: Path) -> None:
    values = [
        {"title": title, "body": f"One.\n\n{last}.\n", "kept": "same"} for title, last in (("A", "Two"), ("B", "Three"))
    ]
    step = {"id": "review", "type": "human_review", "title": "Look", "base": values[0], "proposal": values[1]}
    (tmp_path / "look.json").write_text(json.dumps({"schema": "flowbuilder/v1", "name": "look", "steps": [step]}))
    started = data(cli("run", str(tmp_path / "look.json"), "--local", "--format", "json"))
    shown = cli("reviews", "show", started["waiting"][0]["id"])[1]
    assert "title:\n@@ -1 +1 @@\n-A\n+B\n" in shown
    assert "body:\n@@ -1,4 +1,4 @@\n One.\n \n-Two.\n+Three.\n" in shown
    assert "same" not in shown


def test_a_cms_step_without_a_site_says_so(cli: Cli, tmp_path: Path) -> None:
    text = "schema: flowbuilder/v1\nname: read\nsteps: [{id: page, type: cms, url: 'https://tea.example/'}]\n"
    (tmp_path / "read.yaml").write_text(text)
    code, out, _ = cli("run", str(tmp_path / "read.yaml"), "--local")
    assert (code, "this execution has no site, so no CMS: start it with --site NAME" in out) == (1, True)


def test_another_persons_claim_is_overruled_only_when_asked_to(cli: Cli, file: str) -> None:
    started = data(cli("run", file, "--local", "--input", "what=New text", "--format", "json"))
    (review,) = started["waiting"]
    cli("reviews", "claim", review["id"], "--as", "ben@example.com")
    code, out, err = cli("reviews", "decide", review["id"], "approve", "--local")
    assert (code, out) == (1, "")
    assert "ben@example.com has claimed this review until" in err
    assert "--overrule-claim" in err
    assert data(cli("reviews", "show", review["id"], "--format", "json"))["status"] == "open"
    own, _, _ = cli(
        "reviews", "decide", review["id"], "reject", "--comment", "no", "--as", "BEN@example.com", "--local"
    )
    assert own == 0, "one's own claim is no obstacle"


def test_a_claim_that_is_overruled_is_overruled(cli: Cli, file: str) -> None:
    started = data(cli("run", file, "--local", "--input", "what=New text", "--format", "json"))
    (review,) = started["waiting"]
    cli("reviews", "claim", review["id"], "--as", "ben@example.com")
    assert cli("reviews", "decide", review["id"], "approve", "--overrule-claim", "--local")[0] == 0
    decided = data(cli("reviews", "show", review["id"], "--format", "json"))["decision"]
    assert (decided["by"], decided["held_until"]) == ("ana@example.com", None)


def test_an_execution_is_paused_and_resumed(cli: Cli, file: str) -> None:
    started = data(cli("run", file, "--local", "--input", "what=New text", "--format", "json"))
    assert cli("pause", started["execution_id"])[1] == f"Paused {started['execution_id']}\n"
    resumed = data(cli("resume", started["execution_id"], "--local", "--format", "json"))
    assert resumed["status"] == "waiting"


def test_a_rejection_without_a_comment_is_refused(cli: Cli, file: str) -> None:
    started = data(cli("run", file, "--local", "--input", "what=New text", "--format", "json"))
    code, out, err = cli("reviews", "decide", started["waiting"][0]["id"], "reject", "--local")
    assert (code, out) == (1, "")
    assert err.startswith("error: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("publsh",), "error: unknown command publsh; did you mean publish? (see flowbuilder --help)\n"),
        (("publish",), "error: Missing argument 'NAME' (see flowbuilder publish --help)\n"),
        (("explain", "FB3044"), "error: unknown code FB3044; did you mean FB304? (see flowbuilder explain --help)\n"),
        (("steps", "none"), "error: unknown step type none; available: "),
        (("run", "none.yaml", "--local"), "error: there is no file none.yaml (see flowbuilder run --help)\n"),
    ],
)
def test_wrong_use_is_one_line_on_stderr(cli: Cli, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = cli(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(message)


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("times=many", "--input times=many: expected an integer"),
        ("wat=x", "unknown input wat; did you mean what?"),
        ("what", "--input what: expected NAME=VALUE"),
    ],
)
def test_a_wrong_input_is_named(cli: Cli, file: str, pair: str, message: str) -> None:
    code, _, err = cli("run", file, "--local", "--input", pair)
    assert (code, message in err) == (2, True), err


SENSITIVE = """
schema: flowbuilder/v1
name: tokens
inputs:
  key: {type: string, sensitive: true}
  pin: {type: integer, sensitive: true, default: null}
steps: [{id: use, type: code, source: "[len(key), key]", with: {key: "{{ inputs.key }}"}}]
outputs: {used: "{{ steps.use.output }}"}
"""


@pytest.mark.parametrize("way", ["file", "stdin", "prompt", "plain"])
def test_a_sensitive_input_is_read_and_not_shown(
    cli: Cli, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, key = tmp_path / "tokens.yaml", tmp_path / "key"
    path.write_text(SENSITIVE.replace("integer,", '[integer, "null"],'))
    key.write_text("tok-4711-Plain\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("tok-4711-Plain\n"))
    if way == "prompt":
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
        monkeypatch.setattr("click.termui.hidden_prompt_func", lambda prompt: "tok-4711-Plain")
    given = {"file": f"key=@{key}", "stdin": "key=@-", "plain": "key=tok-4711-Plain"}
    arguments = ("--input", given[way]) if way in given else ()
    code, out, err = cli("run", str(path), "--local", *arguments)
    assert code == 0, err
    assert '"[sensitive input key]"' in out
    assert "14" in out
    listed = cli("executions", "list", "--format", "json")
    assert "[hidden]" in listed[1]
    assert "tok-4711" not in out + err + "".join(listed[1:])


def test_a_wrong_sensitive_input_is_not_quoted(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "tokens.yaml"
    path.write_text(SENSITIVE.replace("integer,", '[integer, "null"],'))
    code, out, err = cli("run", str(path), "--local", "--input", "key=x", "--input", "pin=not-a-pin")
    assert (code, "pin=[hidden]: expected" in err, "not-a-pin" in out + err) == (2, True, False), err


def test_the_schema_of_the_database_is_shown_and_migrated(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    code, out, _ = cli("db", "current")
    assert (code, out.startswith("No schema; run `flowbuilder db upgrade` to get ")) == (1, True)
    assert cli("db", "upgrade")[1].startswith("Upgraded the schema from empty to ")
    assert cli("db", "upgrade")[1].startswith("The schema is up to date (")
    assert cli("db", "current")[1].endswith(" (up to date)\n")
