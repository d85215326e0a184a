"""The type checker: findings, the shape of the result, and its taint."""

import pytest

from flowbuilder.language import Expression, Finding, Namespace, Shape, Taint, Template, shape_of_schema
from flowbuilder.language.types.descriptions import describe

WEB = Taint(("page (web page)",))
PAGE = shape_of_schema(
    {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "kind": {"enum": ["news", "guide"]},
            "extra": {"type": "string"},
            "rows": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"term": {"type": "string"}, "clicks": {"type": "number"}},
                    "required": ["term", "clicks"],
                },
            },
        },
        "required": ["title", "status", "kind", "rows"],
    }
)
NAMES = Namespace(
    {
        "inputs": Shape.object_of(
            {"url": Shape.of("text"), "n": Shape.of("number"), "tags": Shape.list_of(Shape.of("text"))}
        ),
        "steps": Shape.object_of(
            {
                "page": Shape.object_of({"output": PAGE.with_trust(WEB), "status": Shape.of("text")}),
                "lost": Shape.object_of(
                    {"output": PAGE.with_presence("maybe", "lost runs only when inputs.go"), "status": Shape.of("text")}
                ),
                "never": Shape.object_of({"output": PAGE.with_presence("never", "its branch is never taken")}),
            }
        ),
        "site": Shape.unknown(),
        "feedback": shape_of_schema(
            {"type": ["object", "null"], "properties": {"comment": {"type": "string"}}, "required": ["comment"]}
        ),
    }
)


def findings(source: str) -> list[Finding]:
    return list(Expression(source).check(NAMES)[1])


def shape(source: str) -> Shape:
    found, complaints = Expression(source).check(NAMES)
    assert complaints == (), complaints
    return found


WRONG = [
    ("input.url", "FB301", "input", "there is no name input here", "inputs"),
    ("zzz", "FB301", "zzz", "there is no name zzz here", "visible here are: feedback, inputs, site, steps"),
    ("inputs.urk", "FB301", "urk", "inputs has no urk", "did you mean url?"),
    ("steps.page.output.titel", "FB301", "titel", "steps.page.output has no titel", "did you mean title?"),
    (
        "steps.page.output.zzz",
        "FB301",
        "zzz",
        "steps.page.output has no zzz",
        "it has: title, status, kind, extra, rows",
    ),
    ("steps.page.output.titel.a.b[0] + 1 > 2", "FB301", "titel", "has no titel", "title"),
    ("steps.page.output.rows | map('trem')", "FB301", "'trem'", "an item has no trem", "did you mean term?"),
    ("steps.page.output.rows | sort('zzz') | first", "FB301", "'zzz'", "an item has no zzz", "it has: term, clicks"),
    ("steps.page.output.rows.term", "FB302", "term", "list of {term: text, clicks: number}", 'map("term")'),
    ("inputs.n.x", "FB302", "x", "inputs.n is a number and has no members", ""),
    ("inputs.n > 'a'", "FB302", "inputs.n > 'a'", "inputs.n is a number and 'a' is text", "| float"),
    ("inputs.n == 'a'", "FB302", "inputs.n == 'a'", "they are never equal", ""),
    ("inputs.n in inputs.tags", "FB302", "inputs.n in inputs.tags", "it is never in it", ""),
    ("1 in inputs.url", "FB302", "1 in inputs.url", "a text contains texts", "| string"),
    ("'a' in inputs.n", "FB302", "'a' in inputs.n", "inputs.n is a number", ""),
    ("inputs.n + 'a'", "FB302", "inputs.n + 'a'", "cannot be added to", "| string"),
    ("inputs.url - 1", "FB302", "inputs.url - 1", "cannot be subtracted from", ""),
    ("-inputs.url", "FB302", "-inputs.url", "only a number can be negated", ""),
    ("inputs.n[1:]", "FB302", "inputs.n[1:]", "only lists and texts can be sliced", ""),
    ("inputs.n | upper", "FB302", "inputs.n", "upper takes text; inputs.n is a number", "| string"),
    ("inputs.tags | upper", "FB302", "inputs.tags", "upper takes text; inputs.tags is a list", "| join"),
    ("inputs.url | join(',')", "FB302", "inputs.url", "join takes a list; inputs.url is text", ""),
    ("inputs.url | truncate('9')", "FB302", "'9'", "truncate takes as length a whole number; '9' is text", ""),
    ("steps.page.output.rows | sum('term')", "FB302", "'term'", "cannot add up text", ""),
    ("steps.page.output.kind == 'guides'", "FB302", "steps.page.output.kind == 'guides'", 'is never "guides"', "guide"),
    (
        "steps.lost.output.title",
        "FB303",
        "steps.lost.output",
        "may be missing here: lost runs only when inputs.go",
        "default",
    ),
    ("steps.never.output.title", "FB303", "steps.never.output", "is never there: its branch is never taken", "default"),
]


