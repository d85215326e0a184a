"""The worst known input of each filter, parser and word of JSON Schema ends in time and memory, and without a crash.

Each is measured in a process of its own. The limits are those of docs/limits.md, for a machine on which the calibration
takes `REFERENCE` processor seconds; on a slower or busier one they are longer by as much.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema_specifications import REGISTRY

from flowbuilder.language.evaluation.functions import FUNCTIONS
from tests.support.proof import sample
from tests.support.worst_documents import KINDS, WORDS
from tests.support.worst_inputs import FILTERS

ROOT = Path(__file__).parents[2]
REFERENCE = 0.1
SECONDS = {"filters": 0.2, "yaml": 1.0, "texts": 1.0, "pages": 1.0, "answers": 1.0, "schemas": 1.0}
EVERY = {"filters": sample(quick=9, ci=4, thorough=1)}
"""One of how many cases is measured; the filters have more than two hundred."""
MEGABYTES = {"filters": 64, "yaml": 64, "texts": 64, "pages": 512, "answers": 192, "schemas": 64}


@cache
def measured(kind: str) -> tuple[float, list[dict[str, Any]]]:
    """How much slower this machine is than the reference, at least 1, and the cost of each case."""
    child = subprocess.run(
        [sys.executable, "-m", "tests.support.worst_inputs", kind, str(EVERY.get(kind, 1)), str(SECONDS[kind])],
        cwd=ROOT, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr[-2000:]
    calibration, *cases = [json.loads(line) for line in child.stdout.splitlines()]
    return max(1.0, calibration["seconds"] / REFERENCE), cases


@pytest.mark.timeout(540)
@pytest.mark.parametrize("kind", SECONDS)
def test_the_worst_inputs_end_within_the_limits(kind: str) -> None:
    slower, cases = measured(kind)
    assert len(cases) > 10
    wrong = [
        case
        for case in cases
        if case["seconds"] > SECONDS[kind] * slower
        or case["megabytes"] > MEGABYTES[kind]
        or not case["outcome"].startswith(("ok", "error"))
    ]
    assert wrong == [], f"the machine is slower by {slower:.1f}"
    assert {case["outcome"].split()[0] for case in cases} >= {"ok"}


def test_every_filter_and_function_has_its_worst_input() -> None:
    assert set(FILTERS) == {function.name for function in FUNCTIONS.values()}
    assert set(KINDS) | {"filters"} == set(SECONDS) == set(MEGABYTES)


def test_every_word_of_json_schema_that_checks_a_value_has_its_worst_input() -> None:
    vocabularies = ("core", "applicator", "unevaluated", "validation", "format-annotation", "content")
    words = {
        word
        for name in vocabularies
        for word in REGISTRY.contents(f"https://json-schema.org/draft/2020-12/meta/{name}")["properties"]
    }
    # the first line names a schema, the second one is part of the cases of `if` and `contentEncoding`
    words -= {"$id", "$schema", "$comment", "$vocabulary", "$dynamicAnchor"}
    words -= {"then", "else", "contentMediaType", "contentSchema"}
    assert set(WORDS) == words
