"""A JSON Schema that could cause too much work is refused before it is used, and no sensible one is."""

from __future__ import annotations

import time
from typing import Any

import pytest

from flowbuilder.json_schema import BadSchema, ensure_schema, problems
from flowbuilder.schema_bounds import bounds_of, pattern_size


def doubled(levels: int, word: str = "allOf", names: str = "$defs") -> dict[str, Any]:
    """A schema in which each of the levels refers twice to the next one."""
    refers = {f"d{n}": {word: [{"$ref": f"#/{names}/d{n + 1}"}] * 2} for n in range(levels)}
    return {"$ref": f"#/{names}/d0", names: {**refers, f"d{levels}": {"type": "string"}}}


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = {"a": value}
    return value


def unevaluated(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"properties": {"x": True}}
    for _ in range(levels):
        schema = {"allOf": [schema], "unevaluatedProperties": False}
    return schema


BOMBS: list[dict[str, Any]] = [
    *(doubled(40, word) for word in ("allOf", "anyOf", "oneOf")),
    doubled(40, names="definitions"),
    {"$ref": "#/$defs/d0",
     "$defs": {**{f"d{n}": {"properties": {"a": {"$ref": f"#/$defs/d{n + 1}"}, "b": {"$ref": f"#/$defs/d{n + 1}"}}}
                  for n in range(30)}, "d30": True}},
    {"$ref": "#/$defs/d0",
     "$defs": {**{f"d{n}": {"if": {"$ref": f"#/$defs/d{n + 1}"}, "then": {"not": {"$ref": f"#/$defs/d{n + 1}"}}}
                  for n in range(30)}, "d30": True}},
    {"allOf": [{"$ref": "#"}]},
    {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"},
    unevaluated(25),
    {"$ref": "#/$defs/d0", "$defs": {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(3000)}},
    {"pattern": "(a{1,400}){1,400}"},
    {"pattern": "((\\w{9}){99}){99}"},
    {"patternProperties": {"^[^a]{1,9000}$": True}},
]  # fmt: skip


@pytest.mark.parametrize("schema", BOMBS, ids=lambda schema: str(schema)[:60])
def test_a_schema_that_unfolds_without_end_is_refused_at_once(schema: dict[str, Any]) -> None:
    begin = time.process_time()
    with pytest.raises(BadSchema):
        ensure_schema(schema)
    assert time.process_time() - begin < 1


GROWING = [
    {"$ref": "#/$defs/n", "$defs": {"n": {"allOf": [{"properties": {"a": {"$ref": "#/$defs/n"}}}] * 3}}},
    {"$id": "http://x/", "$dynamicAnchor": "n", "allOf": [{"properties": {"a": {"$dynamicRef": "#n"}}}] * 3},
    {"$defs": {"x": {"$anchor": "n", "allOf": [{"additionalProperties": {"$ref": "#n"}}] * 3}}, "$ref": "#n"},
    {"$ref": "#/$defs/n",
     "$defs": {"n": {"properties": {"a": {"$ref": "#/$defs/n"}},
                     "patternProperties": {"^a": {"$ref": "#/$defs/n"}, "a$": {"$ref": "#/$defs/n"}}}}},
]  # fmt: skip


@pytest.mark.parametrize("schema", GROWING, ids=lambda schema: str(schema)[:60])
def test_a_deep_value_is_refused_where_a_recursive_schema_multiplies_the_work(schema: dict[str, Any]) -> None:
    assert problems(schema, nested(6)) == []
    begin = time.process_time()
    ((place, message),) = problems(schema, nested(40))
    assert time.process_time() - begin < 1
    assert place == ""
    assert "too large or too deep" in message


TREE = {"$ref": "#/$defs/n",
        "$defs": {"n": {"type": "object", "properties": {
            "left": {"$ref": "#/$defs/n"}, "right": {"$ref": "#/$defs/n"}, "value": {"type": "number"},
            "more": {"type": "array", "items": {"$ref": "#/$defs/n"}}}}}}  # fmt: skip
UNION = {"$ref": "#/$defs/e",
         "$defs": {"e": {"oneOf": [
             {"type": "number"},
             *({"type": "object", "required": ["op"],
                "properties": {"op": {"const": op}, "a": {"$ref": "#/$defs/e"}, "b": {"$ref": "#/$defs/e"}}}
               for op in ("add", "sub", "mul"))]}}}  # fmt: skip


def test_recursive_schemas_of_real_data_are_used() -> None:
    value: Any = {"value": 1}
    for _ in range(20):
        value = {"left": value, "more": [value]} if value == {"value": 1} else {"left": value, "more": [{"value": 2}]}
    assert problems(TREE, value) == []
    optional: dict[str, Any] = {
        "$ref": "#/$defs/n",
        "$defs": {
            "n": {
                "type": "object",
                "properties": {
                    name: {"anyOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]} for name in ("left", "right", "next")
                },
            }
        },
    }
    link: Any = None
    for _ in range(40):
        link = {"left": link, "right": None, "next": {}}
    assert problems(optional, link) == []
    expression: Any = 1
    for op in ("add", "sub", "mul", "add", "sub", "mul", "add"):
        expression = {"op": op, "a": expression, "b": 2}
    assert problems(UNION, expression) == []
    assert problems(UNION, {"op": "pow", "a": 1})


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": [f"value {n}" for n in range(20_000)]},
        {"type": "object", "properties": {f"p{n}": {"type": "string", "maxLength": 99} for n in range(3_000)}},
        {"type": "string", "pattern": "^[\\w.+-]{1,64}@[\\w-]{1,63}(\\.[\\w-]{1,63}){1,4}$"},
        {"type": "array", "items": {"type": "string", "pattern": "^https?://[^\\s/$.?#].[^\\s]*$"}},
        {"dependentRequired": {f"a{n}": [f"b{m}" for m in range(40)] for n in range(400)}},
        {"$ref": "https://json-schema.org/draft/2020-12/schema"},
    ],
    ids=lambda schema: str(schema)[:60],
)
def test_large_and_ordinary_schemas_are_used(schema: dict[str, Any]) -> None:
    ensure_schema(schema)


def test_ordinary_large_values_are_checked() -> None:
    url = {"type": "string", "pattern": "^https?://"}
    row = {"type": "object", "properties": {"url": url, "n": {"type": "integer"}}, "required": ["url", "n"]}
    rows = [{"url": f"https://example.com/{n}", "n": n} for n in range(50_000)]
    assert problems({"type": "array", "items": row}, rows) == []
    assert problems({"type": "array", "items": row}, [*rows, {"url": "x"}]) == [
        ("/50000", '"n" is a required property')
    ]


def test_many_errors_cost_no_more_than_one() -> None:
    begin = time.process_time()
    found = problems({"items": {"enum": [{"a": n} for n in range(500)]}}, [{"a": -1}] * 20_000)
    assert time.process_time() - begin < 1
    assert len(found) == 1


@pytest.mark.parametrize(
    ("pattern", "size"),
    [("abc", 3), ("a{3}", 3), ("(ab){4}", 8), ("(a{2}b){3}", 9), ("a{2,5}", 5), ("[a-z]{2}", 4), ("a{", 2), ("", 0)],
)
def test_the_size_of_a_pattern_counts_repetitions(pattern: str, size: int) -> None:
    assert pattern_size(pattern) == size


def test_the_work_grows_with_the_value() -> None:
    bounds = bounds_of({"items": {"type": "string"}})
    assert bounds.work(["a"] * 100) > 10 * bounds.work(["a"])
