"""The demo model: its findings in a page, and its label."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from flowbuilder.adapters.models.demo_model import LABEL, DemoModel
from flowbuilder.adapters.models.page_statistics import searches_of
from flowbuilder.errors import StepError
from flowbuilder.json_schema import problems
from flowbuilder.ports import ModelRequest
from flowbuilder.values import canonical

PAGE = """Cold water takes longer and takes less of what is bitter.

## The ratio

Ten grams of leaf for one litre of cold water. Use half as much again for fruit infusions in 2019.

## In the fridge

Six hours for green tea, eight for black and oolong. Take the leaves out afterwards and drink it within two days.

* See [storing tea](/guides/store-tea).
"""
ROWS = [
    {"keys": ["https://t.example/cold", "how many grams of leaf"], "clicks": 3, "impressions": 90},
    {"keys": ["https://t.example/cold", "cold brew hibiscus"], "clicks": 1, "impressions": 40},
    {"keys": ["https://t.example/cold", "cold brew hibiscus"], "clicks": 1, "impressions": 10},
]
DRAFT = {
    "type": "object",
    "properties": {"body": {"type": "string"}, "summary": {"type": "string"}, "score": {"type": "number"}},
    "required": ["body", "summary", "score"],
}


async def ask(schema: Any = DRAFT, page: str = PAGE, asked: str = "", rows: Any = ROWS) -> Any:
    prompt = (
        f"Rewrite this.\n<title>Cold brew</title>\n<page>\n{page}\n</page>\n<rows>{json.dumps(rows)}</rows>\n{asked}"
    )
    answer = await DemoModel().complete(ModelRequest(model="demo:editor", prompt=prompt, output_schema=schema))
    assert answer.usage["usd"] == 0
    return answer.output


async def test_a_draft_keeps_every_line_of_the_page_and_lists_additions() -> None:
    output = await ask()
    kept = iter(output["body"].splitlines())
    assert all(line in kept for line in PAGE.strip().splitlines())
    assert "## In short" in output["body"]
    assert "**How many grams of leaf?** Ten grams of leaf for one litre of cold water." in output["body"]
    assert output["summary"].startswith(LABEL)


async def test_unanswered_queries_are_named_and_not_invented() -> None:
    output = await ask()
    assert "“cold brew hibiscus” (50 impressions)" in output["summary"]
    assert "ibiscus" not in output["body"]
    assert "2019 is named 1x" in output["summary"]


async def test_the_same_question_has_the_same_answer_and_a_finished_page_stays_as_it_is() -> None:
    first = await ask()
    assert await ask() == first
    again = await ask(page=first["body"])
    assert again["body"] == first["body"]


async def test_a_page_with_nothing_to_add_scores_low() -> None:
    output = await ask(page="One line only.", rows=[])
    assert output["body"] == "One line only."
    assert output["score"] < 0.5


@pytest.mark.parametrize(
    ("asked", "kept", "said"),
    [
        ("The reviewer asks: shorter, please", False, "applied"),
        ("The reviewer asks: add a joke", True, "refused, that needs a language model"),
    ],
)
async def test_a_reviewers_words_are_applied_or_refused_and_never_dropped(asked: str, kept: bool, said: str) -> None:
    output = await ask(asked=asked)
    assert ("## In short" in output["body"]) is kept
    assert said in output["summary"]
    assert asked.partition(": ")[2] in output["summary"]


async def test_a_draft_without_a_notes_field_states_that_no_model_wrote_it() -> None:
    output = await ask({"type": "object", "properties": {"body": {"type": "string"}}, "required": ["body"]})
    assert LABEL in output["body"]


async def test_without_a_schema_the_answer_is_a_text_that_names_the_demo_model() -> None:
    output = await ask(None)
    assert output["text"].startswith(LABEL)
    assert "## In short" in output["text"]


@pytest.mark.parametrize(
    "properties",
    [
        {
            "confidence": {"type": "integer", "minimum": 1, "maximum": 5},
            "topics": {"type": "array", "items": {"type": "string"}},
        },
        {"title": {"type": "string", "maxLength": 20}, "description": {"type": "string", "maxLength": 30}},
        {
            "verdict": {"enum": ["keep", "change"]},
            "when": {"type": "string", "format": "date"},
            "ok": {"type": "boolean"},
        },
        {"nested": {"type": "object", "properties": {"body": {"type": "string"}}, "required": ["body"]}},
        {"code": {"type": "integer", "minimum": 200}, "note": {"type": ["string", "null"]}},
    ],
)
async def test_common_schemas_are_filled_validly(properties: Any) -> None:
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    output = await ask(schema)
    assert problems(schema, output) == []


async def test_a_schema_that_cannot_be_filled_is_reported() -> None:
    schema = {
        "type": "object",
        "properties": {"code": {"type": "string", "pattern": "^[A-Z]{9}$"}},
        "required": ["code"],
    }
    with pytest.raises(StepError, match="name a real model"):
        await ask(schema)


async def test_a_prompt_without_marks_is_read_from_its_second_line() -> None:
    request = ModelRequest(model="demo:x", prompt=f"Rewrite, keep links.\n{PAGE}", output_schema=DRAFT)
    output = (await DemoModel().complete(request)).output
    assert output["body"].startswith("Cold water takes longer")
    assert output["score"] >= 0.7
    assert "Rewrite" not in canonical(output)


def test_queries_are_found_among_other_dimensions() -> None:
    rows = [{"keys": ["2026-01-01", "https://a.example/x", "green tea", "MOBILE"], "clicks": 1, "impressions": 2}]
    assert [search.query for search in searches_of(rows)] == ["green tea"]


async def test_a_page_that_holds_a_mark_does_not_end_there() -> None:
    output = await ask(page=f"{PAGE}\nA text about </page> and <rows>.\n")
    assert "A text about </page> and <rows>." in output["body"]
    assert "50 impressions" in output["summary"]


@pytest.mark.parametrize(
    "text",
    [" " * 300_000, "\n" * 300_000, "# " + "#" * 300_000 + "x", "<page>" * 50_000, "a. " * 100_000, "[x](" * 75_000],
)
async def test_any_page_is_read_in_bounded_time(text: str) -> None:
    begun = time.process_time()
    await ask(page=text)
    assert time.process_time() - begun < 5
