"""Authors' Python in the real sandbox."""

import json
import time
from pathlib import Path

import pytest

from flowbuilder.adapters.sandbox import MontySandbox
from flowbuilder.errors import StepError

FOLDER = Path(__file__).parents[1] / "attacks"
ATTACKS = [json.loads(line) for line in (FOLDER / "code.jsonl").read_text().splitlines()]
CONTEXT = {"inputs": {"keywords": [{"term": "kw", "volume": 1200}, {"term": "other", "volume": 9}], "n": 3}}


@pytest.fixture(scope="module")
def sandbox():
    opened = MontySandbox(processes=2)
    yield opened
    opened.close()


@pytest.mark.parametrize("row", ATTACKS, ids=lambda row: row["payload"][:40])
async def test_hostile_programs_end_within_their_limits(sandbox: MontySandbox, row):
    begun = time.monotonic()
    ended = "ok"
    try:
        await sandbox.run(row["payload"], CONTEXT, seconds=0.5, megabytes=32)
    except StepError as problem:
        ended = "reject_at_compile" if problem.code == "syntax" else "error_at_run"
    assert time.monotonic() - begun < 3.0
    accepted = {row["expect"], *row.get("also", ())}
    assert ended in accepted or "bounded" in accepted


async def test_the_value_of_the_last_expression_is_the_result(sandbox: MontySandbox):
    value = await sandbox.run(
        "total = sum(rows)\n{'total': total, 'pair': (1, 2)}", {"rows": [1, 2]}, seconds=1, megabytes=16
    )
    assert value == {"total": 3, "pair": [1, 2]}


async def test_a_program_without_a_last_expression_gives_null(sandbox: MontySandbox):
    assert await sandbox.run("x = 1", {}, seconds=1, megabytes=16) is None


@pytest.mark.parametrize(
    ("source", "code", "line"),
    [
        ("a = 1\nb = (", "syntax", 2),
        ("a = 1\n\nraise ValueError('no')", "code_failed", 3),
        ("def f():\n    return 1 / 0\nf()", "code_failed", 2),
        ("while True: pass", "limit.time", None),
        ("x = 'a' * 10**9", "limit.memory", 1),
        ("def f(): return f()\nf()", "limit.recursion", 1),
        ("{1, 2}", "not_json", None),
        ("2 ** 100", "not_json", None),
        ("float('nan')", "not_json", None),
        ("unknown", "code_failed", 1),
    ],
)
async def test_an_error_names_its_kind_and_its_line(sandbox: MontySandbox, source, code, line):
    with pytest.raises(StepError) as caught:
        await sandbox.run(source, {}, seconds=0.5, megabytes=16)
    found = caught.value.detail["line"] if isinstance(caught.value.detail, dict) else None
    assert (caught.value.code, found) == (code, line)


async def test_runs_share_nothing(sandbox: MontySandbox):
    await sandbox.run("leaked = 1", {}, seconds=1, megabytes=16)
    with pytest.raises(StepError, match="leaked"):
        await sandbox.run("leaked", {}, seconds=1, megabytes=16)


async def test_random_numbers_repeat_so_that_a_step_can_be_replayed(sandbox: MontySandbox):
    rolls = [await sandbox.run("import random\nrandom.random()", {}, seconds=1, megabytes=16) for _ in range(2)]
    assert rolls[0] == rolls[1]


@pytest.mark.parametrize("source", ["import os\nos.environ['SECRET_TOKEN']", "open('/proc/self/environ').read()"])
async def test_secrets_of_this_process_are_not_there(sandbox: MontySandbox, monkeypatch: pytest.MonkeyPatch, source):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    with pytest.raises(StepError) as caught:
        await sandbox.run(source, {}, seconds=1, megabytes=16)
    assert "hunter2" not in str(caught.value)
