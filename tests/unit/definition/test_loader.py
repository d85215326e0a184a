import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowbuilder.definition.loader import load
from flowbuilder.definition.yaml.document import read_document
from flowbuilder.definition.yaml.scalars import span_inside
from flowbuilder.diagnostics import Diagnostic, Span
from flowbuilder.json_schema import problems
from flowbuilder.values import Json

SMALL = """\
schema: flowbuilder/v1
name: small
inputs:
  url: {type: string}
steps:
  - id: page
    type: page
    url: "{{ inputs.url }}"
outputs: {title: "{{ steps.page.output.title }}"}
"""


def only(document: str | bytes | dict[str, Json] | Path) -> Diagnostic:
    _, report = load(document)
    (diagnostic,) = report
    return diagnostic


def place(diagnostic: Diagnostic) -> tuple[int, int]:
    assert diagnostic.span is not None
    return diagnostic.span.line, diagnostic.span.column


def test_a_document_loads_from_text_bytes_a_path_and_a_mapping_alike(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    value = read_document(SMALL).value
    assert value is not None
    loaded = [load(source) for source in (SMALL, SMALL.encode(), path, value, json.dumps(value))]
    assert all(not report for _, report in loaded)
    assert len({definition.digest for definition, _ in loaded if definition}) == 1
    definition = loaded[0][0]
    assert definition is not None
    assert (definition.name, definition.title, [step.id for step in definition.steps]) == ("small", "small", ["page"])
    assert definition.input_schema()["required"] == ["url"]


def test_plain_scalars_are_read_by_yaml_1_2() -> None:
    text = "a: [on, yes, no, off, y, 1:30, 2024-01-01, 0o17, 0x1F, 12, 1e3, .5, ~, null, true, FALSE, 1_000, -7]"
    assert read_document(text).value == {
        "a": ["on", "yes", "no", "off", "y", "1:30", "2024-01-01", 15, 31, 12, 1000.0, 0.5, None, None, True, False,
              "1_000", -7]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("when: !inputs.x\n", 'put the text in quotes: "!inputs.x", or remove the tag'),
        ("when: !inputs.x && inputs.y\n", 'put the text in quotes: "!inputs.x && inputs.y"'),
        ('when: !inputs.x && inputs.y == "z"\n', "put the text in quotes: '!inputs.x && inputs.y == \"z\"'"),
        ("- {when: !a, over: b}\n", 'put the text in quotes: "!a", or remove the tag'),
        ("when: !!int x\n", "remove the tag"),
        ("when: !<foo> x\n", "remove the tag"),
        ("over: *items\n", 'put the text in quotes: "*items"'),
        ("zip: 01234\n", 'write "01234" for the text, 1234 for the number'),
        (r'source: "\d+"', r"in double quotes write \\ for a backslash; in single quotes it needs nothing"),
        (r'title: "\ud83d\ude00"', r"write the character itself, or its code point as in \U0001F600"),
    ],
)
def test_a_text_that_means_something_else_in_yaml_gets_the_way_to_write_it(text: str, hint: str) -> None:
    (found,) = read_document(text).diagnostics[:1]
    assert found.hint == hint


@pytest.mark.parametrize("text", ["a: 0", "a: -0", "a: 0.5", "a: 0o17", "a: 0x1F", "a: '007'", "a: 007x", "a: 1:05"])
def test_a_value_that_no_reader_of_yaml_takes_for_an_octal_number_is_read(text: str) -> None:
    assert read_document(text).diagnostics == ()


def test_names_that_look_like_other_types_are_strings() -> None:
    assert read_document("{1: a, true: b, on: c}").value == {"1": "a", "true": "b", "on": "c"}


