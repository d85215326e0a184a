"""Schedules of site files that cannot run are named with file and line, before anything is deployed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from flowbuilder.definition.cron import cron_problem
from flowbuilder.definition.site import load_site

Cli = Callable[..., tuple[int, str, str]]
TICK = """
schema: flowbuilder/v1
name: tick
inputs: {n: {type: integer}, code: {type: string}, more: {type: string, default: x}}
steps: [{id: a, type: code, source: "[n, code, more]", with: "{{ inputs }}"}]
outputs: {a: "{{ steps.a.output }}"}
"""


@pytest.mark.parametrize(
    "line",
    ["0 25 * * *", "0 30 2 * * *", "*/0 * * * *", "R R * * *", "H 6 * * *", "0 6 31 2 *", "0 6 31 4,6,9,11 *",
     "60 * * * *", "@daily", "* * * *", "* * * * * *", "", "0 0 1 13 *", "0 6 * * 8", "0 6 32 * *", "a b c d e"],
)  # fmt: skip
def test_a_line_that_prefect_refuses_or_never_runs_is_a_problem(line: str) -> None:
    assert cron_problem(line) is not None


@pytest.mark.parametrize(
    "line",
    ["0 6 * * 1", "0 22-6 * * *", "0 6 29 2 *", "0 6 L * *", "0 6 * * mon#1", "*/15 9-17 * * MON-FRI", "0  6  *  * 7",
     "0 6 31 1,2 *"],
)  # fmt: skip
def test_a_line_that_prefect_runs_is_none(line: str) -> None:
    assert cron_problem(line) is None


@pytest.mark.parametrize(
    ("schedule", "place", "said", "hint"),
    [
        ("{workflow: tock, cron: '0 6 * * 1'}", 3, "the workflow tock is not published", "did you mean tick?"),
        ("{workflow: tick, cron: '0 6 * * 1'}", 3, "tick requires the inputs n and code", "add what is missing"),
        ("{workflow: tick, cron: '0 6 * * 1', inputs: {n: two, code: x}}", 3, 'does not fit tick: "two"', ""),
        ("{workflow: tick, cron: '0 6 * * 1', inputs: {n: 1, code: 1234}}", 3, "the input code does not fit", ""),
        (
            "{workflow: tick, cron: '0 6 * * 1', inputs: {n: 1, code: x, moer: y}}",
            3,
            "no input moer",
            "did you mean more?",
        ),
        ("{workflow: tick, cron: '0 6 31 2 *'}", 3, "so it never runs", ""),
        ("{workflow: tick, cron: '0 6 * * 1', input: {n: 1}}", 3, "there is no field input", "did you mean inputs?"),
    ],
)
def test_a_schedule_that_cannot_run_is_named_with_its_line(
    cli: Cli, tmp_path: Path, schedule: str, place: int, said: str, hint: str
) -> None:
    (tmp_path / "tick.yaml").write_text(TICK)
    assert cli("push", str(tmp_path / "tick.yaml"))[0] == 0
    assert cli("publish", "tick")[0] == 0
    (tmp_path / "sites").mkdir(exist_ok=True)
    file = tmp_path / "sites" / "my.yaml"
    file.write_text(f"site: my.example\nschedules:\n  - {schedule}\n")
    code, printed, _ = cli("sites", "--format", "json")
    (site,) = json.loads(printed)["sites"]
    (found,) = site["diagnostics"]
    assert (code, site["ok"], found["line"]) == (1, False, place)
    assert said in found["message"]
    assert hint in found["hint"]


def test_doctor_names_the_line_and_a_schedule_that_can_run_has_no_complaint(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "tick.yaml").write_text(TICK)
    cli("push", str(tmp_path / "tick.yaml"))
    cli("publish", "tick")
    (tmp_path / "sites").mkdir(exist_ok=True)
    file = tmp_path / "sites" / "my.yaml"
    site = "site: my.example\nschedules:\n  - {workflow: tick, cron: '0 6 * * 1', inputs: {n: 1, code: CODE}}\n"
    file.write_text(site.replace("CODE", "1"))
    assert "my.yaml (line 3): the input code does not fit tick" in cli("doctor")[1]
    file.write_text(site.replace("CODE", "'01'"))
    assert cli("sites")[0] == 0


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("reviewer: {editors: anyone}", "did you mean reviewers?"),
        ("base-url: https://a.example", "did you mean base_url?"),
        ("cms: {type: files, root: ., gernerator: hugo}", "did you mean generator?"),
        ("models: {editor: 'opnai:gpt'}", "did you mean openai?"),
    ],
)
def test_a_name_that_is_almost_a_known_one_is_warned_of(tmp_path: Path, line: str, hint: str) -> None:
    record, report = load_site(f"site: a.example\n{line}\n", folder=tmp_path)
    assert record is not None
    assert [(item.severity, item.hint) for item in report] == [("warning", hint)]


@pytest.mark.parametrize(
    "line",
    ["frozen_urls: []", "brand: {voice: warm}", "tone: warm", "models: {editor: 'mistral:large', demo: 'demo:'}",
     "cms: {type: files, root: ., note: ours}"],
)  # fmt: skip
def test_names_of_one_s_own_have_no_complaint(tmp_path: Path, line: str) -> None:
    assert list(load_site(f"site: a.example\n{line}\n", folder=tmp_path)[1]) == []
