"""The cases: a good document has an empty report; a bad one has the report beside it, byte for byte."""

from pathlib import Path

import pytest

from flowbuilder.analysis.explanations import explanations
from flowbuilder.analysis.linter import check
from flowbuilder.definition.document import Definition
from flowbuilder.definition.loader import load
from flowbuilder.diagnostics import Report, render
from flowbuilder.errors import NotFound

CASES = Path(__file__).parents[2] / "cases"
GOOD = sorted((CASES / "good").glob("*.yaml"))
BAD = sorted((CASES / "bad").glob("*.yaml"))


def stored(name: str, version: int | None) -> Definition:
    """The good cases are the workflows that a case may call."""
    path = CASES / "good" / f"{name}.yaml"
    definition = load(path)[0] if path.exists() else None
    if definition is None:
        raise NotFound(f"there is no workflow {name}")
    return definition


def report_of(path: Path) -> Report:
    definition, report = load(path)
    return check(definition, workflows=stored) if definition is not None else report


def rendered(path: Path) -> str:
    return render(report_of(path), source=path.read_text("utf-8", "replace"), file=path.name)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_document_has_an_empty_report(path: Path) -> None:
    assert rendered(path) == ""


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_document_has_the_report_beside_it(path: Path, request: pytest.FixtureRequest) -> None:
    expected = path.with_suffix(".txt")
    if request.config.getoption("--update", default=False):
        expected.write_text(rendered(path), "utf-8")
    assert rendered(path) == expected.read_text("utf-8")


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_document_is_named_after_a_diagnostic_about_it(path: Path) -> None:
    assert path.stem.partition("-")[0] in {diagnostic.code for diagnostic in report_of(path)}


def test_there_is_a_bad_document_for_every_code() -> None:
    site_files = {"FB016"}
    assert sorted(set(explanations()) - site_files - {path.stem.partition("-")[0] for path in BAD}) == []
