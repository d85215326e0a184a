"""The grammar of StepPaths: a built path is parsed to its parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbuilder.model.step_path import StepPath

IDS = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
LEVELS = st.lists(st.tuples(IDS, st.integers(1, 12), st.none() | st.integers(0, 200)), max_size=4)


@pytest.mark.parametrize(
    ("path", "top", "step_id", "is_top", "step_run", "items"),
    [
        ("publish", "publish", "publish", True, "publish", []),
        ("draft#2", "draft", "draft", True, "draft#2", []),
        ("publish~2", "publish", "publish", True, "publish", []),
        ("draft#3~2", "draft", "draft", True, "draft#3", []),
        ("pages[3].draft", "pages", "draft", False, "pages[3].draft", [("pages", 3)]),
        ("pages[3]", "pages", "pages", False, "pages[3]", [("pages", 3)]),
        ("child.fetch", "child", "fetch", False, "child.fetch", []),
        ("a#2[10].b.c[0].d#4~5", "a", "d", False, "a#2[10].b.c[0].d#4", [("a#2", 10), ("a#2[10].b.c", 0)]),
    ],
)
def test_parts(path: str, top: str, step_id: str, is_top: bool, step_run: str, items: list[tuple[str, int]]) -> None:
    found = StepPath(path)
    assert (found.top, found.step_id, found.is_top, found.step_run) == (top, step_id, is_top, step_run)
    assert list(found.items()) == items


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("draft", "draft"),
        ("draft#12", "draft"),
        ("pages[3].draft", "draft"),
        ("pages#2[3].rows[0].draft#2", "draft"),
        ("child.pages[3].deep#2.draft", "child.deep.draft"),
        ("pages[3]", "pages[3]"),
    ],
)
def test_the_path_in_the_definition_has_no_items_and_rounds(path: str, expected: str) -> None:
    assert StepPath(path).in_definition == expected


def test_the_first_review_of_a_step_run_has_its_path() -> None:
    assert StepPath("a").review(1) == "a"
    assert StepPath("a").review(2) == "a~2"


@given(LEVELS, IDS, st.integers(1, 12), st.integers(1, 12))
def test_what_is_built_is_read_back(
    levels: list[tuple[str, int, int | None]], last: str, round_number: int, review: int
) -> None:
    place, items = "", []
    for step_id, number, index in levels:
        place = StepPath(place).step(step_id, number)
        if index is not None:
            items.append((place, index))
            place = StepPath(place).item(index)
    run = StepPath(place).step(last, round_number)
    path = StepPath(StepPath(run).review(review))
    assert path.step_run == run
    assert path.step_id == last
    assert path.top == (levels[0][0] if levels else last)
    assert path.is_top == (not levels)
    assert list(path.items()) == items
    assert type(run) is type(path.step_run) is type(path.top) is str
