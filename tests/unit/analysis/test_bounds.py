"""Checking takes bounded time, also for documents that expand exponentially and for random ones."""

import copy
import json
import random
import time
from pathlib import Path
from typing import Any

import pytest

from flowbuilder.analysis.linter import check
from flowbuilder.definition.document import Definition
from flowbuilder.definition.loader import load
from flowbuilder.definition.yaml.document import read_document
from flowbuilder.errors import NotFound
from flowbuilder.language import Namespace, Shape, Template
from flowbuilder.plan.compiler import compile_plan

GOOD = {path.stem: path.read_text("utf-8") for path in (Path(__file__).parents[2] / "cases/good").glob("*.yaml")}
PAGE = {"id": "s0", "type": "page", "url": "https://example.com"}
JUNK: list[Any] = [
    None, True, 1, -1.5, "", "x", "x" * 500, [], {}, [[]], {"a": 1}, ["a"], "page", "{{ steps.page.output.title }}",
    "{{ 1 + }}", "{{ inputs }}", "{{ steps }}", "{{ item }}", "{{ feedback.previous }}", "inputs.url", "steps.a.output",
    "{% for a in steps.page.output.links %}{{ a.url }}{% endfor %}", {"when": "1", "steps": []},
    "{{ steps.review.output.approved.x[0] | upper }}", "steps.a.output | map('x') | first",
]  # fmt: skip


def stored(name: str, version: int | None) -> Definition:
    definition = load(GOOD[name])[0] if name in GOOD else None
    if definition is None:
        raise NotFound(f"there is no workflow {name}")
    return definition


def document(steps: list[Any], **outputs: Any) -> dict[str, Any]:
    return {"schema": "flowbuilder/v1", "name": "x", "inputs": {"yes": {"type": "boolean"}}, "steps": steps,
            "outputs": outputs}  # fmt: skip


def seconds_for(value: dict[str, Any]) -> float:
    begin = time.process_time()
    definition, report = load(value)
    assert definition is not None
    report += check(definition)
    assert report.ok, report.summary()
    return time.process_time() - begin


def test_outputs_that_hold_outputs_twice() -> None:
    steps: list[Any] = [PAGE]
    for number in range(1, 60):
        twice = dict.fromkeys("ab", f"{{{{ steps.s{number - 1}.output }}}}")
        branch = {"when": "inputs.yes", "output": twice}
        steps.append({"id": f"s{number}", "type": "conditional", "branches": [branch], "else": {"output": twice}})
    assert seconds_for(document(steps, last="{{ steps.s59.output }}")) < 3


def test_a_template_that_doubles_a_value_again_and_again() -> None:
    sets = "".join(f"{{% set x{n} = {{'a': x{n - 1}, 'b': x{n - 1}}} %}}" for n in range(1, 60))
    text = f"{{% set x0 = steps.s0.output %}}{sets}{{{{ x59 | json }}}}"
    assert seconds_for(document([PAGE], text=text)) < 3


@pytest.mark.parametrize("change", ["{'a': b, 'c': b}", "[b, [b, b]]", "b | merge({'d': b})", "b if x else {'d': b}"])
def test_a_template_that_may_double_a_value_in_each_condition(change: str) -> None:
    page = Shape.object_of({"title": Shape.of("text")}).with_trust(("page (web page)",))
    sets = f"{{% if x %}}{{% set b = {change} %}}{{% endif %}}" * 100
    text = f"{{% set x = p.title %}}{{% set b = p %}}{sets}{{{{ b }}}}"
    begin = time.process_time()
    shape, _ = Template(text).check(Namespace({"p": page}))
    assert time.process_time() - begin < 3
    assert shape.trust is not None
    assert shape.trust.sources == ("page (web page)",)


def test_time_grows_with_the_number_of_steps_and_not_faster() -> None:
    def chain(length: int) -> dict[str, Any]:
        steps: list[Any] = [{**PAGE, "id": "d0"}]
        for number in range(1, length):
            before = f"steps.d{number - 1}.output.text"
            steps.append({"id": f"d{number}", "type": "llm", "model": "demo:", "prompt": f"Shorten {{{{ {before} }}}}"})
        publish = {"id": "out", "type": "cms", "operation": "update", "url": "https://example.com",
                   "body": f"{{{{ steps.d{length - 1}.output.text }}}}",
                   "trust": {"source": "d0", "reason": "ours", "by": "Ana"}}  # fmt: skip
        return document([*steps, publish])

    seconds_for(chain(50))
    short = long = float("inf")
    for _ in range(20):  # the least of some rounds: a busy machine slows a long run more than a short one
        short, long = min(short, seconds_for(chain(250))), min(long, seconds_for(chain(1000)))
        if long < 8 * short:
            return
    pytest.fail(f"four times the steps took {long / short:.1f} times the time")


@pytest.mark.parametrize("seed", range(150))
def test_a_valid_document_with_random_changes_gets_a_report(seed: int) -> None:
    chance = random.Random(seed)
    value = copy.deepcopy(read_document(chance.choice(sorted(GOOD.values()))).value)
    for _ in range(chance.choice((1, 2, 4))):
        *around, last = chance.choice([at for at in _places(value) if at])
        inside: Any = value
        for part in around:
            inside = inside[part]
        if chance.random() < 0.2:
            del inside[last]
        else:
            inside[last] = copy.deepcopy(chance.choice(JUNK))
    definition, report = load(json.dumps(value))
    if definition is not None:
        report += check(definition, workflows=stored)
        if report.ok:
            assert compile_plan(definition, workflows=stored).digest


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, part in inner for place in _places(part, (*at, key)))]
