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
    parse_json,
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


NUMBERS = {
    "9223372036854775807": 2**63 - 1,
    "-9223372036854775808": -(2**63),
    "9223372036854775808": "9223372036854775808",
    "-9223372036854775809": "-9223372036854775809",
    "18446744073709551616": "18446744073709551616",
    "1" + "0" * 5000: "1" + "0" * 5000,
    "1e308": 1e308,
    "1e400": "1e400",
    "-1E+999": "-1E+999",
    "0.1234567890123456789012": 0.1234567890123456789012,
    '"9223372036854775808"': "9223372036854775808",
}  # fmt: skip


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_beyond_64_bit_is_read_as_the_text_of_its_digits(text: str) -> None:
    for source in (text, text.encode(), text.encode("utf-16"), "\ufeff".encode() + text.encode()):
        found = parse_json(source)
        assert (found, type(found)) == (NUMBERS[text], type(NUMBERS[text]))
    nested = parse_json(f'{{"a": [1, {text}]}}')
    assert nested == {"a": [1, NUMBERS[text]]}
    assert ensure_json(nested) == nested


def test_parsing_refuses_what_is_no_json() -> None:
    for text in ("", "{", "'a'", "01", "+1" + "0" * 30, "[" * 200_000):
        with pytest.raises((ValueError, RecursionError)):
            parse_json(text)
    with pytest.raises(UnicodeDecodeError):
        parse_json(b'"\xe9"')


def test_a_long_integer_becomes_its_digits_on_request() -> None:
    value = {"a": [2**63, -(2**70), 7], "b": True}
    assert ensure_json(value, long_integers_as_text=True) == {"a": [str(2**63), str(-(2**70)), 7], "b": True}
    with pytest.raises(NotJson, match=r"value\.a\[0\] is an integer beyond 64 bit; a text can hold it"):
        ensure_json(value)
    for too_much in (10**5000, 10**4000):
        with pytest.raises(NotJson):
            ensure_json(too_much, long_integers_as_text=True, max_bytes=100)


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