@pytest.mark.parametrize(
    ("text", "code", "line", "column", "said"),
    [
        ("", "FB003", 1, 1, "empty"),
        ("# only a comment\n", "FB003", 1, 1, "empty"),
        ("- a\n- b\n", "FB003", 1, 1, "a list"),
        ("just a text", "FB003", 1, 1, "a text"),
        ("a: 1\n---\nb: 2\n", "FB003", 2, 1, "second document"),
        ("a: 1\nb:\n\t- c\n", "FB001", 3, 1, "cannot begin"),
        ("a: b: c\n", "FB001", 1, 5, "colon"),
        ("url: {{ inputs.url }}\n", "FB001", 1, 7, "cannot be a name"),
        ("url: {{ inputs.url }}/b\n", "FB001", 1, 7, "cannot be a name"),
        ("a: 'x\n", "FB001", 1, 4, "unterminated"),
        ("a: [1, 2\nb: 3\n", "FB001", 2, 2, "closing bracket"),
        ("a: \x07\n", "FB001", 1, 4, "U+0007"),
        ("a: *x\n", "FB001", 1, 4, "&x"),
        ("a: &x [*x]\n", "FB001", 1, 8, "&x"),
        ("a: b\n \u00a0c: d\n", "FB001", 2, 2, "U+00A0"),
        ("a: 1\nb:\u202f2\nc: 3\n", "FB001", 2, 3, "U+202F"),
        ("a:\n  -\u3000b: c\n    d: e\n", "FB001", 2, 4, "U+3000"),
        ("a: Prix\u00a0: b: c\n", "FB001", 1, 9, "colon"),
        ('a: "\\ud83d"\n', "FB001", 1, 7, "half of a surrogate pair"),
        ("a: 01234\n", "FB005", 1, 4, "begins with a zero"),
        ("a: [-007]\n", "FB005", 1, 5, "begins with a zero"),
        ("a: 1\na: 2\n", "FB002", 2, 1, "duplicate name a"),
        ("a: .nan\n", "FB005", 1, 4, ".nan"),
        ("a: 99999999999999999999\n", "FB005", 1, 4, "64 bit"),
        ("a: " + "9" * 10_000 + "\n", "FB005", 1, 4, "64 bit"),
        ("a: !!python/object:os.system x\n", "FB005", 1, 4, "tag"),
        ("a: {<<: {b: 1}}\n", "FB005", 1, 5, "merge"),
        ("a: " + "[" * 5_000, "FB004", 1, 67, "deeper"),
    ],
)
def test_an_invalid_document_is_reported_with_its_position_and_cause(
    text: str, code: str, line: int, column: int, said: str
) -> None:
    diagnostic = read_document(text).diagnostics[0]
    assert (diagnostic.code, *place(diagnostic)) == (code, line, column)
    assert said in diagnostic.message


def test_bytes_that_are_not_utf_8_are_reported_with_their_position() -> None:
    diagnostic = only(b"name: a\ntitle: caf\xe9\n")
    assert (diagnostic.code, *place(diagnostic)) == ("FB001", 2, 11)


def test_half_a_surrogate_pair_is_reported() -> None:
    assert "surrogate" in only("a: '\ud800'").message


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    assert "cannot be read" in only(tmp_path / "none.yaml").message


def test_a_mapping_with_something_that_is_not_json_is_reported() -> None:
    assert only({"name": {1, 2}}).code == "FB005"  # type: ignore[dict-item]


def test_anchors_are_copied_and_billions_of_laughs_are_refused_at_once() -> None:
    assert read_document("a: &x {b: [1]}\nc: *x\n").value == {"a": {"b": [1]}, "c": {"b": [1]}}
    bomb = "a0: &a0 [lol]\n" + "".join(
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 20)
    )
    begin = time.perf_counter()
    (diagnostic,) = read_document(bomb).diagnostics
    assert diagnostic.code == "FB004"
    assert time.perf_counter() - begin < 0.5


def test_an_anchor_of_a_long_text_is_bounded_by_its_characters() -> None:
    text = "a: &a " + "x" * 100_000 + "\nb: [" + ", ".join(["*a"] * 1_000) + "]\n"
    assert read_document(text).diagnostics[0].code == "FB004"


