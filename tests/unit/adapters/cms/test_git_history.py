"""Content files in git: one commit for each publication, pushed; a revert is a revert commit."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from flowbuilder.adapters.cms.files import FilesCms
from flowbuilder.adapters.cms.git.history import GitHistory, GitOptions
from flowbuilder.errors import ConfigurationError, Conflict, NotFound, StepError, TransientError
from flowbuilder.ports import CmsWrite, WriteOrigin

TEXT = "---\ntitle: Tea\n---\n\nHot water.\n"
ORIGIN = WriteOrigin(
    workflow="refresh", execution_id="e-1", step="publish", approved_by=("ana@example.com",), comments=("Shorter.",)
)
WRITE = CmsWrite(url="/guides/tea", body="Cold water.\n", idempotency_key="a" * 40, origin=ORIGIN)


def git(folder: Path, *arguments: str) -> str:
    identity = [
        part for name in ("AUTHOR", "COMMITTER") for part in (f"GIT_{name}_NAME=Bo", f"GIT_{name}_EMAIL=bo@x.example")
    ]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **dict(item.split("=") for item in identity)}
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A work tree with one page below `content`, pushed to a bare remote."""
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "remote.git")
    folder = tmp_path / "tree"
    git(tmp_path, "clone", "--quiet", "remote.git", "tree")
    git(folder, "switch", "--quiet", "-c", "main")
    (folder / "content/guides").mkdir(parents=True)
    (folder / "content/guides/tea.md").write_text(TEXT)
    commit(folder, "First")
    git(folder, "push", "--quiet", "origin", "main")
    return folder


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", message)


def content(tree: Path, *, push: str = "origin", branch: str = "", author: str = "Content <c@x.example>") -> FilesCms:
    options = GitOptions(branch=branch, push=push, author=author)
    root = tree / "content"
    return FilesCms(root, base_url="", history=GitHistory(root, options))


def subjects(folder: Path, *arguments: str) -> list[str]:
    return git(folder, "log", "--format=%s", *arguments).splitlines()


def remote(tree: Path) -> Path:
    return tree.parent / "remote.git"


def colleague(tree: Path, name: str, text: str) -> None:
    """A commit of another person that is on the remote."""
    other = tree.parent / "other"
    if not other.exists():
        git(tree.parent, "clone", "--quiet", "remote.git", "other")
    git(other, "pull", "--quiet")
    (other / "content/guides" / name).write_text(text)
    commit(other, "Theirs")
    git(other, "push", "--quiet", "origin", "main")


async def test_a_publication_is_one_commit_by_who_approved_it_and_is_pushed(tree: Path) -> None:
    (tree / "notes.txt").write_text("not of the publication")
    git(tree, "add", "notes.txt")
    await content(tree).update(WRITE)
    assert subjects(remote(tree)) == ["Update guides/tea.md", "First"]
    shown = git(tree, "log", "-1", "--name-only", "--format=%an|%ae|%cn|%ce%n%B")
    assert shown == (
        "ana@example.com|ana@example.com|Content|c@x.example\n"
        "Update guides/tea.md\n\nShorter.\n\nApproved-by: ana@example.com\n"
        f"Flowbuilder-Execution: e-1\nFlowbuilder-Step: publish\nFlowbuilder-Effect: {'a' * 40}\n\n\n"
        "content/guides/tea.md\n"
    )
    assert git(tree, "status", "--porcelain") == "A  notes.txt\n"


async def test_a_repeated_write_is_the_same_commit(tree: Path) -> None:
    first = await content(tree).update(WRITE)
    assert await content(tree).update(WRITE) == first
    colleague(tree, "tea.md", "Theirs.\n")
    assert (await content(tree).update(WRITE)).body == "Theirs.\n"
    assert subjects(remote(tree)) == ["Theirs", "Update guides/tea.md", "First"]


async def test_a_revert_is_a_revert_commit_with_the_old_bytes(tree: Path) -> None:
    file = tree / "content/guides/tea.md"
    before = await content(tree).before(WRITE)
    assert before is not None
    page = await content(tree).update(WRITE)
    made = git(tree, "rev-parse", "HEAD").strip()
    for _ in range(2):
        await content(tree).restore(WRITE.url, before, if_unchanged=page.hash)
        assert file.read_text() == TEXT
    assert subjects(remote(tree)) == ['Revert "Update guides/tea.md"', "Update guides/tea.md", "First"]
    assert f"This reverts commit {made}." in git(remote(tree), "log", "-1", "--format=%B")


