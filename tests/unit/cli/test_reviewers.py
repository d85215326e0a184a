"""Commands about who decides: sites without reviewers, reviews that are held, names, and edits that do not fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., tuple[int, str, str]]
REVIEW = """
schema: flowbuilder/v1
name: ask
inputs: {what: {type: string, default: new text}}
steps:
  - {id: review, type: human_review, title: Look, base: Opening hours, proposal: "{{ inputs.what }}", assign: ASSIGN}
outputs: {decision: "{{ steps.review.output.decision }}"}
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Writes a workflow with an assignment, and the site `my.example` with reviewers; returns the workflow's file."""

    def write_files(assign: str, reviewers: str = "") -> str:
        (tmp_path / "sites").mkdir(exist_ok=True)
        site = "site: my.example\nbase_url: https://my.example\n"
        (tmp_path / "sites" / "my.yaml").write_text(site + (f"reviewers: {reviewers}\n" if reviewers else ""))
        file = tmp_path / "ask.yaml"
        file.write_text(REVIEW.replace("ASSIGN", assign))
        return str(file)

    return write_files


def waiting(cli: Cli, file: str, *more: str) -> str:
    printed = cli("run", file, "--local", "--site", "my.example", "--format", "json", *more)[1]
    return str(json.loads(printed)["waiting"][0]["id"])


WRONG = [
    ("{group: legal}", "{editors: [ana@example.com]}", "site my.example has no group legal (its groups: editors)"),
    ("{group: editors}", "{editors: []}", "the group editors of site my.example is empty"),
    ("{group: editors}", "", "site my.example has no group editors (its groups: none)"),
    (
        "{group: editors, quorum: 2}",
        "{editors: [ana@example.com]}",
        "the group editors of site my.example has 1 member",
    ),
    ("{quorum: 1}", "{editors: []}", "the group editors of site my.example is empty"),
    ("{group: legal, people: [ana@example.com]}", "{editors: [ana@example.com]}", "has no group legal"),
]
RIGHT = [
    ("{group: editors}", "{editors: [ana@example.com]}"),
    ("{group: editors}", "{editors: anyone}"),
    ("{group: editors, quorum: 3}", "{editors: anyone}"),
    ("anyone", "{editors: [ana@example.com]}"),
    ("{anyone: true, quorum: 2}", ""),
    ("{people: [bo@example.com]}", ""),
    ('{group: "{{ inputs.what }}"}', "{editors: [ana@example.com]}"),
]


@pytest.mark.parametrize(("assign", "reviewers", "says"), WRONG)
def test_a_review_that_no_one_could_decide_is_an_error_with_a_site(
    cli: Cli, write: Callable[..., str], assign: str, reviewers: str, says: str
) -> None:
    file = write(assign, reviewers)
    code, printed, _ = cli("validate", file, "--site", "my.example")
    assert (code, "FB408" in printed, says in printed) == (1, True, True)
    assert cli("validate", file)[0] == 0
    cli("push", file)
    cli("publish", "ask")
    code, printed, _ = cli("sites")
    assert (code, f"ask: {says}" in printed or says in printed) == (1, True)
    code, printed, _ = cli("doctor")
    assert (code, says in printed) == (1, True)
    code, _, problem = cli("deploy")
    assert (code, says in problem) == (2, True)
    code, printed, _ = cli("show", "ask")


@pytest.mark.parametrize(("assign", "reviewers"), RIGHT)
def test_a_review_that_has_reviewers_is_no_complaint(
    cli: Cli, write: Callable[..., str], assign: str, reviewers: str
) -> None:
    file = write(assign, reviewers)
    assert cli("validate", file, "--site", "my.example")[:2] == (0, "ok: 1 file, no problems found\n")
    cli("push", file)
    cli("publish", "ask")
    assert cli("sites")[0] == 0
    assert "could decide" not in cli("doctor")[1]


