"""The documentation is correct: its definitions are valid, its commands and linked files exist."""

from __future__ import annotations

import ast
import asyncio
import re
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

from flowbuilder import check, load
from flowbuilder.bootstrap import open_local_app
from flowbuilder.cli import group
from flowbuilder.diagnostics import render
from flowbuilder.errors import Transience
from flowbuilder.model.error_codes import ERROR_CODES
from flowbuilder.model.events import EVENT_DATA, EVENT_TYPES
from flowbuilder.settings import Settings
from tools.reference import errors_page, events_page, guard_page

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "decisions").glob("*.md")),
]
CODE = ("flowbuilder", "review_app", "chaos", "migrations", "tests")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
CODE_NAME = re.compile(r"[a-z][a-z_.]+$")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)[^)]*\)")


def blocks(kind: str) -> list[object]:
    return [
        pytest.param(text, id=f"{page.name}-{index}")
        for page in PAGES
        for index, (found, text) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")))
        if found == kind
    ]


@pytest.mark.parametrize("text", [block for block in blocks("yaml") if "schema: flowbuilder/v1" in str(block)])
def test_a_definition_in_the_documentation_has_no_problems(text: str) -> None:
    definition, report = load(text)
    assert definition is not None, render(report, source=text)
    assert render(report + check(definition), source=text) == ""


def test_the_guide_to_debugging_replays_an_execution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    app, runner = open_local_app(Settings(database_url="sqlite:///copy.db", home=tmp_path))
    steps = [{"id": "look", "type": "human_review", "title": "Look", "proposal": "text"}]
    app.push({"schema": "flowbuilder/v1", "name": "hello", "steps": steps})
    execution_id = app.start("hello", {}, version=1)
    asyncio.run(runner.run(execution_id))

    [code] = [body for kind, body in BLOCK.findall(_read("docs/debugging.md")) if kind == "python"]
    exec(code.replace('"ID"', repr(execution_id)), {})

    printed = capsys.readouterr().out
    assert printed.startswith("Ask(path='look'")
    assert printed.endswith("('look',) None\n")


def test_the_public_names_can_be_imported() -> None:
    rows = re.findall(r"^\| `(flowbuilder[\w.]*)` \| (.+?) \|", _read("docs/api.md"), re.MULTILINE)
    missing = [
        f"{module}.{name}"
        for module, names in rows
        for name in re.findall(r"`(\w+)`", names)
        if not hasattr(import_module(module), name)
    ]
    assert len(rows) > 5
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_have_a_target(page: Path) -> None:
    text = re.sub(r"^(`{3,}).*?^\1$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = LINK.findall(text)
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page: Path) -> None:
    context = group.make_context("flowbuilder", ["--help"], resilient_parsing=True)
    known = set(group.list_commands(context))
    named = set(re.findall(r"(?<!from )\bflowbuilder ([a-z]+)\b(?=[^a-z]|$)", _code(page)))
    assert named - known == set()


def test_the_readme_starts_with_the_name_a_picture_and_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.index("# flowbuilder") < readme.index("![") < readme.index("make demo") < readme.index("make test")


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _code(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    return "\n".join([*(body for _, body in BLOCK.findall(text)), *re.findall(r"`([^`\n]+)`", text)])


def test_tests_and_files_that_the_documents_name_exist() -> None:
    names = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    for path in (ROOT / "tests").rglob("test_*.py"):
        names |= set(re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8")))
    files = {path.name for folder in CODE for path in (ROOT / folder).rglob("*.py")}
    missing = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        missing += [f"{page.name}: {name}" for name in re.findall(r"`(test_\w+)`", text) if name not in names]
        missing += [
            f"{page.name}: {name}"
            for name in re.findall(r"`([\w/]+\.py)`", text)
            if name.rpartition("/")[2] not in files
        ]
        missing += [
            f"{page.name}: {name}"
            for name in re.findall(r"`((?:flowbuilder|tests|chaos|review_app|docs)/[\w/.]+)`", text)
            if not (ROOT / name).exists()
        ]
    assert missing == []


def test_the_architecture_page_names_functions_where_they_are() -> None:
    section = _read("ARCHITECTURE.md").partition("## Where is ...")[2].partition("\n## ")[0]
    found = re.findall(r"`([\w/]+\.py)` \(`(\w+)`", section)
    missing = [
        f"{path}: {name}"
        for path, name in found
        if not re.search(rf"\b(def|class) {name}\b", _read(f"flowbuilder/{path}"))
    ]
    assert len(found) >= 8
    assert missing == []


def test_the_references_are_generated_from_the_code() -> None:
    for name, text in (("events.md", events_page()), ("errors.md", errors_page()), ("guard.md", guard_page())):
        written = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert written == text.rstrip() + "\n", f"docs/{name} is out of date: run `python -m tools.reference`"
    assert set(EVENT_DATA) == EVENT_TYPES


def test_every_error_code_of_the_product_has_a_meaning() -> None:
    used = {"http_400", *get_args(Transience)}
    for path in (ROOT / "flowbuilder").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func).endswith(("StepError", "LanguageError")):
                given = [*call.args[:1], *(word.value for word in call.keywords if word.arg == "code")]
                used |= {
                    str(node.value)
                    for node in given
                    if isinstance(node, ast.Constant) and CODE_NAME.match(str(node.value))
                }
    unknown = {code for code in used - set(ERROR_CODES) if not code.startswith(("FB", "http_"))}
    assert unknown == set()