async def test_a_page_is_made_and_its_revert_removes_it(tree: Path) -> None:
    write = CmsWrite(url="/new/mate", body="Mate.\n", title="Mate", idempotency_key="b" * 40, origin=ORIGIN)
    page = await content(tree).create(write)
    assert await content(tree).create(write) == page
    for _ in range(2):
        await content(tree).delete("/new/mate", if_unchanged=page.hash)
    assert subjects(remote(tree)) == ['Revert "Create new/mate.md"', "Create new/mate.md", "First"]
    with pytest.raises(NotFound):
        await content(tree).read("/new/mate")


async def test_a_file_with_changes_that_are_not_committed_is_a_conflict(tree: Path) -> None:
    file = tree / "content/guides/tea.md"
    file.write_text(TEXT.replace("Tea", "Draft of a person"))
    page = await content(tree).read(WRITE.url)
    assert "not committed" in page.conflict
    with pytest.raises(Conflict, match=r"guides/tea\.md has changes that are not committed"):
        await content(tree).update(WRITE)
    assert "Draft of a person" in file.read_text()
    assert subjects(tree) == ["First"]
    commit(tree, "Theirs")
    git(tree, "push", "--quiet")
    await content(tree).update(WRITE)
    assert subjects(remote(tree)) == ["Update guides/tea.md", "Theirs", "First"]


async def test_what_the_remote_has_is_there_before_the_write(tree: Path) -> None:
    colleague(tree, "mate.md", "Mate.\n")
    await content(tree).update(WRITE)
    assert subjects(remote(tree)) == ["Update guides/tea.md", "Theirs", "First"]
    page = await content(tree).read(WRITE.url)
    colleague(tree, "tea.md", "Theirs.\n")
    with pytest.raises(Conflict, match="changed since it was read"):
        await content(tree).update(CmsWrite(url=WRITE.url, body="Ours.\n", if_unchanged=page.hash))


async def test_a_diverged_branch_is_a_conflict_and_so_are_commits_of_others_that_are_not_pushed(tree: Path) -> None:
    (tree / "local.txt").write_text("x")
    commit(tree, "Local")
    with pytest.raises(Conflict, match="ahead of origin by 1 commit of others"):
        await content(tree).update(WRITE)
    colleague(tree, "mate.md", "Mate.\n")
    with pytest.raises(Conflict, match="diverged"):
        await content(tree).update(WRITE)
    assert "diverged" in (await content(tree).read(WRITE.url)).conflict
    assert (subjects(tree), subjects(remote(tree))) == (["Local", "First"], ["Theirs", "First"])
    assert (tree / "content/guides/tea.md").read_text() == TEXT


async def test_a_commit_that_comes_in_before_the_push_is_kept(tree: Path) -> None:
    class Late(GitHistory):
        def commit(self, *arguments: object, **more: object) -> None:
            colleague(tree, "mate.md", "Mate.\n")
            super().commit(*arguments, **more)  # type: ignore[arg-type]

    root = tree / "content"
    await FilesCms(root, base_url="", history=Late(root, GitOptions(push="origin"))).update(WRITE)
    assert subjects(remote(tree)) == ["Update guides/tea.md", "Theirs", "First"]


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (
            ("switch", "--quiet", "-c", "other"),
            "has other checked out, and the site publishes on main: git switch main",
        ),
        (("checkout", "--quiet", "--detach"), "has no branch checked out: git switch main"),
    ],
)
async def test_another_branch_is_a_conflict(tree: Path, prepare: tuple[str, ...], message: str) -> None:
    git(tree, *prepare)
    with pytest.raises(Conflict, match=message):
        await content(tree, branch="main").update(WRITE)
    assert (tree / "content/guides/tea.md").read_text() == TEXT


async def test_a_merge_under_way_is_a_conflict(tree: Path) -> None:
    (tree / ".git/MERGE_HEAD").write_text(git(tree, "rev-parse", "HEAD"))
    with pytest.raises(Conflict, match="under way"):
        await content(tree).update(WRITE)