@pytest.mark.parametrize(("source", "code", "part", "message", "hint"), WRONG)
def test_a_mistake_is_one_error_at_its_place(source: str, code: str, part: str, message: str, hint: str) -> None:
    (finding,) = findings(source)
    assert (finding.code, finding.severity) == (code, "error")
    assert source[finding.start : finding.end] == part
    assert message in finding.message
    assert hint in finding.hint


@pytest.mark.parametrize("source", ["steps.page.output.extra", "feedback.comment"])
def test_a_member_that_may_be_missing_is_a_warning(source: str) -> None:
    (finding,) = findings(source)
    assert (finding.code, finding.severity) == ("FB304", "warning")


@pytest.mark.parametrize(
    "source",
    [
        "steps.lost.output | default('x')",
        "steps.lost.output.title | default('x')",
        "steps.lost.output.rows[0].term | default('x')",
        "coalesce(steps.lost.output.title, 'x')",
        "steps.lost.output is defined && steps.lost.output.title == 'x'",
        "is_defined(steps.lost.output.title) ? steps.lost.output.title : 'x'",
        "steps.lost.status == 'completed' && steps.lost.output.title == 'x'",
        "steps.lost.status != 'completed' || steps.lost.output.title == 'x'",
        "!(steps.lost.status == 'completed') ? 'x' : steps.lost.output.title",
        "feedback ? feedback.comment : ''",
        "feedback != null && feedback.comment == 'x'",
        "feedback == null ? '' : feedback.comment",
        "steps.page.output.extra | default('')",
        "false && zzz",
        "zzz | default(1)",
        "site.anything.at[0].all + 1",
        "steps.page.output.rows[0].clicks > 5",
        "steps.page.output.kind in ['news', 'guide']",
        "inputs.n == null",
    ],
)
def test_a_guarded_value_gives_no_finding(source: str) -> None:
    assert findings(source) == []


def test_all_mistakes_of_a_template_are_found_in_one_pass_in_order_each_once() -> None:
    source = (
        "{{ inputs.urk }} {{ inputs.urk }}{% for r in steps.page.output.rows %}{{ r.trem }}{{ loop.idx }}{% endfor %}"
        "{% for x in inputs.n %}{{ x.a.b }}{% endfor %}{% set t = inputs.n %}{{ t | upper }}{{ later }}"
    )
    found = Template(source).check(NAMES)[1]
    assert [source[finding.start : finding.end] for finding in found] == [
        "urk",
        "trem",
        "idx",
        "inputs.n",
        "t",
        "later",
    ]


