"""What the documentation says is so: its definitions are valid, its commands and files exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flowbuilder import check, load
from flowbuilder.cli import group
from flowbuilder.diagnostics import render

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)[^)]*\)")


def blocks(kind: str) -> list[object]:
    return [
        pytest.param(text, id=f"{page.name}-{index}")
        for page in PAGES
        for index, (found, text) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")))
        if found == kind
    ]


@pytest.mark.parametrize("text", [block for block in blocks("yaml") if "schema: flowbuilder/v1" in str(block)])
def test_a_definition_in_the_documentation_has_no_complaints(text: str) -> None:
    definition, report = load(text)
    assert definition is not None, render(report, source=text)
    assert render(report + check(definition), source=text) == ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page: Path) -> None:
    context = group.make_context("flowbuilder", ["--help"], resilient_parsing=True)
    known = set(group.list_commands(context))
    said = set(re.findall(r"`?\bflowbuilder ([a-z]+)\b(?=[^a-z]|$)", _code(page)))
    assert said - known == set()


def test_the_readme_opens_with_what_it_is_a_picture_and_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.index("# flowbuilder") < readme.index("![") < readme.index("make demo") < readme.index("make test")


def _code(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    return "\n".join([*(body for _, body in BLOCK.findall(text)), *re.findall(r"`([^`\n]+)`", text)])
