# ruff: noqa: E501 - a table reads better in long lines
"""References to missing values and values of the wrong type: one diagnostic for each cause, at its position."""

from pathlib import Path

import pytest

from flowbuilder.analysis.linter import check
from flowbuilder.definition.document import Definition
from flowbuilder.definition.loader import load
from flowbuilder.diagnostics import Diagnostic

GOOD = Path(__file__).parents[2] / "cases" / "good"


def stored(name: str, version: int | None) -> Definition:
    definition, _ = load(GOOD / f"{name}.yaml")
    assert definition is not None
    return definition


def diagnostics(text: str) -> list[Diagnostic]:
    definition, report = load(text)
    assert definition is not None
    return list(report + check(definition, workflows=stored))


def changed(case: str, old: str, new: str) -> str:
    text = (GOOD / f"{case}.yaml").read_text("utf-8")
    assert text.count(old) >= 1, old
    return text.replace(old, new)


def under_carets(text: str, diagnostic: Diagnostic) -> str:
    assert diagnostic.span is not None
    line = text.splitlines()[diagnostic.span.line - 1]
    return line[diagnostic.span.column - 1 : diagnostic.span.end_column - 1]


BROKEN = [
    ("refresh-page", "score: {type: number}}", "score: {type: string}}", "FB302", "steps.draft.output.score >= inputs.min_score"),
    ("batch-of-pages", "kind: {enum: [minor, major]}", "kind: {enum: [small, large]}", "FB302", 'steps.draft.output.kind == "major"'),
    ("batch-of-pages", 'steps.draft.output.kind == "major"', 'steps.draft.output.kind == "mayor"', "FB302", 'steps.draft.output.kind == "mayor"'),
    ("batch-of-pages", "over: inputs.pages", "over: inputs.min_score", "FB302", "inputs.min_score"),
    ("batch-of-pages", "pages: {type: array, items: {type: string, format: uri}, maxItems: 50, title: Page URLs}", "pages: {type: string}", "FB302", "inputs.pages"),
    ("batch-of-pages", "{done: {type: integer}, all: {type: integer}}", "{done: {type: integer}, total: {type: integer}}", "FB301", "all"),
    ("fact-sweep", "amount: {type: number}", "amount: {type: string}", "FB302", "steps.price.output.body.amount"),
    ("fact-sweep", "name: {type: string}", "name: {type: number}", "FB302", "steps.price.output.body.name"),
    ("fact-sweep", "proposal: {text: ", "proposal: {words: ", None, ""),
    ("snippets", "type: array\n      items: {type: object", "type: object\n      additionalProperties: {type: object", "FB302", "steps.gaps.output"),
    ("snippets", "gap.ctr | round(3)", "gap.url | round(3)", "FB302", "gap.url"),
    ("snippets", "where('impressions')", "where('impresions')", "FB301", "'impresions'"),
    ("snippets", "as: gap", "as: hole", "FB301", "gap"),
    ("monitor", "{same: {type: boolean}, links: {type: integer}}", "{same: {type: boolean}, links: {type: string}}", "FB302", "steps.looks.output.outputs | map('links')"),
    ("monitor", "map('links')", "map('link')", "FB301", "'link'"),
    ("monitor", "properties: {wrong: {type: integer}, failed: {type: integer}}", "properties: {wrong: {type: integer}, failed: {type: string}}", "FB302", "steps.sum.output.wrong + steps.sum.output.failed"),
    ("nested-branches", "output: {action: ticket, note: ", "output: {action: ticket, notes: ", "FB304", "steps.triage.output.note"),
    ("nested-branches", "    else: {output: {action: leave, note: \"{{ steps.facts.output.words }} words\"}}\n", "", "FB303", "steps.triage.output.action"),
    ("nested-branches", "verdict == \"thin\"", "verdict == \"thick\"", "FB302", 'steps.facts.output.verdict == "thick"'),
    ("nested-branches", "| default(inputs.url) }}", "}}", "FB303", "steps.page.output.title"),
    ("nested-branches", "on_error: {continue_with: {rows: [], final_until: null}}", "on_error: continue", "FB303", "steps.rows.output.rows"),
    ("nested-branches", "type: page, url: \"{{ inputs.url }}\", on_error: continue", "type: page, url: \"{{ inputs.force }}\", on_error: continue", "FB302", "inputs.force"),
    ("batch-of-pages", "items: {type: string, format: uri}", "items: {type: integer}", "FB302", "url"),
    ("weekly", "words: {type: integer, default: 50}", "words: {type: string, default: x}", "FB302", "inputs.words"),
    ("weekly", "urls: {type: array, items: {type: string, format: uri}}", "urls: {type: array, items: {type: object}}", "FB302", "url"),
    ("weekly", "when: inputs.urls | length == 0", "when: inputs.urls == 0", "FB302", "inputs.urls == 0"),
    ("weekly", "page.score | round(2)", "page.score | truncate(2)", "FB302", "page.score"),
    ("weekly", "page.text | truncate(200)", "page.txet | truncate(200)", "FB301", "txet"),
    ("weekly", "    when: steps.read.output.approved != null\n", "    when: steps.read.output.aproved != null\n", "FB301", "aproved"),
    ("twelve-steps", "loop.index % 8 == 3", "loop.indx % 8 == 3", "FB301", "indx"),
    ("twelve-steps", "steps.numbers.output | length > 10", "steps.numbers.output > 10", "FB302", "steps.numbers.output > 10"),
    ("twelve-steps", "{{ steps.refresh.output.outputs }}", "{{ steps.refresh.output.output }}", "FB301", "output"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "old", "new", "code", "carets"), BROKEN, ids=lambda part: str(part)[:40])