def test_a_variable_that_only_some_branches_set_may_be_missing() -> None:
    (finding,) = Template("{% if inputs.n > 1 %}{% set x = 1 %}{% endif %}{{ x }}").check(NAMES)[1]
    assert (finding.code, finding.message) == (
        "FB304",
        "x may be missing here: it is set in only some of the branches before this place",
    )
    assert (
        Template("{% if inputs.n > 1 %}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{{ x }}").check(NAMES)[1]
        == ()
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("inputs.url", "text"),
        ("inputs.n + 1", "number"),
        ("steps.page.output.rows", "list of {term: text, clicks: number}"),
        ("steps.page.output.rows | map('clicks')", "list of number"),
        ("steps.page.output.rows[0]", "{term: text, clicks: number}"),
        ("steps.page.output.kind", '"news" or "guide"'),
        ("inputs.n > 1 ? 'a' : null", '"a" or null'),
        ("feedback", "{comment: text} or null"),
        ("site.x", "anything"),
        ("{a: inputs.n, b: [inputs.url]}", "{a: number, b: list of text}"),
        ("inputs.url | split(',')", "list of text"),
        ("inputs.tags | length", "number"),
        ("inputs.url == 'a' && inputs.n > 1", "boolean"),
        ("steps.page.output.rows | sort('clicks') | first", "{term: text, clicks: number}"),
        ("range(3)", "list of number"),
    ],
)
def test_a_shape_is_described_in_words(source: str, words: str) -> None:
    assert describe(shape(source)) == words


@pytest.mark.parametrize(
    ("source", "tainted", "influenced"),
    [
        ("steps.page.output.title", True, False),
        ("steps.page.output.status", False, False),
        ("steps.page.output.kind", False, False),
        ("steps.page.output.title | upper", True, False),
        ("'x' + steps.page.output.title", True, False),
        ("[steps.page.output.title][0]", True, False),
        ("{a: steps.page.output.title, b: 1}.a", True, False),
        ("{a: steps.page.output.title, b: 1}.b", False, False),
        ("steps.page.output.rows | map('term') | join(', ')", True, False),
        ("steps.page.output.rows | map('clicks') | join(', ')", False, False),
        ("steps.page.output.rows | sum('clicks')", False, False),
        ("steps.page.output | json", True, False),
        ("steps.page.output.title | length", False, True),
        ("steps.page.output.title == 'x'", False, True),
        ("steps.page.output.status == 200 ? 'a' : 'b'", False, False),
        ("steps.page.output.title == 'x' ? 'a' : 'b'", False, True),
        ("steps.page.output.title | default('x')", True, False),
        ("inputs.url", False, False),
        ("site.names", False, False),
    ],
)
def test_text_carries_taint_and_decisions_carry_influence(source: str, tainted: bool, influenced: bool) -> None:
    found = shape(source)
    assert found.trust == (WEB if tainted else None)
    assert found.influence == (WEB if influenced else None)


@pytest.mark.parametrize(
    ("source", "tainted", "influenced"),
    [
        ("a {{ inputs.url }}", False, False),
        ("a {{ steps.page.output.title }}", True, False),
        ("a {{ steps.page.output.status }}", False, False),
        ("{% for r in steps.page.output.rows %}{{ r.term }}{% endfor %}", True, False),
        ("{% for r in steps.page.output.rows %}{{ r.clicks }}{% endfor %}", False, False),
        ("{% set t = steps.page.output.title %}x{{ t }}", True, False),
        ("{% if steps.page.output.title == 'x' %}a{{ inputs.n }}{% endif %}", False, True),
        ("{% set t = 1 %}{% if steps.page.output.title %}{% set t = 2 %}{% endif %}{{ t }}.", False, True),
    ],
)
def test_the_taint_of_a_template_is_that_of_the_values_it_prints(source: str, tainted: bool, influenced: bool) -> None:
    found, _ = Template(source).check(NAMES)
    assert found.kinds == {"text"}
    assert found.trust == (WEB if tainted else None)
    assert found.influence == (WEB if influenced else None)


def test_taints_are_joined_where_values_mix() -> None:
    other = Taint(("api (other service)",))
    names = NAMES.child("api", Shape.of("text").with_trust(other))
    found, _ = Expression("steps.page.output.title + api").check(names)
    assert found.trust == Taint((*WEB.sources, *other.sources))
    assert str(found.trust) == "page (web page) and api (other service)"