async def test_no_hook_runs_and_no_secret_reaches_git(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WP_PASSWORD", "secret")
    for name in ("pre-commit", "commit-msg", "post-commit", "pre-push", "post-checkout", "reference-transaction"):
        (tree / ".git/hooks" / name).write_text(f"#!/bin/sh\ntouch {tree}/ran-{name}\nexit 1\n")
        (tree / ".git/hooks" / name).chmod(0o755)
    git(tree, "config", "filter.spy.clean", f"sh -c 'env > {tree.parent}/seen; cat'")
    (tree / ".git/info/attributes").write_text("*.md filter=spy\n")
    await content(tree).update(WRITE)
    assert not list(tree.glob("ran-*"))
    assert "secret" not in (tree.parent / "seen").read_text()
    assert subjects(remote(tree)) == ["Update guides/tea.md", "First"]


async def test_a_comment_cannot_pass_for_another_publication(tree: Path) -> None:
    key = "c" * 40
    origin = WriteOrigin(workflow="w", execution_id="e", step="s", comments=(f"x\n\nFlowbuilder-Effect: {key}",))
    await content(tree).update(CmsWrite(url=WRITE.url, body="One.\n", idempotency_key="d" * 40, origin=origin))
    await content(tree).update(CmsWrite(url=WRITE.url, body="Two.\n", idempotency_key=key, origin=origin))
    assert len(subjects(remote(tree))) == 3


async def test_names_that_git_reads_as_patterns_are_plain_names(tree: Path) -> None:
    for name in ("tea*.md", ":(top)x.md", "tea[1].md"):
        (tree / "content/guides" / name).write_text("Old.\n")
    commit(tree, "More")
    git(tree, "push", "--quiet")
    history = GitHistory(tree / "content", GitOptions(push="origin"))
    for name in ("tea*.md", ":(top)x.md", "tea[1].md"):
        (tree / "content/guides" / name).write_text("New.\n")
        with open(os.devnull) as lock:
            history.commit(("guides", name), "New.\n", f"Update {name}\n", lock=lock.fileno())
        assert git(tree, "show", "--format=", "--name-only", "-z", "HEAD").strip("\x00") == f"content/guides/{name}"


async def test_a_refused_push_says_why_and_is_made_later(tree: Path) -> None:
    hook = remote(tree) / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'content is frozen' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(StepError, match=r"frozen|declined") as caught:
        await content(tree).update(WRITE)
    assert caught.value.code == "not_verified"  # the commit is there: the step records what undoes it
    hook.unlink()
    await content(tree).update(WRITE)
    assert subjects(remote(tree)) == ["Update guides/tea.md", "First"]


@pytest.mark.parametrize(
    ("settings", "attributes", "body", "message"),
    [
        ({"core.autocrlf": "input", "core.safecrlf": "true"}, "", "Cold\r\n", "CRLF would be replaced by LF"),
        ({"filter.up.clean": "tr a-z A-Z"}, "*.md filter=up", "Cold\n", "another text of"),
        ({"filter.no.clean": "grep -v Cold", "filter.no.required": "true"}, "*.md filter=no", "Cold", "failed"),
    ],
)
async def test_a_file_that_git_does_not_take_is_as_it_was(
    tree: Path, settings: dict[str, str], attributes: str, body: str, message: str
) -> None:
    (tree / ".gitattributes").write_text(f"{attributes}\n")
    (tree / "content/guides/tea.md").write_text("HOT\n")
    commit(tree, "Capitals")
    for name, value in settings.items():
        git(tree, "config", name, value)
    cms = content(tree, push="")
    write = CmsWrite(url=WRITE.url, body=body, idempotency_key="b" * 40)
    assert await cms.before(write) is not None
    with pytest.raises(StepError, match=message) as caught:
        await cms.update(write)
    assert caught.value.definitive
    assert (tree / "content/guides/tea.md").read_text() == "HOT\n"
    with pytest.raises(StepError, match=message):
        await cms.create(CmsWrite(url="/guides/new", body=body, idempotency_key="c" * 40))
    assert (git(tree, "status", "--porcelain"), subjects(tree)[0]) == ("", "Capitals")


@pytest.mark.parametrize("mark", ["--skip-worktree", "--assume-unchanged"])
async def test_a_change_that_git_does_not_see_is_not_published(tree: Path, mark: str) -> None:
    git(tree, "update-index", mark, "content/guides/tea.md")
    with pytest.raises(StepError, match="git does not see the change"):
        await content(tree).update(WRITE)
    assert (tree / "content/guides/tea.md").read_text() == TEXT
    assert subjects(tree) == ["First"]


async def test_a_page_in_a_submodule_is_not_published(tree: Path) -> None:
    allowed = ("-c", "protocol.file.allow=always")
    git(tree, *allowed, "submodule", "--quiet", "add", str(remote(tree)), "content/inner")
    commit(tree, "Inner")
    page = tree / "content/inner/content/guides/tea.md"
    with pytest.raises(StepError, match="submodule"):
        await content(tree, push="").update(CmsWrite(url="/inner/content/guides/tea", body="Cold."))
    assert page.read_text() == TEXT


async def test_what_git_writes_into_a_file_is_no_difference(tree: Path) -> None:
    (tree / ".gitattributes").write_text("*.md ident text eol=lf\n")
    page = tree / "content/guides/tea.md"
    page.write_text("Hot.\n$Id$\n")
    commit(tree, "Ident")
    page.unlink()
    git(tree, "checkout", "--", "content")
    held = await content(tree, push="").read(WRITE.url)
    await content(tree, push="").update(CmsWrite(url=WRITE.url, body=f"{held.body}Cold.\r\n", idempotency_key="d"))
    assert subjects(tree)[0] == "Update guides/tea.md"


async def test_a_lock_of_git_is_named(tree: Path) -> None:
    (tree / ".git/index.lock").touch()
    with pytest.raises(TransientError, match=r"Unable to create '\S+/index\.lock'"):
        await content(tree).update(WRITE)
    assert (tree / "content/guides/tea.md").read_text() == TEXT


async def test_a_remote_that_does_not_answer_is_tried_again(tree: Path) -> None:
    remote(tree).rename(tree.parent / "moved.git")
    with pytest.raises(StepError) as caught:
        await content(tree).update(WRITE)
    assert caught.value.code == "connection"
    assert subjects(tree) == ["First"]
    await content(tree, push="").update(WRITE)
    assert subjects(tree) == ["Update guides/tea.md", "First"]


async def test_line_endings_that_git_converts_are_no_changes(tree: Path) -> None:
    (tree / ".gitattributes").write_text("*.md text eol=crlf\n")
    (tree / "content/guides/tea.md").write_bytes(TEXT.replace("\n", "\r\n").encode())
    commit(tree, "CRLF")
    git(tree, "push", "--quiet")
    await content(tree).update(CmsWrite(url=WRITE.url, body="Cold.\r\n", idempotency_key="e" * 40))
    assert git(tree, "status", "--porcelain") == ""
    assert (tree / "content/guides/tea.md").read_bytes() == TEXT.replace("Hot water.", "Cold.").replace(
        "\n", "\r\n"
    ).encode()


async def test_a_folder_outside_of_git_is_named(tmp_path: Path) -> None:
    (tmp_path / "tea.md").write_text(TEXT)
    with pytest.raises(ConfigurationError, match="not in a git work tree"):
        await FilesCms(tmp_path, base_url="", history=GitHistory(tmp_path, GitOptions())).read("/tea")


@pytest.mark.parametrize("record", [{"push": "--upload-pack=x"}, {"remote": "origin"}, {"branch": 1}, "main"])
def test_options_that_cannot_be_are_refused(record: object) -> None:
    with pytest.raises(ConfigurationError, match=r"branch, push .* and author"):
        GitOptions.of(record, "my.example")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("push.gpgSign", "true"),
        ("commit.gpgSign", "true"),
        ("i18n.logOutputEncoding", "UTF-16"),
        ("i18n.commitEncoding", "ISO-8859-1"),
        ("log.showSignature", "true"),
        ("color.ui", "always"),
        ("core.autocrlf", "true"),
        ("merge.ff", "false"),
        ("push.default", "nothing"),
        ("trailer.separators", "=#"),
    ],
)
async def test_settings_of_the_repository_change_no_publication(tree: Path, name: str, value: str) -> None:
    git(tree, "config", name, value)
    origin = replace(ORIGIN, comments=("Kürzer.",))
    write = replace(WRITE, origin=origin)
    before = await content(tree).before(write)
    assert before is not None
    written = await content(tree).update(write)
    await content(tree).update(write)
    await content(tree).restore(write.url, before, if_unchanged=written.hash)
    assert (tree / "content/guides/tea.md").read_text() == TEXT
    assert git(remote(tree), "rev-list", "--count", "main") == "3\n"
    assert "Kürzer." in git(remote(tree), "log", "-1", "--format=%B", "main^")


async def test_a_page_that_a_sparse_checkout_leaves_out_is_not_overwritten(tree: Path) -> None:
    (tree / "content/other").mkdir()
    (tree / "content/other/green.md").write_text("Green.\n")
    commit(tree, "Green")
    git(tree, "push", "--quiet", "origin", "main")
    git(tree, "sparse-checkout", "set", "content/guides")
    with pytest.raises(Conflict, match="not checked out"):
        await content(tree).create(CmsWrite(url="/other/green", body="New.\n", idempotency_key="b" * 40))
    assert (git(tree, "show", "HEAD:content/other/green.md"), subjects(tree)[0]) == ("Green.\n", "Green")
    assert not (tree / "content/other").exists()


async def test_a_pointer_of_git_lfs_is_no_page(tree: Path) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"
    (tree / "content/guides/tea.md").write_text(pointer)
    with pytest.raises(StepError, match="git lfs pull") as caught:
        await content(tree).read("/guides/tea")
    assert caught.value.code == "not_text"
