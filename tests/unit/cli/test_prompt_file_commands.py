"""Prompt files from the command line: checked, compiled, pushed with their texts, run, compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

Cli = Callable[..., tuple[int, str, str]]

HELLO = """schema: flowbuilder/v1
name: hello
steps:
  - {id: draft, type: llm, prompt: prompts/greet@1}   # a comment
outputs: {text: "{{ steps.draft.output.text }}"}
"""
CALLER = """schema: flowbuilder/v1
name: caller
steps:
  - {id: call, type: workflow, name: hello}
outputs: {text: "{{ steps.call.output.text }}"}
"""


def written(folder: Path, text: str) -> str:
    (folder / "prompts").mkdir(exist_ok=True)
    (folder / "prompts" / "greet@1.md").write_text(f"---\nmodel: demo:any\n---\n{text}\n")
    (folder / "hello.yaml").write_text(HELLO)
    return str(folder / "hello.yaml")


def test_a_prompt_file_is_part_of_the_version(cli: Cli, tmp_path: Path) -> None:
    file = written(tmp_path, "Greet the reader.")
    assert cli("validate", file)[0] == 0
    assert cli("plan", file)[0] == 0
    assert "Stored hello v1" in cli("push", file)[1]
    shown = cli("show", "hello")[1]
    assert "Greet the reader." in shown
    assert "prompts/greet@1" in shown
    assert "Unchanged" in cli("push", file)[1] or "v1" in cli("push", file)[1]
    written(tmp_path, "Greet the reader twice.")
    assert "Stored hello v2" in cli("push", file)[1]
    assert "Greet the reader twice." in cli("diff", "hello", "1", "2")[1]


def test_a_workflow_with_a_prompt_file_runs_and_is_called(cli: Cli, tmp_path: Path) -> None:
    file = written(tmp_path, "Greet the reader.")
    code, out, _ = cli("run", file, "--local", "--format", "json")
    assert (code, "demo model" in json.loads(out)["outputs"]["text"]) == (0, True)
    (tmp_path / "caller.yaml").write_text(CALLER)
    assert cli("validate", str(tmp_path / "caller.yaml"))[0] == 0
    code, out, _ = cli("run", str(tmp_path / "caller.yaml"), "--local", "--format", "json")
    assert (code, "demo model" in json.loads(out)["outputs"]["text"]) == (0, True)


def test_a_prompt_file_that_is_missing_is_named(cli: Cli, tmp_path: Path) -> None:
    file = written(tmp_path, "x")
    (tmp_path / "prompts" / "greet@1.md").unlink()
    for command in ("validate", "plan", "push"):
        code, out, err = cli(command, file)
        assert code == 1
        assert "prompts/greet@1.md cannot be read" in out + err
