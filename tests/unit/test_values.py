"""JSON values: what may enter a context, and how it is named and hashed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbuilder.values import (
    MAX_DEPTH,
    NotJson,
    canonical,
    digest,
    ensure_json,
    map_values,
    pointer,
    strings_in,
    walk_values,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


class Sneaky(str):
    """A text with methods of its own."""


@given(JSON)
def test_json_passes_unchanged_and_as_a_fresh_tree(value: Any) -> None:
    copy = ensure_json(value)
    assert copy == value
    assert copy is not value or not isinstance(value, list | dict)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "finite"),
        (float("inf"), "finite"),
        (2**63, "64 bit"),
        ({1: "a"}, "not text"),
        ({"a": {"b", "c"}}, "set"),
        ([b"bytes"], "bytes"),
        (Sneaky("x"), "Sneaky"),
        (object(), "object"),
    ],
)
def test_anything_else_is_refused_with_its_place(value: Any, reason: str) -> None:
    with pytest.raises(NotJson, match=reason):
        ensure_json(value)


def test_half_of_a_surrogate_pair_becomes_the_replacement_character_on_request() -> None:
    value = {"a\ud83d": ["\udc00b", "\U0001f600", "plain"]}
    assert ensure_json(value) == value
    assert ensure_json(value, well_formed=True) == {"a\ufffd": ["\ufffdb", "\U0001f600", "plain"]}


def test_shared_references_cannot_blow_up() -> None:
    value: Any = "x" * 100
    for _ in range(40):
        value = [value, value]
    with pytest.raises(NotJson, match="too large"):
        ensure_json(value, max_bytes=100_000)


def test_depth_is_bounded() -> None:
    value: Any = 1
    for _ in range(MAX_DEPTH + 1):
        value = [value]
    with pytest.raises(NotJson, match="nested"):
        ensure_json(value)


@given(JSON)
def test_a_hash_does_not_depend_on_the_order_of_keys(value: Any) -> None:
    turned = dict(reversed(value.items())) if isinstance(value, dict) else value
    assert digest(turned) == digest(value)


def test_the_canonical_form_is_compact_and_keeps_letters() -> None:
    assert canonical({"b": [1, None], "a": "é"}) == '{"a":"é","b":[1,null]}'


def test_pointers_escape_what_rfc_6901_escapes() -> None:
    assert pointer(("steps", 0, "a/b~c")) == "/steps/0/a~1b~0c"


def test_texts_are_found_with_their_places() -> None:
    assert list(strings_in({"a": ["x", {"b": "y"}], "c": 1})) == [(("a", 0), "x"), (("a", 1, "b"), "y")]


def test_containers_without_anything_in_them_are_counted_too() -> None:
    with pytest.raises(NotJson, match=r"value\[\d+\] is too large"):
        ensure_json([[]] * 1_000, max_bytes=1_500)
    with pytest.raises(NotJson, match=r"value\.a\[.*\] is too large"):
        ensure_json({"a": [[{}]] * 1_000}, max_bytes=3_000)


def test_walking_yields_every_value_that_is_no_container_with_its_place() -> None:
    value = {"a": ["x", (None, {"b": 1})], "c": {}}
    assert list(walk_values(value, ("at",))) == [
        (("at", "a", 0), "x"),
        (("at", "a", 1, 0), None),
        (("at", "a", 1, 1, "b"), 1),
    ]


def test_mapping_replaces_each_value_and_copies_the_containers() -> None:
    value = {"a": ["x", (2,)], "c": {}}
    assert map_values(value, lambda place, inner: [*place, inner]) == {"a": [["a", 0, "x"], [["a", 1, 0, 2]]], "c": {}}