def test_json_pairs_of_surrogates_are_one_character_and_columns_stay_right() -> None:
    document = read_document('{"a": "\\ud83d\\ude00", "b": 1, "b": 2}')
    assert document.value == {"a": "\N{GRINNING FACE}", "b": 1}
    assert place(document.diagnostics[0]) == (1, 31)


def test_every_mistake_of_a_document_is_found_in_one_pass_one_diagnostic_each() -> None:
    _, report = load(
        """\
schema: flowbuilder/v9
name: Not a name
inputs:
  a: string
steps:
  - {id: one, type: pagee, url: x}
  - {id: two, type: llm, model: m, promt: hello}
  - {type: page, url: x}
  - {id: four, type: llm, model: m, prompt: "{{ 1 + }}", retry: {attempts: 99}}
  - {id: five, type: conditional, branches: [{wehn: "true", steps: [{id: six, type: page}]}]}
  - nonsense
outputs: {x: "{{ }"}
"""
    )
    assert [(item.code, item.pointer) for item in report if item.code < "FB200"] == [
        ("FB012", "/schema"),
        ("FB012", "/name"),
        ("FB014", "/inputs/a"),
        ("FB013", "/steps/0/type"),
        ("FB010", "/steps/1/promt"),
        ("FB011", "/steps/2"),
        ("FB012", "/steps/3/retry/attempts"),
        ("FB010", "/steps/4/branches/0/wehn"),
        ("FB011", "/steps/4/branches/0/steps/0"),
        ("FB012", "/steps/5"),
    ]
    assert [item.pointer for item in report if item.code > "FB200"] == ["/steps/3/prompt", "/outputs/x"]


def test_a_misspelt_field_is_one_diagnostic_with_the_name_that_was_meant() -> None:
    diagnostic = only(SMALL.replace("    url:", "    ulr:"))
    assert (diagnostic.code, diagnostic.hint) == ("FB010", "did you mean url?")
    assert place(diagnostic) == (8, 5)


def test_references_to_a_broken_step_are_resolved() -> None:
    definition, _ = load(SMALL.replace("type: page", "type: pgae"))
    assert definition is not None
    assert [step.id for step in definition.steps] == ["page"]


def test_a_broken_container_keeps_its_valid_steps() -> None:
    definition, report = load(
        "schema: flowbuilder/v1\nname: x\nsteps:\n"
        "  - {id: a, type: iteration, ovr: inputs.x, steps: [{id: b, type: page, url: x}]}\n"
        "  - {id: c, type: conditional, else: {stepps: []}, "
        "branches: [{when: 1 ==, steps: [{id: d, type: page, url: x}]}]}\n"
    )
    assert definition is not None
    assert [step.id for _, step in definition.all_steps()] == ["a", "b", "c", "d"]
    assert len(report) == 3


def test_the_default_of_an_input_must_be_valid_against_its_schema() -> None:
    diagnostic = only(SMALL.replace("{type: string}", "{type: string, format: uri, default: nope}"))
    assert (diagnostic.code, diagnostic.pointer) == ("FB015", "/inputs/url/default")


def test_an_input_schema_fetches_nothing() -> None:
    diagnostic = only(SMALL.replace("{type: string}", "{$ref: 'http://127.0.0.1:9/x.json'}"))
    assert diagnostic.code == "FB014"


