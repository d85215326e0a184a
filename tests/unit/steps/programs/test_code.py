"""The `code` step in the real sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from flowbuilder.errors import DefinitionError, TransientError
from flowbuilder.ports import Ports, Sandbox
from flowbuilder.testing import Finished

Run = Callable[..., Finished]


def code(source: str, **more: Any) -> dict[str, Any]:
    return {"type": "code", "source": source, **more}


def test_the_names_under_with_are_variables_and_the_last_expression_is_the_output(run: Run) -> None:
    step = code(
        "total = sum([row['n'] for row in rows])\n{'total': total, 'who': who}",
        **{"with": {"rows": "{{ inputs.rows }}", "who": "n={{ inputs.rows | length }}"}},
    )
    finished = run(step, inputs={"rows": {"type": "array"}}, given={"rows": [{"n": 1}, {"n": 2}]})
    assert finished.status == "completed", finished.error
    assert finished.outputs["s"] == {"total": 3, "who": "n=2"}


@pytest.mark.parametrize(
    ("source", "code_"),
    [
        ("1 +", "syntax"),
        ("raise ValueError('no')", "code_failed"),
        ("open('/etc/passwd')", "code_failed"),
        ("import socket", "code_failed"),
        ("{1, 2}", "not_json"),
        ("lambda x: x", "not_json"),
        ("def f():\n    return 1\n[f]", "not_json"),
        ("class A:\n    pass\nA", "not_json"),
        ("import re\nre", "not_json"),
        ("import re\nre.match('a', 'a')", "not_json"),
        ("while True: pass", "limit.time"),
        ("'a' * 10**10", "limit.memory"),
    ],
)
def test_a_program_that_fails_fails_its_step_with_the_kind(run: Run, source: str, code_: str) -> None:
    as_template = f"{{{{ {json.dumps(source)} }}}}"  # else most are found before they run
    finished = run(code(as_template, limit_seconds=0.4))
    assert (finished.status, finished.error["code"]) == ("failed", code_)


@pytest.mark.parametrize(
    "text", ["<b>bold</b>", "<function>", "<class>", "<p>class 'A'>", "<class 'A'> and more", "< module >"]
)
def test_a_text_in_angle_brackets_is_a_result(run: Run, text: str) -> None:
    assert run(code("text", **{"with": {"text": text}})).outputs["s"] == text


def test_an_output_that_does_not_fit_its_schema_fails(run: Run) -> None:
    finished = run(code("{'n': 'x'}", output_schema={"type": "object", "properties": {"n": {"type": "integer"}}}))
    assert finished.error["code"] == "schema_mismatch"
    assert "/n" in finished.error["message"]


def test_the_error_names_the_line_of_the_program(run: Run) -> None:
    finished = run(code("a = 1\nb = 0\na / b"))
    assert "line 3" in finished.error["message"]


def test_sleeping_takes_no_time(run: Run) -> None:
    import time

    begun = time.monotonic()
    finished = run(code("import time\ntime.sleep(1000)\n'awake'"))
    assert time.monotonic() - begun < 5
    assert finished.status in ("completed", "failed")


@pytest.mark.parametrize("name", ["not a name", "1x", "ä"])
def test_a_variable_needs_a_name(run: Run, name: str) -> None:
    with pytest.raises(DefinitionError, match="not a valid variable name"):
        run(code("1", **{"with": {name: 1}}))


def test_many_programs_run_at_once(run: Run) -> None:
    many = {
        "type": "iteration",
        "over": "inputs.numbers",
        "max_concurrency": 8,
        "steps": [{"id": "square", "type": "code", "source": "n * n", "with": {"n": "{{ item }}"}}],
        "output": "{{ steps.square.output }}",
    }
    finished = run(many, inputs={"numbers": {"type": "array"}}, given={"numbers": list(range(30))})
    assert finished.status == "completed", finished.error
    assert finished.outputs["s"]["outputs"] == [n * n for n in range(30)]


CLOCK_AND_DICE = """
import datetime, random
{"now": str(datetime.datetime.now(datetime.timezone.utc)), "dice": random.random()}
"""


class FirstCallFails:
    """The real sandbox; the answer of its first call is lost, as in a crash."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.values: list[Any] = []

    async def run(self, *arguments: Any, **more: Any) -> Any:
        self.values.append(await self._sandbox.run(*arguments, **more))
        if len(self.values) == 1:
            raise TransientError("the answer was lost", reason="connection")
        return self.values[-1]


def test_a_repeated_run_sees_the_same_time_and_the_same_random_numbers(run: Run, ports: Ports) -> None:
    sandbox = FirstCallFails(ports.sandbox)
    step = code(CLOCK_AND_DICE, retry={"attempts": 2, "delay_seconds": 0.01})
    finished = run(step, ports=replace(ports, sandbox=sandbox))
    assert finished.status == "completed", finished.error
    assert len(sandbox.values) == 2
    assert sandbox.values[0] == sandbox.values[1]


def test_all_steps_see_the_start_of_the_execution_and_each_has_random_numbers_of_its_own(run: Run) -> None:
    loop = {
        "type": "iteration",
        "over": "[1, 2, 3]",
        "steps": [{"id": "roll", **code(CLOCK_AND_DICE)}],
        "output": "{{ steps.roll.output }}",
    }
    finished = run(loop)
    rolls = finished.outputs["s"]["outputs"]
    assert len({roll["now"] for roll in rolls}) == 1
    assert len({roll["dice"] for roll in rolls}) == 3
    again = run(loop).outputs["s"]["outputs"]
    assert not {roll["dice"] for roll in again} & {roll["dice"] for roll in rolls}


def test_the_program_sees_the_start_that_templates_see(run: Run) -> None:
    source = "import datetime\ndatetime.datetime.now(datetime.timezone.utc).isoformat() == started"
    finished = run(code(source, **{"with": {"started": "{{ execution.started_at }}"}}))
    assert finished.outputs["s"] is True
