"""FB112: a word in a JSON Schema that has no meaning there, such as a misspelt one: it checks nothing.

This holds for the schemas of inputs and of steps, and for the names of formats. Names that begin with `x-` are yours.

Wrong:
    inputs:
      title: {type: string, maxlength: 60}
    steps:
      - {id: page, type: page, url: "https://example.com/?q={{ inputs.title }}"}
    outputs: {text: "{{ steps.page.output.text }}"}

Right:
    inputs:
      title: {type: string, maxLength: 60}
    steps:
      - {id: page, type: page, url: "https://example.com/?q={{ inputs.title }}"}
    outputs: {text: "{{ steps.page.output.text }}"}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowbuilder.analysis.model import Analysis
from flowbuilder.definition.input_loader import schemas_in
from flowbuilder.diagnostics import Diagnostic, did_you_mean, nearest
from flowbuilder.values import Place

CODE = "FB112"
WORDS = frozenset([
    "$anchor", "$comment", "$defs", "$dynamicAnchor", "$dynamicRef", "$id", "$ref", "$schema", "$vocabulary",
    "additionalProperties", "allOf", "anyOf", "const", "contains", "contentEncoding", "contentMediaType",
    "contentSchema", "default", "definitions", "dependentRequired", "dependentSchemas", "deprecated", "description",
    "else", "enum", "examples", "exclusiveMaximum", "exclusiveMinimum", "format", "if", "items", "maxContains",
    "maxItems", "maxLength", "maxProperties", "maximum", "minContains", "minItems", "minLength", "minProperties",
    "minimum", "multipleOf", "not", "oneOf", "pattern", "patternProperties", "prefixItems", "properties",
    "propertyNames", "readOnly", "required", "sensitive", "then", "title", "type", "unevaluatedItems",
    "unevaluatedProperties", "uniqueItems", "writeOnly",
])  # fmt: skip
"""The words of JSON Schema 2020-12, `definitions` of older ones, and our `sensitive`."""
FORMATS = frozenset([
    "date", "date-time", "duration", "email", "hostname", "idn-email", "idn-hostname", "ipv4", "ipv6", "iri",
    "iri-reference", "json-pointer", "regex", "relative-json-pointer", "time", "uri", "uri-reference", "uri-template",
    "uuid",
])  # fmt: skip
_FIELDS = {name: name for name in ("output_schema", "response_schema", "row_schema")} | {"value_schema": "schema"}
"""The fields of steps that are schemas, with their names in the document."""


def check(analysis: Analysis) -> Iterator[Diagnostic]:
    """A warning at each such word."""
    for schema, at in _schemas(analysis):
        for inner, place in schemas_in(schema, at):
            for word in inner:
                if word not in WORDS and not word.startswith("x-"):
                    close = nearest(word, WORDS)
                    hint = f"did you mean {close}?" if close else "remove it, or name it x-..."
                    message = f"{word} is no word of JSON Schema, so it checks nothing"
                    yield analysis.diagnostic_at((*place, word), CODE, message, hint=hint, severity="warning")
            named = inner.get("format")
            if isinstance(named, str) and named not in FORMATS:
                message = f"there is no format {named} in JSON Schema, so it checks nothing"
                hint = did_you_mean(named, sorted(FORMATS), what="the formats are")
                yield analysis.diagnostic_at((*place, "format"), CODE, message, hint=hint, severity="warning")


def _schemas(analysis: Analysis) -> Iterator[tuple[Any, Place]]:
    for item in analysis.definition.inputs:
        yield item.schema, ("inputs", item.name)
    for located in analysis.steps:
        for field, name in _FIELDS.items():
            schema = getattr(located.step, field, None)
            if isinstance(schema, dict):
                yield schema, (*located.place, name)