@pytest.mark.parametrize(
    "scalar",
    [
        '"a {{ X }} b"',
        '"\\"\\u00e9\\t {{ X }} b"',
        "'it''s {{ X }} b'",
        "plain {{ X }} b",
        "plain\n      folded {{ X }} b",
        '"folded\n\n      twice {{ X }} b"',
        '"joined \\\n      {{ X }} b"',
        "'one\n      two\n\n\n      {{ X }}'",
        "|\n      one\n        two {{ X }}\n",
        "|-\n\n      one\n\n      {{ X }}",
        "|2+\n        two {{ X }}\n\n",
        ">\n      one\n      two {{ X }}\n\n      three\n",
        ">-\n      one\n        more {{ X }}\n      two\n",
    ],
)
def test_a_span_inside_a_scalar_is_exact_in_every_style(scalar: str) -> None:
    text = f"top:\n  - name:\n    value: {scalar}\n    after: 1\n"
    document = read_document(text)
    assert document.value is not None
    value = document.value["top"][0]["value"]
    at = value.index("{{ X }}")
    whole = document.positions.of("/top/0/value")
    assert whole is not None
    found = span_inside(text, whole, value, at, at + 7)
    assert found is not None
    assert found.line == found.end_line
    assert text.splitlines()[found.line - 1][found.column - 1 : found.end_column - 1] == "{{ X }}"


@given(st.text(st.sampled_from("ab {}\n'\"\\:#-é|>"), max_size=40), st.sampled_from(["|", "'", '"', "json"]))
@settings(max_examples=300, deadline=None)
def test_positions_inside_a_scalar_are_exact_or_absent(value: str, style: str) -> None:
    import yaml

    dumped = json.dumps({"k": value}) if style == "json" else yaml.safe_dump({"k": value}, default_style=style)
    document = read_document(dumped)
    if document.value is None or document.value.get("k") != value:
        return
    span = document.positions.of("/k")
    assert span is not None
    lines = dumped.splitlines()
    for at, char in enumerate(value):
        found = span_inside(dumped, span, value, at, at + 1)
        if found is not None and char in "ab{}:#-|>":
            assert lines[found.line - 1][found.column - 1] == char


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@settings(max_examples=300, deadline=None)
def test_no_bytes_make_the_loader_raise(data: bytes) -> None:
    load(data)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["page", "llm", "{{ x }}", "{{"]),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["schema", "name", "inputs", "steps", "id", "type", "branches", "else", "when", "over", "trust", "url",
                 "retry", "with", "on_error", "depends_on", "outputs", "hosts", "default"]
            ), inner, max_size=5,
        ),
        max_leaves=12,
    )
)  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_no_data_makes_the_loader_raise(value: Json) -> None:
    load({"schema": "flowbuilder/v1", "name": "x", "steps": value, "inputs": value, "hosts": value, "outputs": value})
    given = value if isinstance(value, dict) else {"when": value}
    kinds = ("page", "llm", "conditional", "iteration", "human_review", "workflow", "nope")
    load({"steps": [{"id": "a", "type": kind, **given} for kind in kinds]})


def test_positions_know_values_and_names() -> None:
    definition, _ = load(SMALL)
    assert definition is not None
    positions = definition.positions
    assert positions.of("/steps/0/url") == Span(line=8, column=10, end_line=8, end_column=28)
    assert positions.keys["/steps/0/url"] == Span(line=8, column=5, end_line=8, end_column=8)
    assert positions.of("/steps/0/nothing/deeper") == positions.of("/steps/0")


def test_an_input_may_refer_to_the_parts_of_its_own_schema() -> None:
    title = {"enum": ["a", {"$ref": "#/x"}]}
    tree = {"type": "object", "properties": {"title": {"$ref": "#/$defs/title"}, "inner": {"$ref": "#"}},
            "additionalProperties": False, "$defs": {"title": title}}  # fmt: skip
    definition, report = load({
        "schema": "flowbuilder/v1", "name": "w", "inputs": {"page": tree, "other": {"type": "number"}},
        "steps": [{"id": "a", "type": "code", "source": "1"}],
    })  # fmt: skip
    assert report.ok
    assert definition is not None
    schema = definition.input_schema()
    assert problems(schema, {"page": {"title": "a", "inner": {"title": "a"}}, "other": 1}) == []
    assert [place for place, _ in problems(schema, {"page": {"inner": {"title": "b"}}, "other": 1})] == [
        "/page/inner/title"
    ]
    assert schema["properties"]["page"]["$defs"]["title"]["enum"] == title["enum"]