def test_a_called_workflow_is_checked_for_the_site_too(cli: Cli, write: Callable[..., str], tmp_path: Path) -> None:
    write("{group: legal}", "{editors: [ana@example.com]}")
    caller = tmp_path / "caller.yaml"
    caller.write_text(
        "schema: flowbuilder/v1\nname: caller\nsteps:\n  - {id: c, type: workflow, name: ask}\n"
        'outputs: {o: "{{ steps.c.output }}"}\n'
    )
    code, printed, _ = cli("validate", str(caller), "--site", "my.example")
    assert (code, "ask: site my.example has no group legal" in printed) == (1, True)


def test_doctor_says_once_that_sites_without_reviewers_are_open_to_all(
    cli: Cli, write: Callable[..., str], tmp_path: Path
) -> None:
    write("anyone", "")
    (tmp_path / "sites" / "other.yaml").write_text("site: other.example\n")
    (tmp_path / "sites" / "third.yaml").write_text("site: third.example\nreviewers: {all: anyone}\n")
    printed = cli("doctor")[1]
    assert printed.count("who can open the review app") == 1
    assert "decides the reviews of my.example, other.example" in " ".join(printed.split())


def test_a_held_review_is_shown_with_the_reason_and_decided_after_the_mend(cli: Cli, write: Callable[..., str]) -> None:
    review = waiting(cli, write("{group: editors}", "{editors: []}"))
    assert "held" in cli("reviews")[1]
    assert "! held: no one can decide this review: the group editors of site my.example is empty" in " ".join(
        cli("reviews", "show", review)[1].split()
    )
    shown = json.loads(cli("reviews", "show", review, "--format", "json")[1])
    assert shown["held"].startswith("no one can decide this review")
    code, _, problem = cli("reviews", "decide", review, "approve")
    assert (code, "run `flowbuilder deploy --site my.example`" in problem) == (1, True)
    write("{group: editors}", "{editors: [ana@example.com]}")
    cli("run", write("{group: editors}", "{editors: [ana@example.com]}"), "--local", "--site", "my.example")
    code, _, problem = cli("reviews", "decide", review, "approve", "--as", "mallory@elsewhere.example")
    assert (code, "assigned to the group editors; --as NAME acts as another user" in problem) == (1, True), problem
    assert cli("reviews", "decide", review, "approve")[0] == 0


@pytest.mark.parametrize("name", ["ana@example.com ", "a\u200bna@example.com", "flowbuilder", "Anyone", " "])
def test_a_name_that_no_person_can_have_is_refused(cli: Cli, write: Callable[..., str], name: str) -> None:
    review = waiting(cli, write("anyone"))
    code, _, problem = cli("reviews", "decide", review, "withdraw", "--as", name)
    assert (code, "the user's name" in problem) == (1, True)


def test_an_edit_that_does_not_fit_is_refused_with_its_place(
    cli: Cli, write: Callable[..., str], tmp_path: Path
) -> None:
    file = write("anyone")
    Path(file).write_text(Path(file).read_text().replace('"{{ inputs.what }}"', "{title: t, body: b}"))
    review = waiting(cli, file)
    edit = tmp_path / "edit.json"
    edit.write_text('{"title": 1, "body": "b"}')
    code, _, problem = cli("reviews", "decide", review, "approve", "--edit", str(edit))
    assert (code, "/title: a number, expected a text" in problem) == (1, True)
    edit.write_text('{"title": "T", "body": "b"}')
    assert cli("reviews", "decide", review, "approve", "--edit", str(edit))[0] == 0


HIDDEN: list[tuple[str, Any]] = [
    ("Opening\u200b hours", "Opening⟨U+200B⟩ hours"),
    ("Opening\u2028hours", "Opening⟨U+2028⟩hours"),
    ("Opening\u3164hours", "Opening⟨U+3164⟩hours"),
    ("Opening\u00adhours\U000e0041", "Opening⟨U+00AD⟩hours⟨U+E0041⟩"),
    ("Opening\u0085hours", "Opening⟨U+0085⟩hours"),
]


@pytest.mark.parametrize(("text", "shown"), HIDDEN)
def test_the_terminal_shows_invisible_characters_as_the_app_does(
    cli: Cli, write: Callable[..., str], text: str, shown: str
) -> None:
    review = waiting(cli, write("anyone"), "--input", f"what={text}")
    printed = cli("reviews", "show", review)[1]
    assert f"+{shown}" in printed
    assert "invisible character" in printed
