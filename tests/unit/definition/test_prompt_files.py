"""Prompt files beside a workflow file: their texts are part of the definition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from flowbuilder import check, load
from flowbuilder.definition.prompt_files import MAX_CHARACTERS
from flowbuilder.testing import FakeModel, fake_ports, run_locally

EDIT = """---
system: |
  You edit pages. {{ partials.tone }}
model: openai:gpt-5.1
messages:
  - {role: user, content: "Shorten: it is the case that tea is hot."}
  - {role: assistant, content: "{{ partials.tone }} Tea is hot."}
partials: {tone: tone@2}
---
Shorten for {{ inputs.reader }}:

{{partials.tone}}
"""


def written(folder: Path, step: dict[str, Any] | None = None, **files: str) -> Path:
    (folder / "prompts").mkdir(exist_ok=True)
    for name, text in {"edit@1": EDIT, "tone@2": "---\ndescription: a voice\n---\nBe plain.\n", **files}.items():
        (folder / "prompts" / f"{name}.md").write_text(text, encoding="utf-8")
    document = {
        "schema": "flowbuilder/v1",
        "name": "short",
        "inputs": {"reader": {"type": "string", "default": "ana"}},
        "steps": [{"id": "draft", "type": "llm", "prompt": "prompts/edit@1", **(step or {})}],
        "outputs": {"text": "{{ steps.draft.output.text }}"},
    }
    path = folder / "short.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def problem(path: Path) -> str:
    _, report = load(path)
    (found,) = [item for item in report if item.code == "FB017"]
    assert found.span is not None
    assert str(path.parent) not in found.message
    return found.message


def test_the_texts_of_a_file_are_fields_of_the_step(tmp_path: Path) -> None:
    definition, report = load(written(tmp_path))
    assert definition is not None
    assert not (report + check(definition))
    (step,) = definition.document["steps"]
    assert step["prompt"] == "Shorten for {{ inputs.reader }}:\n\nBe plain."
    assert step["system"] == "You edit pages. Be plain.\n"
    assert (step["model"], step["prompt_file"]) == ("openai:gpt-5.1", "prompts/edit@1")
    assert step["messages"][1] == {"role": "assistant", "content": "Be plain. Tea is hot."}
    stored, report = load(definition.document)
    assert stored is not None
    assert (stored.digest, list(report)) == (definition.digest, [])


def test_a_changed_file_is_another_version(tmp_path: Path) -> None:
    first, second = load(written(tmp_path))[0], load(written(tmp_path, **{"tone@2": "Be brief."}))[0]
    assert first is not None
    assert second is not None
    assert first.digest != second.digest


def test_what_the_step_names_itself_is_kept(tmp_path: Path) -> None:
    definition, _ = load(written(tmp_path, {"model": "demo:x", "system": "Mine.", "prompt": "./prompts/edit@1.md"}))
    assert definition is not None
    (step,) = definition.document["steps"]
    assert (step["model"], step["system"]) == ("demo:x", "Mine.")


def test_the_model_gets_system_examples_and_prompt(tmp_path: Path) -> None:
    model = FakeModel(["Done."])
    finished = run_locally(written(tmp_path), {}, ports=fake_ports(models=model))
    assert finished.outputs == {"text": "Done."}
    (asked,) = model.requests
    assert (asked.prompt, asked.system) == ("Shorten for ana:\n\nBe plain.", "You edit pages. Be plain.\n")
    assert asked.messages[1] == ("assistant", "Be plain. Tea is hot.")


def test_a_prompt_file_inside_a_branch_is_read(tmp_path: Path) -> None:
    path = written(tmp_path)
    document = yaml.safe_load(path.read_text())
    (draft,) = document["steps"]
    branch = {"when": "inputs.reader == 'ana'", "steps": [draft], "output": "{{ steps.draft.output.text }}"}
    document["steps"] = [
        {"id": "route", "type": "conditional", "branches": [branch], "else": {"steps": [], "output": ""}}
    ]
    document["outputs"] = {"text": "{{ steps.route.output }}"}
    path.write_text(yaml.safe_dump(document))
    definition, report = load(path)
    assert definition is not None
    assert not (report + check(definition))
    assert "Be plain." in str(definition.document)


def test_untrusted_text_in_a_prompt_file_is_found_as_in_a_prompt(tmp_path: Path) -> None:
    path = written(tmp_path, **{"edit@1": "Rewrite {{ steps.page.output.markdown }}"})
    document = yaml.safe_load(path.read_text())
    page = {"id": "page", "type": "page", "url": "https://example.com/"}
    publish = {"id": "publish", "type": "cms", "operation": "update", "url": "https://example.com/",
               "body": "{{ steps.draft.output.text }}", "effect": {}}  # fmt: skip
    document["steps"] = [page, {**document["steps"][0], "model": "demo:x"}, publish]
    path.write_text(yaml.safe_dump(document))
    definition, report = load(path)
    assert definition is not None
    assert "FB401" in {item.code for item in report + check(definition)}


def test_an_error_in_a_prompt_file_is_reported_at_the_step(tmp_path: Path) -> None:
    _, report = load(written(tmp_path, **{"edit@1": "---\nmodel: demo:x\n---\nShorten {{ inputs.reader"}))
    (found,) = report
    assert (found.code, found.pointer) == ("FB201", "/steps/0/prompt")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"edit@1": "---\nsystem: x\n"}, "has no end"),
        ({"edit@1": "---\n- x\n---\n"}, "cannot be read"),
        ({"edit@1": "---\nsystem: [x\n---\n"}, "cannot be read"),
        ({"edit@1": "---\ntemprature: 1\n---\n"}, "has the field temprature"),
        ({"edit@1": "---\npartials: [x]\n---\n"}, "partials that are not names"),
        ({"edit@1": "{{ partials.tone }}"}, "names no file for its partial tone"),
        ({"edit@1": "---\npartials: {a: ../../secret@1}\n---\n{{ partials.a }}"}, "names no file for its partial a"),
        ({"edit@1": "---\npartials: {a: gone@1}\n---\n{{ partials.a }}"}, "prompts/gone@1.md cannot be read"),
        ({"edit@1": "---\npartials: {a: edit@1}\n---\n{{ partials.a }}"}, "contain each other"),
        ({"edit@1": "prompts/tone@2"}, "holds only the name of another file"),
        ({"edit@1": "x\0"}, "NUL"),
        ({"edit@1": "x" * (MAX_CHARACTERS + 1)}, "more than 262,144 characters"),
        (
            {"edit@1": "---\npartials: {a: tone@2}\n---\n" + "{{ partials.a }}" * 9000, "tone@2": "x" * 200_000},
            "more than 262,144 characters with its partials",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, files: dict[str, str], message: str) -> None:
    assert message in problem(written(tmp_path, **files))


def test_a_file_that_is_missing_not_text_or_outside_is_named(tmp_path: Path) -> None:
    path = written(tmp_path)
    prompt = tmp_path / "prompts" / "edit@1.md"
    prompt.write_bytes(b"\xff\xfe")
    assert "is not UTF-8" in problem(path)
    prompt.unlink()
    assert "cannot be read: No such file" in problem(path)
    (tmp_path / "secret.md").write_text("secret")
    prompt.symlink_to(tmp_path / "secret.md")
    assert "outside of the folder" in problem(path)


def test_a_document_that_comes_from_no_file_cannot_name_one(tmp_path: Path) -> None:
    (found,) = load(written(tmp_path).read_text())[1]
    assert (found.code, "can be read for a workflow file only" in found.message) == ("FB017", True)


@pytest.mark.parametrize("prompt", ["prompts/edit", "Use prompts/edit@1 as it is", "see prompts/edit@1.md and more"])
def test_other_prompts_are_texts(tmp_path: Path, prompt: str) -> None:
    definition, report = load(written(tmp_path, {"prompt": prompt, "model": "demo:x"}))
    assert definition is not None
    assert not report
    assert definition.document["steps"][0]["prompt"] == prompt


@pytest.mark.parametrize("roles", [["assistant"], ["user"], ["user", "user"], ["assistant", "user"]])
def test_examples_are_pairs(roles: list[str]) -> None:
    step = {"id": "s", "type": "llm", "model": "demo:x", "prompt": "x",
            "messages": [{"role": role, "content": "x"} for role in roles]}  # fmt: skip
    _, report = load({"schema": "flowbuilder/v1", "name": "one", "steps": [step]})
    assert "messages are pairs" in report.summary()
