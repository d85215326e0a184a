"""The worst known documents of each parser, and values and schemas of each word of JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flowbuilder.adapters.pace import Pace

Measure = Callable[[], Callable[[], Any]]
HEAD = "schema: flowbuilder/v1\nname: w\n"
STEPS = "steps: [{id: s, type: code, source: '1'}]\n"


def _levels(first: str, count: int, form: str = "  {0}: &{0} [{1}]\n") -> str:
    """A list of ten, and lists of ten references each to the one before."""
    lines = [first]
    for number in range(count):
        before, name = chr(97 + number), chr(98 + number)
        lines.append(form.format(name, ",".join([f"*{before}"] * 10)))
    return "".join(lines)


YAML = {
    "laughs": _levels("a: &a [x,x,x,x,x,x,x,x,x,x]\n", 9, "{0}: &{0} [{1}]\n"),
    "laughs in inputs": HEAD + _levels("inputs:\n  a: {default: &a [x,x,x,x,x,x,x,x,x,x]}\n", 5,
                                      "  {0}: {{default: &{0} [{1}]}}\n") + STEPS,
    "laughs in outputs": HEAD + STEPS + _levels("outputs:\n  a: &a ['{{ steps.s.output }}',x,x,x,x,x,x,x,x]\n", 4),
    "the same step again": HEAD + "steps:\n - &s {id: s, type: code, source: '1'}\n" + " - *s\n" * 300,
    "deep lists": "a: " + "[" * 900 + "]" * 900, "deep objects": "{a: " * 600, "open lists": "[" * 2_000,
    "dashes": "- " * 1_000, "questions": "? " * 1_000, "digits": "a: " + "9" * 2_000, "hex": "a: 0x" + "f" * 1_990,
    "exponent": "a: " + "9" * 990 + ".5e999", "long name": "a" * 2_000 + ": 1", "quotes": "a: '" + "''" * 990,
    "anchors": " ".join(f"&a{number}" for number in range(300)), "itself": "a: &a [*a]", "colons": ":" * 2_000,
    "duplicate names": "{" + ",".join(["a: 1"] * 330) + "}", "documents": "---\n" * 500, "tabs": "\t" * 2_000,
    "directives": "%YAML 1.2\n" * 150, "emoji": "a: " + "\U0001f600" * 1_000, "empty lines": "a: |\n" + "\n" * 1_900,
    "unknown fields": HEAD + "".join(f"k{number}: 1\n" for number in range(250)),
    "unknown names": HEAD + "steps: [{id: s, type: code, source: '1', with: {" + ",".join(
        f"a{number}: '{{{{ stepz }}}}'" for number in range(70)) + "}}]\n",
    "doubling sets": HEAD + "steps: [{id: s, type: code, source: '1', with: {b: '{% set b=inputs %}"
                     + "{% if b %}{% set b=[b,b] %}{% endif %}" * 40 + "'}}]\n",
    "schema bomb": HEAD + "inputs: {a: {$ref: '#/$defs/d0', $defs: {" + "".join(
        f"d{n}: {{allOf: [{{$ref: '#/$defs/d{n + 1}'}}, {{$ref: '#/$defs/d{n + 1}'}}]}}, " for n in range(25)
    ) + "d25: {type: string}}}}\n" + STEPS,
    "pattern": HEAD + "inputs: {a: {type: string, pattern: '(\\w{1,200}){1,40}x', default: '" + "a" * 1_500 + "'}}\n"
               + STEPS,
    "cycle": HEAD + "steps:\n" + "".join(
        f" - {{id: a{n}, type: code, source: '1', when: 'steps.a{(n + 1) % 25}.output'}}\n" for n in range(25)),
}  # fmt: skip
"""Definitions of about 2 KB."""


def yaml() -> dict[str, Measure]:
    from flowbuilder.analysis.linter import check
    from flowbuilder.definition.loader import load

    def read(text: str) -> None:
        definition, report = load(text)
        if definition is not None:
            report += check(definition)
        assert report.summary()

    read(HEAD + "steps: [{id: s, type: code, source: '1', when: 'inputs.x', with: {x: '{{ inputs.x }}'}}]\n")
    return {name: lambda text=text: lambda: read(text) for name, text in YAML.items()}


TEMPLATES = {
    "sets": "{% set b = x %}" + "{% if x %}{% set b = {'a': b, 'c': b} %}{% endif %}" * 300,
    "literals": "{{ {" + ",".join(f"'k{number}': {{'a': x, 'b': x}}" for number in range(400)) + "} | json }}",
    "line breaks": "\r\n" * 4_000 + "{{ x }}" + "\r" * 4_000, "outputs": "{{ x }}\r\n" * 1_700,
    "loops": "{% for a in [x] %}" * 8 + "{{ a }}" + "{% endfor %}" * 8, "quotes": '"' * 16_000, "opened": "{{" * 8_000,
    "conditions": "{% if x %}" * 1_600, "brackets": "{{ " + "(" * 8_000, "joins": "{{ " + "x ~ " * 4_000 + "x }}",
    "raw": "{% raw %}" * 1_500, "comments": "{# " * 5_000, "digits": "{{ " + "9" * 16_000 + " }}",
}  # fmt: skip
EXPRESSIONS = {
    "brackets": "(" * 2_000, "minus": "-" * 1_999 + "1", "choices": "x?x:" * 499 + "x", "members": "x." * 999 + "x",
    "pipes": "x|json" * 300, "texts": '"' * 1_999, "digits": "9" * 2_000, "line breaks": "x\r\n==" * 300 + "x",
    "same": "x==" * 600 + "x", "objects": "{a:" * 600, "sums": "+".join(["x"] * 140), "nots": "!" * 1_999 + "x",
}  # fmt: skip


def texts() -> dict[str, Measure]:
    from flowbuilder.language import Expression, Namespace, Shape, Template

    names = Namespace({"x": Shape.unknown().with_trust(("page",))})
    Template("{% if x %}{{ x }}{% endif %}").check(names)
    Expression("x == 1").check(names)
    cases: dict[str, Measure] = {}
    for kind, sources in ((Template, TEMPLATES), (Expression, EXPRESSIONS)):
        for name, source in sources.items():
            cases[f"{kind.__name__} {name}"] = lambda kind=kind, source=source: lambda: kind(source).check(names)
    return cases


PAGES = {
    "marks": "<title>a" + "\u0301\u0316" * 100_000 + "</title><p>a" + "\u0301\u0316" * 100_000,
    "references to marks": "<p>a" + "&#x301;" * 100_000, "deep": "<div>" * 100_000, "false ends": "<div></x>" * 50_000,
    "formatting": "<b><i><u><em>" * 240 + "<p>x" * 1_000, "misnested": "<font><p>" * 900,
    "attributes": f"<p {' '.join(f'a{n}=1' for n in range(100_000))}>",
        "long attribute": f"<p title='{'x' * 3_000_000}'>",
    "style": f"<p style='{'display: ' * 200_000}'>", "comment": "<!--" * 300_000, "less than": "<" * 400_000,
    "null": "\0" * 1_000_000, "entities": "&amp;&nope;&#x41;" * 60_000, "one word": "x" * 1_000_000,
    "title": f"<title>{'t' * 1_000_000}</title>", "doctype": "<!DOCTYPE " + "a" * 1_000_000, "pi": "<?xml " * 100_000,
    "json-ld": "<script type='application/ld+json'>" + "[" * 100_000 + "</script>",
    "json-ld digits": "<script type='application/ld+json'>" + "1" * 900_000 + "</script>",
    "base": f"<base href='{'../' * 50_000}'>" + "<a href='../../x'>t</a>" * 300, "tags": "<i>x</i>" * 120_000,
    "bad links": "<a href='http://['>t</a>" * 3_000, "white space": "<p>" + " \n\t" * 300_000,
        "spans": "<colgroup>" * 9_000,
    "cells": "<table><tr>" + "<td colspan=99999999 rowspan=99999999>x</td>" * 100,
        "nested tables": "<table><tr><td>" * 400,
    "invisible": "<p>" + "\u200b" * 400_000, "hidden": "<div hidden>" * 900,
        "selects": "<select>" * 900 + "<option>" * 9_000,
    "rows": "<table>" + "<tr><td>green tea<td>80 °C<td>2 minutes" * 15_000, "headings": "<h3>tea</h3>" * 50_000,
    "options": "<select>" + "<option>tea" * 90_000, "bold": "<p>" + "<b>green</b> tea " * 50_000,
    "code": "<pre>" + "<span>green</span> tea\n" * 50_000, "ruby": "<p>" + "<ruby>茶<rt>ちゃ</rt></ruby>" * 25_000,
    "links": "<p>" + "<a href=/tea>tea</a> " * 50_000, "backslashes": "<p>" + "\\" * 300_000 + "*",
    "formulas": "<p>" + "\\(" * 300_000, "formula blocks": "<p>" + "\\[ " * 300_000,
}  # fmt: skip


def pages() -> dict[str, Measure]:
    from flowbuilder.adapters.http.extract import extract_page

    extract_page("<html><body><article><p>Some text about tea.</p></article>", url="https://example.com/")
    return {
        name: lambda html=html: lambda: extract_page(html, url="https://example.com/") for name, html in PAGES.items()
    }


def answers() -> dict[str, Measure]:
    """JSON bodies, event streams, charsets, front matter and texts to publish."""
    from flowbuilder.adapters.cms.front_matter import parse_document
    from flowbuilder.adapters.cms.wordpress import publishable
    from flowbuilder.ports import HttpResponse
    from flowbuilder.steps.http.answers import parse_body

    def body(content: bytes, kind: str = "application/json") -> Measure:
        answer = HttpResponse(status=200, headers={"content-type": kind}, body=content, url="https://example.com/")
        return lambda: lambda: parse_body(answer)

    def front(text: str) -> Measure:
        document = parse_document(f"---\n{text}\n---\n")
        return lambda: lambda: document.field("a")

    def published(text: str) -> Measure:
        return lambda: lambda: publishable("body", "", text)

    def stream(chunk: bytes, times: int) -> Measure:
        def read() -> None:
            pace = Pace(events=True)
            for _ in range(times):
                pace.add(chunk)

        return lambda: read

    charsets = ("punycode", "idna", "undefined", "unicode_escape", "utf-7", "utf-16", "hex", "big5", "x" * 9_000)
    return {
        **{f"JSON {name}": body(content) for name, content in {
            "lists": b"[" + b"[]," * 2_600_000 + b"1]", "digits": b"9" * 1_000_000, "deep": b"[" * 1_000_000,
            "deep objects": b'{"a":' * 300_000, "float": b"1." + b"9" * 1_000_000,
                "escapes": b'"' + b"\\u0041" * 150_000 + b'"',
            "names": json.dumps({f"k{n}": n for n in range(50_000)}).encode(), "NaN": b"[NaN]",
                "utf-16": b"\xff\xfe" * 9_000,
        }.items()},
        **{f"charset {name:.20}": body(b"a-\xe9" * 100_000, f"text/html; charset={name}") for name in charsets},
        "front matter deep": front("a: " + "[" * 5_000), "front matter digits": front("a: " + "9" * 5_000),
        "front matter laughs": front(_levels("b: &a [x,x,x,x,x,x,x,x,x,x]\n", 8, "{0}: &{0} [{1}]\n") + "a: *i"),
        "front matter size": front("a: b\n" * 100_000), "front matter dashes": front("a: " + "- " * 20_000),
        "front matter closed": front("a: " + "[" * 900 + "]" * 900), "front matter itself": front("a: &a [*a]"),
        "front matter names": front("".join(f"k{n}: 1\n" for n in range(6_000))),
        "published divs": published("<p>" + "<div>" * 50_000), "published brackets": published("[" * 30_000),
        "published links": published("[a](b" * 10_000), "published quotes": published("> " * 9_000 + "x"),
        "published emphasis": published("*a **a _b " * 3_000), "published code": published("`" * 30_000),
        "events small": stream(b"data: x\n\n", 20_000), "events large": stream(b"x" * 65_536, 100),
        "events breaks": stream(b"\n" * 65_536, 20),
    }  # fmt: skip


ROWS = [{"a": n, "b": "x" * 20} for n in range(20_000)]
TWICE = {"$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}}
WORDS: dict[str, list[tuple[Any, Any]]] = {
    "$ref": [({**TWICE, "$ref": "#/$defs/d0"}, 1), ({"$ref": "#"}, 1), ({"$ref": "#/nope"}, 1)],
    "$defs": [(TWICE, 1)], "$anchor": [({"$anchor": "n", "properties": {"a": {"$ref": "#n"}}}, 1)],
    "$dynamicRef": [({"$id": "http://x/", "$dynamicAnchor": "n",
                      "allOf": [{"properties": {"a": {"$dynamicRef": "#n"}}}] * 3}, {"a": {"a": {"a": {"a": {}}}}})],
    **{word: [({"items": {word: [{"type": "string"}, {"minimum": 10**6}] * 20}}, list(range(20_000)))]
       for word in ("allOf", "anyOf", "oneOf")},
    "not": [({"items": {"not": {"not": {"not": {"type": "string"}}}}}, list(range(100_000)))],
    "if": [({"items": {"if": {"type": "string"}, "then": False, "else": {"minimum": 1}}}, list(range(100_000)))],
    "properties": [({"properties": {f"k{n}": {"type": "string"} for n in range(5_000)}},
        {f"k{n}": n for n in range(5_000)})],
    "patternProperties": [({"patternProperties": {f"^k{n}x": False for n in range(1_000)}},
        {f"k{n}": 1 for n in range(50_000)}),
                          ({"patternProperties": {"^.{1,900}.{1,900}$": {}}}, {"a" * 9_000: 1})],
    "additionalProperties": [({"additionalProperties": {"type": "string"}}, {f"k{n}": 1 for n in range(50_000)})],
    "unevaluatedProperties": [({"allOf": [{"properties": {f"a{n}": True}} for n in range(200)],
                                "unevaluatedProperties": False}, {f"a{n}": 1 for n in range(3_000)})],
    "unevaluatedItems": [({"prefixItems": [True] * 50, "unevaluatedItems": {"type": "string"}}, list(range(50_000)))],
    "propertyNames": [({"propertyNames": {"pattern": "^[a-z]+$"}}, {f"k{n}": 1 for n in range(50_000)})],
    "dependentRequired": [({"dependentRequired": {f"k{n}": ["q"] * 1 for n in range(1_000)}},
        {f"k{n}": 1 for n in range(1_000)})],
    "dependentSchemas": [({"dependentSchemas": {f"k{n}": {"required": ["q"]} for n in range(900)}},
        {f"k{n}": 1 for n in range(900)})],
    "items": [({"items": {"type": "string"}}, ROWS)], "prefixItems": [({"prefixItems": [False] * 900},
        list(range(900)))],
    "contains": [({"contains": {"const": -1}}, list(range(200_000)))],
    "uniqueItems": [({"uniqueItems": True}, rows) for rows in (ROWS, list(range(100_000)),
        [[n] for n in range(20_000)])],
    "enum": [({"items": {"enum": [{"a": n} for n in range(500)]}}, ROWS), ({"enum": [f"v{n}" for n in range(50_000)]},
        "x")],
    "const": [({"items": {"const": ROWS[:100]}}, [ROWS[:100]] * 100)],
    "type": [({"items": {"type": ["string", "null"]}}, list(range(100_000)))],
    "required": [({"items": {"required": [f"k{n}" for n in range(500)]}}, ROWS)],
    "pattern": [({"pattern": pattern}, text) for pattern, text in (
        ("^(a+)+$", "a" * 100_000 + "b"), ("(\\w{0,200}){0,9}x", "a" * 200_000), ("[a-z]{0,900}[a-z]{0,900}!",
            "a" * 300_000),
        ("(a{1,400}){1,400}", "a"), ("[\\w\\s]+[\\w\\s]+x", "\u00e9" * 300_000), ("(" * 2_000, "a"))],
    "format": [({"format": name}, text) for name, text in (
        ("email", "a@" * 100_000), ("uri", "a:" + "b/" * 200_000), ("idn-hostname", "\u0f73\u0316" * 30_000),
        ("regex", "(" * 30_000), ("hostname", "a." * 200_000), ("ipv6", ":" * 200_000), ("uri-template",
            "{a}" * 100_000),
        ("date-time", "2" * 300_000), ("duration", "P" + "1" * 300_000 + "D"), ("json-pointer", "/a" * 200_000))],
    "multipleOf": [({"items": {"multipleOf": 0.01}}, [n * 0.01 for n in range(50_000)]), ({"multipleOf": 1e-300},
        1e300)],
    "minLength": [({"items": {"minLength": 9}}, ["\u00e9" * 100_000] * 20)],
    "maxLength": [({"items": {"maxLength": 9}}, ["\u00e9" * 100_000] * 20)],
    "minimum": [({"items": {"minimum": 10**18}}, list(range(100_000)))],
    "maximum": [({"items": {"maximum": -(10**18)}}, list(range(100_000)))],
    "exclusiveMinimum": [({"exclusiveMinimum": 1e308}, 2**63 - 1)],
        "exclusiveMaximum": [({"exclusiveMaximum": -1e308}, 1)],
    "minItems": [({"minItems": 10**9}, ROWS)], "maxItems": [({"maxItems": 0}, ROWS)],
    "minProperties": [({"minProperties": 10**9}, {"a": ROWS})], "maxProperties": [({"maxProperties": 0}, {"a": ROWS})],
    "minContains": [({"contains": {"const": 1}, "minContains": 10**9}, list(range(100_000)))],
    "maxContains": [({"contains": True, "maxContains": 0}, list(range(100_000)))],
    "contentEncoding": [({"contentEncoding": "base64", "contentMediaType": "application/json"}, "W1sx" * 100_000)],
}  # fmt: skip


def schemas() -> dict[str, Measure]:
    from flowbuilder.errors import StepError
    from flowbuilder.json_schema import BadSchema, ensure_matches
    from flowbuilder.language import shape_of_schema

    def check(schema: Any, value: Any) -> None:
        shape_of_schema(schema)
        try:
            ensure_matches(schema, value, "it")
        except BadSchema as problem:
            raise StepError(str(problem), code="bad_schema") from None

    return {
        f"{word} {number}": lambda schema=schema, value=value: lambda: check(schema, value)
        for word, cases in WORDS.items()
        for number, (schema, value) in enumerate(cases)
    }


KINDS: dict[str, Callable[[], dict[str, Measure]]] = {
    "yaml": yaml, "texts": texts, "pages": pages, "answers": answers, "schemas": schemas,
}  # fmt: skip
