"""Realistic definitions with typical mistakes: one diagnostic each, at its exact position."""

import copy
import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowbuilder.analysis.linter import check
from flowbuilder.definition.document import Definition
from flowbuilder.definition.loader import load
from flowbuilder.definition.yaml.document import read_document
from flowbuilder.diagnostics import Diagnostic, Report
from flowbuilder.errors import NotFound
from tests.support import document_mutants as mutants
from tests.support.document_mutants import Mutant

ROOT = Path(__file__).parents[3]
PATHS = [*sorted((ROOT / "tests/cases/good").glob("*.yaml")), *sorted((ROOT / "deployments/workflows").glob("*.yaml"))]


def document_at(path: Path) -> dict[str, Any]:
    value = read_document(path.read_text("utf-8")).value
    assert value is not None
    return value


ORIGINALS = {f"{path.parent.name}/{path.stem}": document_at(path) for path in PATHS}
CALLED = {value["name"]: value for value in ORIGINALS.values()}


def stored(name: str, version: int | None) -> Definition:
    if name not in CALLED:
        raise NotFound(f"there is no workflow {name}")
    definition, _ = load(CALLED[name])
    assert definition is not None
    return definition


def report_of(text: str) -> Report:
    definition, report = load(text)
    return check(definition, workflows=stored) if definition is not None else report


def written(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1)


def place(diagnostic: Diagnostic, text: str) -> str:
    assert diagnostic.span is not None
    assert diagnostic.span.line == diagnostic.span.end_line
    line = text.splitlines()[diagnostic.span.line - 1]
    return line[diagnostic.span.column - 1 : diagnostic.span.end_column - 1]


def all_of(make: Callable[[dict[str, Any]], Iterator[Mutant]]) -> list[Any]:
    return [
        pytest.param(mutant, id=f"{name}: {mutant.name}")
        for name, document in ORIGINALS.items()
        for mutant in make(copy.deepcopy(document))
    ]


def ensure_rejected(mutant: Mutant) -> None:
    text = written(mutant.document)
    report = report_of(text)
    assert len(report) == mutant.count, [f"{item.code} {item.pointer} {item.message}" for item in report]
    for diagnostic in report:
        assert re.fullmatch(mutant.code, diagnostic.code), diagnostic
        assert diagnostic.severity == "error"
        assert re.search(mutant.at, place(diagnostic, text)), (place(diagnostic, text), diagnostic)


@pytest.mark.parametrize("name", ORIGINALS)
def test_the_unchanged_definitions_have_no_diagnostic(name: str) -> None:
    assert list(report_of(written(ORIGINALS[name]))) == []


@pytest.mark.parametrize("name", ORIGINALS)
def test_the_order_of_steps_does_not_matter(name: str) -> None:
    shuffler = random.Random(name)
    for _ in range(4):
        document = copy.deepcopy(ORIGINALS[name])
        for steps in list(mutants.lists_of_steps(document)):
            shuffler.shuffle(steps)
        assert list(report_of(written(document))) == []


@pytest.mark.parametrize("mutant", all_of(mutants.deleted_steps))
def test_a_deleted_step_is_reported_once(mutant: Mutant) -> None:
    ensure_rejected(mutant)


@pytest.mark.parametrize("mutant", all_of(mutants.renamed_fields))
def test_a_renamed_field_is_reported_once(mutant: Mutant) -> None:
    ensure_rejected(mutant)


@pytest.mark.parametrize("mutant", all_of(mutants.renamed_inputs))
def test_a_renamed_input_is_reported_once(mutant: Mutant) -> None:
    ensure_rejected(mutant)


@pytest.mark.parametrize("mutant", all_of(mutants.conditional_steps))
def test_a_step_that_may_not_run_is_reported_once(mutant: Mutant) -> None:
    ensure_rejected(mutant)


@pytest.mark.parametrize("mutant", all_of(mutants.dropped_reviews))
def test_publishing_without_the_review_is_rejected(mutant: Mutant) -> None:
    ensure_rejected(mutant)


@pytest.mark.parametrize("mutant", all_of(mutants.misspelt))
def test_a_misspelt_field_is_one_diagnostic(mutant: Mutant) -> None:
    ensure_rejected(mutant)
