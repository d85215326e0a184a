"""The `cms` step on a folder of Markdown files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowbuilder.errors import DefinitionError, Refused
from flowbuilder.ports.cms import page_hash
from flowbuilder.testing import Answer, Finished
from flowbuilder.values import digest_text

Run = Callable[..., Finished]
TEA = "---\ntitle: Tea\n---\n\nHot water.\n"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    (tmp_path / "content/guides").mkdir(parents=True)
    file = tmp_path / "content/guides/tea.md"
    file.write_text(TEA)
    return file


SITE = {"site": "t.example", "base_url": "https://t.example", "cms": {"type": "files", "root": "content"}}
URL = "https://t.example/guides/tea"


def cms(**more: Any) -> dict[str, Any]:
    return {"type": "cms", "url": URL, **more}


def test_a_read_returns_the_source_with_its_hash(run: Run, page: Path) -> None:
    output = run(cms(), site=SITE).outputs["s"]
    assert output == {
        "url": URL,
        "title": "Tea",
        "description": "",
        "body": "Hot water.\n",
        "seo_title": "",
        "seo_description": "",
        "hash": page_hash(title="Tea", description="", body="Hot water.\n"),
        "revision": output["revision"],
    }


def test_an_update_writes_the_file_and_outputs_the_new_content(run: Run, page: Path) -> None:
    step = cms(operation="update", body="Cold water.\n", title="Cold tea", description="D: all")
    finished = run(step, site=SITE)
    assert finished.status == "completed", finished.error
    assert page.read_text() == '---\ntitle: "Cold tea"\ndescription: "D: all"\n---\n\nCold water.\n'
    assert finished.outputs["s"]["hash"] == page_hash(title="Cold tea", description="D: all", body="Cold water.\n")
    (effect,) = finished.store.effects(finished.execution.id)
    assert (effect.status, effect.target, effect.target_class) == ("done", f"update {URL}", "lookup")
    assert effect.inverse is not None
    assert effect.inverse["before"]["content"] == TEA


def test_an_update_with_the_same_content_leaves_the_file_untouched(run: Run, page: Path) -> None:
    before = page.stat().st_ino
    run(cms(operation="update", body="Hot water.\n"), site=SITE)
    assert page.stat().st_ino == before


def test_a_page_that_git_cannot_commit_is_reviewed_until_a_person_has_mended_it(run: Run, page: Path) -> None:
    import subprocess

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=bo", "-c", "user.email=bo@x.example")
        command = ["git", *who, *arguments]
        return subprocess.run(command, cwd=page.parents[1], capture_output=True, text=True, check=True).stdout

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "First")
    page.write_text(TEA.replace("Tea", "Draft"))
    site = {**SITE, "cms": {**SITE["cms"], "git": True}}  # type: ignore[dict-item]
    seen: list[str] = []

    def decide(review: Any) -> str:
        assert page.read_text() == TEA.replace("Tea", "Draft")
        seen.append(review.request.findings[0]["evidence"])
        if len(seen) == 2:
            git("commit", "--quiet", "--all", "-m", "Theirs")
        return "approve"

    finished = run(cms(operation="update", body="Mine.\n"), site=site, decide=decide)
    assert finished.status == "completed", finished.error
    assert seen == ["guides/tea.md has changes that are not committed: commit or discard them first"] * 2
    assert git("log", "--format=%s").splitlines() == ["Update guides/tea.md", "Theirs", "First"]
    assert f"Flowbuilder-Execution: {finished.execution.id}" in git("log", "-1", "--format=%B")


def test_a_page_that_changed_meanwhile_is_reviewed(run: Run, page: Path) -> None:
    step = cms(operation="update", body="Mine.\n", if_unchanged=digest_text("Older.\n"))
    waiting = run(step, site=SITE)
    (review,) = waiting.waiting
    assert (review.request.base, review.request.proposal) == ("Hot water.\n", "Mine.\n")
    assert page.read_text() == TEA

    with pytest.raises(Refused, match="takes no edit"):
        run(step, site=SITE, decide=lambda review: Answer(verb="approve", edited="Both.\n"))
    assert page.read_text() == TEA

    approved = run(step, site=SITE, decide=lambda review: "approve")
    assert approved.outputs["s"]["body"] == "Mine.\n"
    assert page.read_text().endswith("\nMine.\n")


def test_a_reviewer_may_keep_the_other_version(run: Run, page: Path) -> None:
    step = cms(operation="update", body="Mine.\n", if_unchanged=digest_text("Older.\n"))
    finished = run(step, site=SITE, decide=lambda review: "reject")
    assert (finished.status, finished.error["code"]) == ("failed", "changed_meanwhile")
    assert page.read_text() == TEA


def test_a_page_that_changes_again_is_reviewed_again(run: Run, page: Path) -> None:
    seen: list[str] = []

    def decide(review: Any) -> Answer:
        seen.append(review.request.base)
        if len(seen) == 1:
            page.write_text("Third hand.\n")
        return Answer(verb="approve")

    step = cms(operation="update", body="Mine.\n", if_unchanged=digest_text("Older.\n"))
    finished = run(step, site=SITE, decide=decide)
    assert seen == ["Hot water.\n", "Third hand.\n"]
    assert finished.status == "completed", finished.error
    assert page.read_text() == "Mine.\n"


def test_a_page_is_created_and_an_existing_one_is_not_overwritten(run: Run, page: Path) -> None:
    made = run(cms(operation="create", url="/guides/matcha/whisk", body="Whisk.\n", title="Whisk"), site=SITE)
    assert made.status == "completed", made.error
    file = page.parent / "matcha/whisk.md"
    assert file.read_text() == '---\ntitle: "Whisk"\n---\n\nWhisk.\n'
    clash = run(cms(operation="create", body="Other.\n"), site=SITE)
    assert (clash.status, clash.error["code"]) == ("failed", "exists")
    assert page.read_text() == TEA


@pytest.mark.parametrize(
    ("step", "site", "code"),
    [
        (cms(url="https://t.example/nothing"), SITE, "not_found"),
        (cms(url="https://other.example/guides/tea"), SITE, "not_this_site"),
        (cms(url="https://t.example/../../etc/passwd"), SITE, "bad_url"),
        (cms(), {"site": "t.example"}, "configurationerror"),
        (cms(), {**SITE, "cms": {"type": "drupal"}}, "configurationerror"),
        (cms(), {**SITE, "cms": {"type": "files", "root": "nowhere"}}, "configurationerror"),
        (cms(), {**SITE, "cms": {"type": "wordpress", "connection": "wp"}}, "configurationerror"),
    ],
)
def test_an_unreachable_page_fails_with_its_reason(
    run: Run, page: Path, step: dict[str, Any], site: dict[str, Any], code: str
) -> None:
    finished = run(step, site=site)
    assert (finished.status, finished.error["code"]) == ("failed", code), finished.error


@pytest.mark.parametrize(
    "step", [cms(body="x"), cms(operation="update"), cms(operation="create"), cms(operation="delete")]
)
def test_operations_with_wrong_fields_are_definition_errors(run: Run, page: Path, step: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError):
        run(step, site=SITE)