def test_a_schema_becomes_the_shape_that_it_describes() -> None:
    for schema, words in (
        ({"type": ["string", "null"]}, "text or null"),
        ({"type": "string", "nullable": True}, "text or null"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "number or null"),
        ({"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "boolean"}}]}, "text or list of boolean"),
        (
            {"allOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "number"}}}]},
            "{a: text, b: number}",
        ),
        ({"const": "x"}, '"x"'),
        ({"enum": [1, "a", None]}, '1 or "a" or null'),
        ({"type": "object"}, "object"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "object"),
        (
            {
                "$ref": "#/$defs/A",
                "$defs": {"A": {"type": "object", "properties": {"n": {"$ref": "#/$defs/B"}}}, "B": {"type": "number"}},
            },
            "{n: number}",
        ),
        ({"$ref": "https://example.com/schema"}, "anything"),
        ({}, "anything"),
        (True, "anything"),
        ("nonsense", "anything"),
    ):
        assert describe(shape_of_schema(schema)) == words, schema


def test_a_recursive_schema_ends() -> None:
    tree = {"$defs": {"T": {"type": "object", "properties": {"next": {"$ref": "#/$defs/T"}}}}, "$ref": "#/$defs/T"}
    assert describe(shape_of_schema(tree)) == "{next: anything}"
    wide = {
        "type": "object",
        "properties": {f"p{n}": {"type": "object", "properties": {f"q{m}": {} for m in range(90)}} for n in range(90)},
    }
    assert shape_of_schema(wide).is_object


def test_presence_and_its_reason_are_in_the_shape() -> None:
    found = PAGE.member("extra")
    assert found is not None
    assert (found.presence, found.reason) == ("maybe", "its schema does not require it")


def guarded(text: Template | Expression) -> dict[str, bool]:
    return {".".join(map(str, reference.path)): reference.guarded for reference in text.references}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a.b == c[0].d", {"a.b": False, "c.0.d": False}),
        ("a.b | default(c)", {"a.b": True, "c": False}),
        ("is_defined(a) && a.b", {"a": True, "a.b": True}),
        ("a is not defined || a.b", {"a": True, "a.b": True}),
        ("a is defined || b && a.c", {"a": True, "b": False, "a.c": False}),
        ("steps.x.status == 'completed' && steps.x.output.y", {"steps.x.status": False, "steps.x.output.y": True}),
        (
            "steps.x.output != null ? steps.x.output.y : steps.z.output",
            {"steps.x.output": False, "steps.x.output.y": True, "steps.z.output": False},
        ),
        ("a[b.c].d", {"a": False, "b.c": False}),
        ("coalesce(a, b.c)", {"a": True, "b.c": True}),
        ("a.b | map('x') | first", {"a.b": False}),
    ],
)
def test_references_are_the_paths_that_a_text_reads(source: str, expected: dict[str, bool]) -> None:
    assert guarded(Expression(source)) == expected


def test_references_of_a_template_leave_out_its_own_variables() -> None:
    text = Template(
        "{% set x = a.b %}{{ x.c }}{% for r in rows.all %}{{ r.d }}{{ loop.index }}{{ site.e }}{% endfor %}"
        "{% if f %}{{ f.g }}{% else %}{{ f.h }}{% endif %}"
    )
    assert guarded(text) == {"a.b": False, "rows.all": False, "site.e": False, "f": False, "f.g": True, "f.h": False}
    first = text.references[0]
    assert text.source[first.start : first.end] == "a.b"


def test_texts_are_values() -> None:
    one, other = Template("{{ a }}"), Template("{{ a }}")
    assert one == other
    assert hash(one) == hash(other)
    assert one != Expression("a")
    assert one.is_expression
    assert not Template("{{ a }} ").is_expression
    with pytest.raises(AttributeError):
        one.source = "x"
    import copy
    import pickle

    assert pickle.loads(pickle.dumps(one)) == one
    assert copy.deepcopy(one).render({"a": [1]}) == [1]
