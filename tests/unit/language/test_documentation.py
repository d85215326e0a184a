"""`docs/language.md` agrees with the code."""

import re
from pathlib import Path

import pytest

from flowbuilder.language.evaluation.functions import FUNCTIONS
from flowbuilder.language.limits import LIMITS

PAGE = (Path(__file__).parents[3] / "docs" / "language.md").read_text()
TABLE = PAGE.split("## Filters and functions")[1].splitlines()
ROWS = [line for line in TABLE if re.match(r"\| `\w+\(.*?\)` \|", line)]


def test_every_function_has_a_row_with_its_signature() -> None:
    own = {function.signature for function in FUNCTIONS.values()}
    assert {row.split("`")[1] for row in ROWS if "(" in row.split("`")[1]} >= own
    assert len(ROWS) == len(own)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_a_result_a_description_and_a_charge(row: str) -> None:
    cells = re.split(r"(?<!\\)\|", row)[1:-1]
    assert len(cells) == 4
    assert all(cell.strip() for cell in cells)


def test_the_limits_on_the_page_are_those_of_the_code() -> None:
    for number in (
        LIMITS.template_chars,
        LIMITS.expression_chars,
        LIMITS.template_nodes,
        LIMITS.expression_nodes,
        LIMITS.steps,
        LIMITS.memory,
        LIMITS.output,
        LIMITS.depth,
        LIMITS.brackets,
        LIMITS.nested_loops,
        LIMITS.value_depth,
    ):
        assert f"{number:,}" in PAGE
