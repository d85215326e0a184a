import re
import textwrap

import pytest

from flowbuilder.analysis.explanations import explain, explanations
from flowbuilder.analysis.linter import check, rules
from flowbuilder.definition.document import Definition
from flowbuilder.definition.loader import load
from flowbuilder.diagnostics import Report
from flowbuilder.errors import NotFound

HEADER = "schema: flowbuilder/v1\nname: example\n"
CALLED = HEADER.replace("example", "refresh-page") + (
    "inputs:\n  url: {type: string}\n"
    "steps:\n  - {id: page, type: page, url: '{{ inputs.url }}'}\n"
    "outputs: {title: '{{ steps.page.output.title }}'}\n"
)
DOCUMENTED = {code: text for code, text in explanations().items() if "Wrong:\n" in text}


def workflows(name: str, version: int | None) -> Definition:
    if name != "refresh-page":
        raise NotFound(f"there is no workflow {name}")
    definition, _ = load(CALLED)
    assert definition is not None
    return definition


def report_of(text: str) -> Report:
    definition, report = load(text)
    return check(definition, workflows=workflows) if definition is not None else report


def document(code: str, kind: str) -> str:
    found = re.search(rf"^{kind}:\n((?:    .*\n|\n)+)", DOCUMENTED[code], re.MULTILINE)
    assert found, f"{code} has no document under {kind}"
    return HEADER + textwrap.dedent(found[1])


@pytest.mark.parametrize("code", DOCUMENTED)
def test_the_wrong_document_of_a_rule_gets_its_diagnostic_and_no_other(code: str) -> None:
    assert [diagnostic.code for diagnostic in report_of(document(code, "Wrong"))] == [code]


@pytest.mark.parametrize("code", DOCUMENTED)
def test_the_right_document_of_a_rule_gets_no_diagnostic(code: str) -> None:
    assert report_of(document(code, "Right")) == Report()


def test_every_rule_explains_itself_with_two_documents() -> None:
    assert {f"{name}: {rule.__doc__}" for name, rule in rules().items() if not rule.__doc__} == set()
    for code in DOCUMENTED:
        assert explain(code.lower()) == explanations()[code]
    assert explain("FB999") is None


def test_diagnostics_that_say_the_same_are_joined_into_the_first() -> None:
    report = report_of(
        HEADER + "steps:\n  - {id: a, type: page, url: '{{ steps.b.x }}'}\noutputs: {o: '{{ steps.b.y }}'}\n"
    )
    (diagnostic,) = report
    assert diagnostic.code == "FB107"
    assert diagnostic.notes == ("the same in line 5",)
