"""A process that is killed while it publishes to git: the next one makes one commit in total, and pushes it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowbuilder.adapters.cms.files import FilesCms
from flowbuilder.adapters.cms.git.history import GitHistory, GitOptions
from flowbuilder.adapters.cms.git.program import GitProgram
from flowbuilder.ports import CmsWrite

TEXT = "---\ntitle: Tea\n---\n\nHot water.\n"
KEY = "a" * 40
UPDATE = CmsWrite(url="/tea", body="Cold water.\n", idempotency_key=KEY)
CREATE = CmsWrite(url="/mate", body="Mate.\n", idempotency_key=KEY)


def cms(root: Path) -> FilesCms:
    return FilesCms(root, base_url="", history=GitHistory(root, GitOptions(push="origin")))


def git(folder: Path, *arguments: str) -> str:
    names = {f"GIT_{who}_{what}": "bo" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **names}
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "remote.git")
    git(tmp_path, "clone", "--quiet", "remote.git", "tree")
    folder = tmp_path / "tree"
    (folder / "tea.md").write_text(TEXT)
    git(folder, "switch", "--quiet", "-c", "main")
    git(folder, "add", "tea.md")
    git(folder, "commit", "--quiet", "-m", "First")
    git(folder, "push", "--quiet", "origin", "main")
    return folder


def kill_at(command: str, when: str, work: Callable[[], object]) -> None:
    """Do the work in a process that is killed before, behind or within a command of git."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        ask = GitProgram.ask

        def stop(self: GitProgram, *arguments: str, **more: Any) -> Any:
            if arguments[0] != command:
                return ask(self, *arguments, **more)
            if when == "behind":
                ask(self, *arguments, **more)
            os.write(writer, b"here")
            if when == "within":
                return ask(self, *arguments, **more)
            time.sleep(60)
            raise AssertionError("not killed")

        GitProgram.ask = stop  # type: ignore[method-assign]
        try:
            work()
        finally:
            os._exit(1)
    os.close(writer)
    assert os.read(reader, 9) == b"here"
    if when == "within":
        time.sleep(0.3)
    os.kill(process, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL
    os.close(reader)


def subjects(tree: Path) -> list[str]:
    assert git(tree, "status", "--porcelain") == ""
    assert git(tree, "rev-parse", "HEAD") == git(tree.parent / "remote.git", "rev-parse", "main")
    return git(tree, "log", "--format=%s").splitlines()


COMMANDS = ("update-index", "commit", "push")
POINTS = [*((command, when) for command in COMMANDS for when in ("before", "behind")), ("update-ref", "before")]


@pytest.mark.parametrize(("command", "when"), POINTS)
async def test_an_update_that_was_killed_is_one_commit(tree: Path, command: str, when: str) -> None:
    kill_at(command, when, lambda: cms(tree)._update(UPDATE))
    page = await cms(tree).update(UPDATE)
    assert (page.body, subjects(tree)) == ("Cold water.\n", ["Update tea.md", "First"])


@pytest.mark.parametrize(("command", "when"), POINTS)
async def test_a_creation_and_its_revert_that_were_killed_are_one_commit_each(
    tree: Path, command: str, when: str
) -> None:
    kill_at(command, when, lambda: cms(tree)._create(CREATE))
    page = await cms(tree).create(CREATE)
    assert subjects(tree) == ["Create mate.md", "First"]
    kill_at(command, when, lambda: cms(tree)._delete("/mate", page.hash, page.revision))
    await cms(tree).delete("/mate", if_unchanged=page.hash, revision=page.revision)
    assert subjects(tree) == ['Revert "Create mate.md"', "Create mate.md", "First"]
    assert not (tree / "mate.md").exists()


@pytest.mark.parametrize(("command", "when"), POINTS)
async def test_a_revert_that_was_killed_is_one_commit(tree: Path, command: str, when: str) -> None:
    before = await cms(tree).before(UPDATE)
    page = await cms(tree).update(UPDATE)
    assert before is not None
    kill_at(command, when, lambda: cms(tree)._restore("/tea", before))
    await cms(tree).restore("/tea", before, if_unchanged=page.hash)
    assert (tree / "tea.md").read_text() == TEXT
    assert subjects(tree) == ['Revert "Update tea.md"', "Update tea.md", "First"]


@pytest.mark.parametrize("command", ["update-index", "commit"])
async def test_a_process_that_is_killed_while_git_works_leaves_the_lock_to_git(tree: Path, command: str) -> None:
    git(tree, "config", "filter.slow.clean", "sh -c 'sleep 1; cat'")
    (tree / ".git/info/attributes").write_text("*.md filter=slow\n")
    kill_at(command, "within", lambda: cms(tree)._update(UPDATE))
    await cms(tree).update(UPDATE)
    assert subjects(tree) == ["Update tea.md", "First"]


async def test_two_processes_publish_one_after_the_other(tree: Path) -> None:
    writes = [CmsWrite(url="/tea", body=f"{n}\n", idempotency_key=str(n) * 40) for n in range(4)]
    await asyncio.gather(*(cms(tree).update(write) for write in writes))
    assert len(subjects(tree)) == 5
