"""Provenance of a text: each mark on a value reaches what is made from it, and nothing that proves to be clean."""

from __future__ import annotations

from typing import Any

import pytest

from flowbuilder.analysis.taint.sources import Mark
from flowbuilder.language import Template
from flowbuilder.language.evaluation.functions import FUNCTIONS
from flowbuilder.walk.marked_values import Tree, holds_text, text_marks
from flowbuilder.walk.text_provenance import result_of

OUTSIDE = frozenset((Mark("outside"),))
ROWS = [{"name": "ann", "n": 1, "tags": ["x"]}, {"name": "bob", "n": 2, "tags": []}]
CONTEXT: dict[str, Any] = {
    "t": "text of an outsider",
    "rows": ROWS,
    "numbers": [1, 2.5, True, None],
    "mixed": {"mine": "clean", "theirs": "marked", "count": 3},
    "pairs": [[{"name": "ann"}, "x"]],
    "long": [{"a" * 200 + ".b": "text of an outsider"}],
    "counts": {"a name of an outsider": 3, "another": 4},
    "word": "high",
    "own": "clean text",
    "empty": "",
}
TREES: dict[str, Tree] = {
    "t": OUTSIDE,
    "rows": OUTSIDE,
    "numbers": OUTSIDE,
    "mixed": {"theirs": OUTSIDE, "count": OUTSIDE},
    "pairs": OUTSIDE,
    "long": OUTSIDE,
    "counts": OUTSIDE,
    "word": OUTSIDE,
    "empty": OUTSIDE,
}
WORDS = frozenset(("high", "low"))

MARKED = [
    "{{ t }}",
    "{{ t | upper }}",
    "{{ 'a ' ~ t }}",
    "{{ t + '!' }}",
    "{{ [t] | join(',') }}",
    "{{ [t] + [] }}",
    "{{ rows | default([]) }}",
    "{{ rows or [] }}",
    "{{ coalesce(null, t) }}",
    "{{ {'a': t}.a }}",
    "{{ {'a': 1} | merge({'b': t}) }}",
    "{{ t[0] }}",
    "{{ t[:3] }}",
    "{{ t | json }}",
    "{{ mixed }}",
    "{{ mixed.theirs }}",
    "{{ mixed | keys }}{{ mixed.theirs }}",
    "{{ rows[0].name }}",
    "{{ rows | map('name') }}",
    "{{ rows | map('tags.0', default=t) }}",
    "{{ rows[:1] | map('tags.0') | first }}",
    "{{ pairs | map('1') | join }}",
    "{{ pairs | map('0.name') | last }}",
    "{{ long | map('%s.b') | first }}" % ("a" * 200),
    "{{ counts | keys | first }}",
    "{{ counts | json }}",
    "{{ mixed | values | join }}",
    "{{ (mixed | values)[1] }}",
    "{{ rows | where('n', 1) }}",
    "{{ (rows | sort('n') | last).name }}",
    "{{ rows | flatten }}",
    "{{ t if word == 'high' else own }}",
    "{{ own and t }}",
    "{% for row in rows %}{{ row.name }}{% endfor %}",
    "{% for row in rows[1:] %}{{ row.tags | join }}{% endfor %}",
    "{% set x = t %}{{ x }}",
    "{% if own %}{% set x = t %}{% endif %}{{ x }}",
    "{% if own %}{% set t = 'mine' %}{% endif %}{{ t }}",
    "{% set b = '' %}{% set a = '' %}{% for row in rows %}{{ a }}{% set a = b %}{% set b = row.name %}{% endfor %}",
    "{% for k, v in rows[0] | items %}{{ v }}{% endfor %}",
]
CLEAN = [
    "{{ own }}",
    "{{ mixed.mine }}",
    "{{ mixed.count }} pages",
    "{{ rows[0].n }}",
    "{{ numbers | join(', ') }}",
    "{{ rows | length }} rows",
    "{{ t | wordcount }} words",
    "{{ rows | map('n') | join(', ') }}",
    "{{ rows | sum('n') }}",
    "{{ rows | map('n') | max }}",
    "{{ counts | values | join(', ') }}",
    "{{ counts | values | first }} pages",
    "{{ (mixed | values)[0] }}",
    "{% for n in counts | values %}{{ n }}{% endfor %}",
    "{{ 'yes' if t == 'a' else 'no' }}",
    "{{ t == own }}",
    "{{ not t }}",
    "{{ t is defined }}",
    "{{ word }}",
    "{{ empty }}",
    "{{ missing | default('none') }}",
    "{% for row in rows %}{{ loop.index }}: {{ row.n }}{% endfor %}",
    "{% for row in rows %}{% if row.name == 'ann' %}first {{ row.n }}{% endif %}{% endfor %}",
    "{% for row in rows | sort('n', reverse=true) %}{{ row.n * 2 }}{% endfor %}",
    "{% set t = 'mine' %}{{ t }}",
    "{% for t in ['a', 'b'] %}{{ t }}{% endfor %}",
]


def marks(source: str) -> frozenset[Mark]:
    return result_of(Template(source), CONTEXT, TREES, WORDS).marks(WORDS)


@pytest.mark.parametrize("source", MARKED)
def test_a_mark_reaches_what_is_made_from_the_value(source: str) -> None:
    assert marks(source) == OUTSIDE


@pytest.mark.parametrize("source", CLEAN)
def test_numbers_words_of_closed_lists_and_the_author_s_text_have_no_mark(source: str) -> None:
    assert marks(source) == frozenset()


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_no_function_that_may_return_text_loses_a_mark(name: str) -> None:
    """Also a function that is added later: only a declared number, boolean or list of integers drops marks."""
    gives = FUNCTIONS[name].gives
    expected = gives not in ("integer", "number", "boolean", "list of integer", "rounded", "sum")
    if gives == "plucked":
        source = f"{{{{ rows | {name}('name') }}}}"
    else:
        required = sum(1 for one in FUNCTIONS[name].parameters[1:] if one.required)
        source = "{{{{ t | {}{} }}}}".format(name, f"({', '.join(['t'] * required)})" if required else "")
    assert bool(marks(source)) is expected


def test_the_tree_of_a_path_keeps_the_marks_of_each_member() -> None:
    tree = result_of(Template("{{ mixed }}"), CONTEXT, TREES, WORDS).tree(WORDS)
    assert text_marks({"mine": "x", "theirs": "y"}, tree, WORDS) == OUTSIDE
    assert text_marks({"mine": "x", "theirs": 4}, tree, WORDS) == frozenset()


def test_text_is_a_non_empty_string_or_key_outside_the_closed_lists() -> None:
    assert holds_text([{"a": 1}])
    assert holds_text({"n": ["x"]}, {"n"})
    assert not holds_text([{"n": [1, None, "", True]}], {"n"})
    assert not holds_text("high", WORDS)


def test_repeating_a_value_in_a_text_does_not_multiply_the_work() -> None:
    source = "{% set a = rows %}" + "{% set a = a or a %}" * 60 + "{{ a }}"
    assert marks(source) == OUTSIDE
