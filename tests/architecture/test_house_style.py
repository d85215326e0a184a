"""The house style of CONTRIBUTING.md, as far as a program can check it: the layout and the sentences."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = ("flowbuilder", "review_app", "chaos", "tests")
IDIOMS = re.compile(r"\b(nobody|whoever|somebody|whatever|anybody|everybody|goes on|go on)\b", re.IGNORECASE)
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def test_the_top_level_has_few_modules_and_packages() -> None:
    package = ROOT / "flowbuilder"
    assert len(list(package.glob("*.py"))) <= 12
    assert len([path for path in package.iterdir() if (path / "__init__.py").is_file()]) <= 17


def test_there_are_at_most_fourteen_layers() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = config["tool"]["importlinter"]["contracts"]
    assert len(contract["layers"]) <= 14


def test_a_folder_holds_few_modules() -> None:
    modules = Counter(
        path.parent
        for top in CODE
        for path in (ROOT / top).rglob("*.py")
        if path.name not in ("__init__.py", "conftest.py")
    )
    assert {str(folder.relative_to(ROOT)): number for folder, number in modules.items() if number > 16} == {}


@pytest.mark.parametrize("top", CODE)
def test_the_code_names_the_actor(top: str) -> None:
    lines = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted((ROOT / top).rglob("*.py"))
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if IDIOMS.search(line.replace("_", " "))
    ]
    assert lines == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_documents_name_the_actor(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if page.name == "CONTRIBUTING.md":  # which quotes them
        text = text.replace('never "whoever" or "somebody"', "")
    assert IDIOMS.findall(text) == []
