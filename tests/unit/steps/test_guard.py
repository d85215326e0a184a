"""The `guard` step: each rule finds its defect, and none in a careful edit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from flowbuilder.errors import DefinitionError
from flowbuilder.testing import Finished

Run = Callable[..., Finished]
BASE = """Green tea needs 80 °C. See [storing tea](/guides/store-tea).

## How long

Two minutes for the first infusion, one for the second, and stop when you like what is in the cup.
"""
CAREFUL = BASE.replace("needs 80 °C", "wants about 80 °C") + "\nTaste it.\n"


def guarded(run: Run, proposal: Any, base: Any = BASE, **rules: Any) -> dict[str, Any]:
    finished = run({"type": "guard", "base": base, "proposal": proposal, "rules": rules})
    assert finished.status == "completed", finished.error
    return finished.outputs["s"]


def test_a_careful_edit_has_no_findings(run: Run) -> None:
    assert guarded(run, CAREFUL) == {"findings": [], "worst": None}


@pytest.mark.parametrize(
    ("added", "rule", "severity", "evidence"),
    [
        ("<script>x()</script>", "what_runs", "block", "<script"),
        ("<p onclick='x()'>tea</p>", "what_runs", "block", "onclick"),
        ("[x](javascript:alert())", "what_runs", "block", "javascript:"),
        ("te\u200ba time", "invisible", "block", "U+200B"),
        ("tea\u200b time", "invisible", "warning", "U+200B"),
        ("turn \u202earound", "invisible", "block", "U+202E"),
        ("Our kettle costs 49.90 now.", "new_numbers", "warning", "49.90"),
        ("See [shop](https://shop.example/x).", "new_links", "warning", "shop.example"),
        ("#### Deep", "headings", "warning", "level 4 follows a heading of level 2"),
        ("Certainly! Here is more.", "left_over", "warning", "Certainly!"),
        ("As an AI language model, I like tea.", "left_over", "warning", "As an AI"),
    ],
)
def test_each_rule_finds_its_defect(run: Run, added: str, rule: str, severity: str, evidence: str) -> None:
    output = guarded(run, f"{BASE}\n{added}\n")
    assert {finding["rule"] for finding in output["findings"]} == {rule}
    assert output["worst"] == severity
    assert evidence in output["findings"][0]["evidence"]


def test_a_link_that_was_dropped_is_named(run: Run) -> None:
    output = guarded(run, CAREFUL.replace("[storing tea](/guides/store-tea)", "storing tea"))
    (finding,) = output["findings"]
    assert (finding["rule"], finding["place"]) == ("lost_links", "/guides/store-tea")


def test_a_proposal_that_is_much_shorter_or_another_text_is_noticed(run: Run) -> None:
    output = guarded(run, "Tea.", lost_links="off")
    assert [finding["rule"] for finding in output["findings"]] == ["shrinks", "rewrites"]
    assert guarded(run, "Tea.", lost_links="off", shrinks={"share": 0.01}, rewrites="off")["findings"] == []


def test_rules_can_be_turned_off_and_configured(run: Run) -> None:
    proposal = f"{CAREFUL}\nThe Cheapest kettle has 3 settings.\n"
    output = guarded(run, proposal, new_numbers="info", banned_words={"words": ["cheapest", "best"]})
    assert [(finding["rule"], finding["severity"]) for finding in output["findings"]] == [
        ("banned_words", "block"),
        ("new_numbers", "info"),
    ]
    assert output["worst"] == "block"


def test_an_object_with_a_body_is_read_by_its_body(run: Run) -> None:
    assert guarded(run, {"body": CAREFUL, "score": 9}, {"body": BASE})["findings"] == []


def test_without_a_base_only_the_proposal_is_checked(run: Run) -> None:
    output = guarded(run, "<iframe src=x></iframe>", None)
    assert [finding["rule"] for finding in output["findings"]] == ["what_runs"]


def test_an_unknown_rule_is_a_definition_error(run: Run) -> None:
    with pytest.raises(DefinitionError, match="there is no rule lost_link"):
        guarded(run, "x", lost_link="off")


@pytest.mark.parametrize(
    "text",
    ["<h1>" * 90_000, "](" * 100_000, "# " * 100_000, "1." * 100_000, "\n" * 300_000, "onaaa" * 60_000, "#" * 300_000],
)
def test_any_text_is_checked_in_bounded_time(run: Run, text: str) -> None:
    begun = time.process_time()
    guarded(run, text, text[::-1])
    assert time.process_time() - begun < 5


BLOCKS = "<!-- wp:paragraph -->\n<p>Green tea needs 80 °C. It is never boiled.</p>\n<!-- /wp:paragraph -->"


@pytest.mark.parametrize("body", [BASE, BLOCKS, "<p>Green tea needs 80 °C.</p>"])
def test_a_title_and_a_description_are_texts_of_their_own(run: Run, body: str) -> None:
    before = {"title": "Sample Page", "description": "", "body": body}
    after = {"title": "Sample Page & more", "description": "How it is brewed", "body": body}
    assert [finding["rule"] for finding in guarded(run, after, before)["findings"]] == []


def test_another_title_and_another_description_are_no_lost_text(run: Run) -> None:
    before = {"title": "About", "description": "Who we are", "body": "About us.\n\nWe sell tea, and cups.\n"}
    after = {"title": "Us", "description": "Tea and cups", "body": "All about us.\n\nWe sell tea, and cups.\n"}
    assert [finding for finding in guarded(run, after, before)["findings"] if finding["severity"] != "info"] == []


def test_a_body_that_is_cut_off_is_noticed_beside_a_title_and_a_description(run: Run) -> None:
    around = {"title": "Green tea", "description": "How it is brewed."}
    cut = {**around, "body": CAREFUL[: CAREFUL.index("and stop when")] + "and stop when you"}
    output = guarded(run, cut, {**around, "body": CAREFUL})
    assert "cut_off" in {finding["rule"] for finding in output["findings"]}