def test_a_broken_reference_is_reported_once_at_its_place(
    case: str, old: str, new: str, code: str | None, carets: str
) -> None:
    text = changed(case, old, new)
    found = diagnostics(text)
    if code is None:
        assert found == []
        return
    assert [diagnostic.code for diagnostic in found] == [code], [diagnostic.message for diagnostic in found]
    assert found[0].severity == "error"
    assert under_carets(text, found[0]) == carets


HEAD = "schema: flowbuilder/v1\nname: x\ninputs:\n  yes: {type: boolean}\n  n: {type: number}\nsteps:\n"
MAYBE = "  - {id: a, type: page, url: https://example.com, when: inputs.yes && inputs.n > 1}\n"
THERE = [
    "  - {id: b, type: code, source: x, with: {x: '{{ steps.a.output.text }}'}, when: inputs.yes and 1 < inputs.n}",
    "  - {id: b, type: code, source: x, with: {x: '{{ steps.a.output.text }}'}, when: steps.a.status == 'completed'}",
    "  - {id: b, type: code, source: x, with: {x: '{{ steps.a.output.text }}'}, when: is_defined(steps.a.output)}",
    "  - {id: b, type: code, source: x, with: {x: \"{{ steps.a.output.text | default('') }}\"}}",
    "  - {id: b, type: code, source: x, with: {x: \"{{ coalesce(steps.a.output.text, '') }}\"}}",
    "  - {id: b, type: code, source: x, with: {x: '{% if is_defined(steps.a.output) %}{{ steps.a.output.text }}{% endif %}'}}",
    "  - {id: b, type: code, source: x, with: {x: \"{{ steps.a.output.text if steps.a.status == 'completed' else '' }}\"}}",
    "  - {id: b, type: code, source: x, with: {x: '{{ steps.a.status }}'}}",
    "  - {id: b, type: conditional, branches: [{when: inputs.n > 1 && inputs.yes, output: '{{ steps.a.output.text }}'}], else: {output: ''}}",
    "  - {id: b, type: conditional, branches: [{when: steps.a.status != 'completed', output: ''}], else: {output: '{{ steps.a.output.text }}'}}",
    "  - {id: b, type: conditional, when: inputs.yes && inputs.n > 1, branches: [{when: inputs.n > 5, steps: [{id: c, type: code, source: x, with: {x: '{{ steps.a.output.text }}'}}], output: '{{ steps.c.output }}'}], else: {output: ''}}",
]  # fmt: skip
MISSING = [
    "  - {id: b, type: code, source: x, with: {x: '{{ steps.a.output.text }}'}}",
    "  - {id: b, type: code, source: x, with: {x: '{{ steps.a.output.text }}'}, when: inputs.yes}",
    "  - {id: b, type: code, source: x, with: {x: '{{ steps.a.output.text }}'}, when: inputs.yes || inputs.n > 1}",
    "  - {id: b, type: code, source: x, with: {x: '{{ steps.a.output.text }}'}, when: '!(inputs.yes && inputs.n > 1)'}",
    "  - {id: b, type: code, source: x, with: {x: '{{ steps.a.output.text }}'}, when: steps.a.status != 'completed'}",
    "  - {id: b, type: code, source: '1', when: steps.a.output.status == 200}",
    "  - {id: b, type: conditional, branches: [{when: inputs.n > 1 && inputs.yes, output: ''}], else: {output: '{{ steps.a.output.text }}'}}",
]  # fmt: skip


@pytest.mark.parametrize("reader", THERE)
def test_a_reference_that_handles_a_skipped_step_has_no_diagnostic(reader: str) -> None:
    assert diagnostics(f"{HEAD}{MAYBE}{reader}\noutputs: {{b: '{{{{ steps.b.output | default(null) }}}}'}}\n") == []


@pytest.mark.parametrize("reader", MISSING)
def test_a_reference_that_ignores_a_skipped_step_has_a_diagnostic(reader: str) -> None:
    text = f"{HEAD}{MAYBE}{reader}\noutputs: {{b: '{{{{ steps.b.output | default(null) }}}}'}}\n"
    (diagnostic,) = diagnostics(text)
    assert diagnostic.code == "FB303"
    assert under_carets(text, diagnostic).startswith("steps.a.output")
