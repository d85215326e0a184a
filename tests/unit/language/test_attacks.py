"""Hostile texts: each has its recorded outcome, within bounds of time and memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "cases/attacks"
ATTACKS = [json.loads(line) for line in (FOLDER / "texts.jsonl").read_text().splitlines()]
CONTEXT = json.loads((FOLDER / "context.json").read_text())
SECONDS_TO_COMPILE, SECONDS_TO_RUN, MEGABYTES = 1.0, 0.2, 64.0


def measured(texts: list[dict[str, Any]], context: dict[str, Any]) -> list[dict[str, Any]]:
    """The outcome and cost of each text, measured by `resource_bounds.py` in a child process."""
    child = subprocess.run(
        [sys.executable, str(Path(__file__).parents[2] / "support/resource_bounds.py")],
        input=json.dumps({"texts": texts, "context": context}),
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert child.returncode == 0, child.stderr[-2000:]
    records = [json.loads(line) for line in child.stdout.splitlines()]
    assert len(records) == len(texts)
    return records


@pytest.fixture(scope="module")
def outcomes() -> list[dict[str, Any]]:
    return measured(ATTACKS, CONTEXT)


@pytest.mark.parametrize("index", range(len(ATTACKS)), ids=lambda index: f"{index} {ATTACKS[index]['payload']!r:.40}")
def test_a_hostile_text_has_its_recorded_outcome(index: int, outcomes: list[dict[str, Any]]) -> None:
    attack, outcome = ATTACKS[index], outcomes[index]
    assert outcome["outcome"] in (attack["expect"], *attack.get("also", ())), (attack["why"], outcome["code"])
    assert outcome["compile"] < SECONDS_TO_COMPILE
    assert outcome["run"] < SECONDS_TO_RUN
    assert outcome["megabytes"] < MEGABYTES


def big_context() -> dict[str, Any]:
    """A context of about eight megabytes."""
    deep: Any = 1
    for _ in range(60):
        deep = [deep]
    return {
        "words": "lorem ipsum dolor " * 28_000,
        "letters": "a" * 500_000,
        "ligatures": "ﬃ日😀é " * 100_000,
        "html": "<b>&amp;x</b>" * 40_000,
        "lines": "a\n" * 250_000,
        "pairs": "a " * 250_000,
        "numbers": list(range(50_000)),
        "texts": [f"item {index}" for index in range(50_000)],
        "alike": ["x" * 400] * 5_000,
        "objects": [{"key": f"k{index % 100}", "v": index, "o": {"a": [index]}} for index in range(20_000)],
        "lists": [[index] for index in range(20_000)],
        "map": {f"k{index}": index for index in range(20_000)},
        "deep": deep,
        "dates": ["2026-03-05T08:30:00Z"] * 10_000,
    }


BODIES = [
    "words | title",
    "pairs | title",
    "ligatures | upper",
    "ligatures | slugify",
    "ligatures | urlencode",
    "letters | capitalize",
    "lines | indent(1)",
    "lines | replace('\n', '\n\n')",
    "letters | replace('a', 'aa')",
    "letters | split('a')",
    "pairs | split",
    "pairs | split | join(',')",
    "pairs | wordcount",
    "html | strip_html",
    "html | escape_html",
    "words | truncate(400000)",
    "words ~ words",
    "words + words",
    "words[1:]",
    "numbers[1:]",
    "numbers + numbers",
    "numbers | reverse",
    "numbers | join(',')",
    "numbers | sort(reverse=true)",
    "texts | sort",
    "alike | sort",
    "alike | unique",
    "objects | unique",
    "objects | sort('key')",
    "objects | where('o', {'a': [1]})",
    "objects | map('o.a.0')",
    "objects | min('key')",
    "objects | json",
    "lists | flatten",
    "lists | join",
    "map | items",
    "map | merge(map)",
    "map | string",
    "deep | json",
    "[deep, deep] | unique",
    "deep == deep",
    "objects == objects",
    "words == words",
    "alike == alike",
    "'aaaaaaaab' in letters",
    "'zzz' in texts",
    "-1 in numbers",
    "objects[0] in objects",
    "words < words",
    "dates | map('x', default=1)",
    "'x' | center(3000)",
    "range(9999)",
    "[i, i, i]",
    "{'a': i, 'b': [i]}",
    "i * 2.5 + i",
    "i | string | upper",
    "'abc' | upper | lower | title",
    "dates[0] | date('%A %B')",
    "words | contains('zzz')",
    "letters | startswith('aaaa')",
    "i | round(2)",
    "dates[i % 9] | add_days(i)",
    "i",
    "words",
    "html",
]
FORMS = [
    "{%% for i in range(%d) %%}{{ %s }}{%% endfor %%}",
    "{%% for i in range(%d) %%}{%% if (%s) == 1 %%}{%% endif %%}{%% endfor %%}",
    "{%% for i in range(%d) %%}{%% set x = %s %%}{%% endfor %%}",
]


@pytest.mark.timeout(170)
@pytest.mark.parametrize("form", FORMS, ids=("printed", "tested", "set"))
def test_the_longest_loop_over_any_work_ends_in_time(form: str) -> None:
    counts = [1, 4, 32, 512, 16_384]
    texts = [{"kind": "template", "payload": form % (count, body)} for body in BODIES for count in counts]
    found = measured(texts, big_context())
    for text, outcome in zip(texts, found, strict=True):
        assert outcome["outcome"] != "reject_at_compile", (text["payload"], outcome)
        assert outcome["run"] < SECONDS_TO_RUN, (text["payload"], outcome)
        assert outcome["megabytes"] < MEGABYTES, (text["payload"], outcome)
    # some of every body run, and the limits stop some: otherwise the test would prove nothing
    assert {outcome["outcome"] for outcome in found} == {"ok", "error_at_run"}


LARGE = [
    "{{1}}" * 3_276,
    "{{ " + "a~" * 8_000 + "a }}",
    "{{ " + "-" * 16_000 + "1 }}",
    '"' * 16_000,
    "{{ '" + "\\\\" * 8_000 + "' }}",
    "{% if a %}" * 1_600,
    "{% for a in b %}" * 1_000,
    "{{ " + "(" * 8_000 + "}}",
    "{{ [" + "1," * 8_000 + "] }}",
    "{{ " + "a." * 8_000 + "a }}",
    "{{ " + "a[0]" * 4_000 + " }}",
    "{{ " + "a|upper" * 2_000 + " }}",
    "{# " * 5_000,
    "{{" * 8_000,
    "{{ " + "9" * 16_000 + " }}",
    "{% set a = 1 %}" * 1_000,
    "{% raw %}" * 1_500,
    "{{ a }}\n" * 2_000,
    "{%-" * 5_000,
    "{% if a %}{{ b }}{% else %}{{ c }}{% endif %}" * 360,
    "{{ " + "not " * 4_000 + "a }}",
    "{{ '" + "a" * 16_000,
]
LARGE_EXPRESSIONS = [
    "(" * 2_000,
    "-" * 1_999 + "1",
    "!" * 1_999 + "a",
    "[" * 999 + "]" * 999,
    "a." * 999 + "a",
    "a[0]" * 499,
    "a|b" * 660,
    "a?b:" * 499 + "c",
    "a+" * 999 + "a",
    "a&&" * 660 + "a",
    '"' * 1_999,
    "1," * 999,
    "{a:" * 600,
    "9" * 2_000,
    "a" * 2_000,
    " " * 2_000,
    "a" * 2_001,
    "not " * 499 + "a",
    "f(" * 900,
    "\\" * 2_000,
    "a==" * 600 + "a",
]


def test_a_large_text_is_compiled_or_refused_within_a_second() -> None:
    texts = [{"kind": "template", "payload": text} for text in LARGE]
    texts += [{"kind": "expression", "payload": text} for text in LARGE_EXPRESSIONS]
    for text, outcome in zip(texts, measured(texts, {"a": 1, "b": [1], "c": 1}), strict=True):
        assert outcome["compile"] < SECONDS_TO_COMPILE, (text["payload"][:60], outcome)
        assert outcome["megabytes"] < MEGABYTES, (text["payload"][:60], outcome)


def test_what_python_s_compiler_warns_of_is_an_ordinary_expression() -> None:
    code = "from flowbuilder.language import Expression; print(Expression('(not 1)[0] is defined').evaluate({}))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("False\n", "")
