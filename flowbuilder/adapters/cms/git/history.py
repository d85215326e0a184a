"""The history of content files: a commit for each publication, found again by a trailer with the effect's key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flowbuilder.adapters.cms.git.program import GitProgram
from flowbuilder.errors import ConfigurationError, Conflict, StepError
from flowbuilder.ports.cms import WriteOrigin

EFFECT = "Flowbuilder-Effect"
REVERTS = "Flowbuilder-Reverts"
_NOT_PRINTED = re.compile(r"[\s\x00-\x1f\x7f<>]+")
_GIVEN = re.compile(r"\r(?=\n)|(?<=\$Id): [^$\n]*(?=\$)")
_UNDER_WAY = ("MERGE_HEAD", "rebase-merge", "rebase-apply", "CHERRY_PICK_HEAD", "REVERT_HEAD")
Explains = Callable[[str | None], bool]
"""Whether a write of ours turned this committed text (None: no file) into what the file holds now."""


@dataclass(frozen=True, kw_only=True)
class GitOptions:
    """`git` of a site's `cms`: the branch that must be checked out, the remote to push to, and the committer."""

    branch: str = ""
    push: str = ""
    author: str = "flowbuilder <flowbuilder@localhost>"

    @classmethod
    def of(cls, record: object, site: str) -> GitOptions:
        """The options in a site's record: a mapping, or `true`. `ConfigurationError` where they cannot be."""
        fields = record if isinstance(record, Mapping) else {}
        known = {name: fields[name] for name in ("branch", "push", "author") if fields.get(name)}
        wrong = [name for name, value in known.items() if not isinstance(value, str) or value.startswith("-")]
        if wrong or not isinstance(record, Mapping | bool) or len(known) < len(fields):
            raise ConfigurationError(
                f"site {site}: git of its cms takes branch, push (the name of a remote) and author (Name <mail>)"
            )
        return cls(**known)


class History:
    """A folder of content files without a history: nothing is recorded, and nothing stands in the way of a write.

    `GitHistory` is the one with commits. A place is the path of a file below the root. Everything but `conflict` is
    called under the lock of the root.
    """

    def conflict(self, place: tuple[str, ...]) -> str:
        """Why the file cannot be committed now, for a person; empty where it can."""
        return ""

    def synchronize(self) -> None:
        """Bring the files to what the remote has. `Conflict` where a person has to merge or to push first."""

    def has(self, key: str) -> str:
        """The commit of the effect with this key; empty without one."""
        return ""

    def committed(self, place: tuple[str, ...]) -> str | None:
        """The text of the file in the last commit; None where it has none."""
        return None

    def removed(self) -> list[tuple[str, ...]]:
        """The files that are committed and no longer there."""
        return []

    def ensure_clean(self, place: tuple[str, ...], explains: Explains) -> None:
        """`Conflict` where the file has changes that are not committed, unless an interrupted write made them."""

    def commit(
        self, place: tuple[str, ...], text: str | None, message: str, origin: WriteOrigin | None = None, *, lock: int
    ) -> None:
        """Commit the file, or its removal, and nothing else. No change is no commit. `StepError` where git does not
        take the change, or would hold another text than `text` (None: no file)."""

    def publish(self) -> None:
        """Push the commits of publications that the remote lacks."""

    def message(self, subject: str, key: str, origin: WriteOrigin | None) -> str:
        """The message of a publication's commit."""
        return subject

    def message_of_revert(self, place: tuple[str, ...], key: str = "") -> str:
        """The message of the commit that undoes the publication with this key, or the last one of the file."""
        return ""


class GitHistory(History):
    """The git work tree that a site's content is in."""

    def __init__(self, root: Path, options: GitOptions) -> None:
        self._options = options
        name, mail = _person(options.author)
        committer = {"GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": mail}
        self._git = GitProgram(folder=root, variables=committer)
        self._up_to_date = False

    def conflict(self, place: tuple[str, ...]) -> str:
        """Why the file cannot be committed now, for a person; empty where it can."""
        try:
            self._ensure_branch()
            self._ensure_committed(place)
            behind, ahead = self._distance()
        except (Conflict, StepError) as problem:
            return str(problem)
        return self._diverged() if behind and ahead else ""

    def synchronize(self) -> None:
        """Fetch and fast-forward, where the site pushes. `Conflict` where a person has to merge or to push first."""
        branch = self._ensure_branch()
        if self._up_to_date or not self._options.push:
            return
        known = f"refs/remotes/{self._options.push}/{branch}"
        answer = self._git.ask("ls-remote", "--exit-code", self._options.push, f"refs/heads/{branch}")
        if answer.code != 2:  # 2: there is no such branch yet
            self._git.run("fetch", "--quiet", "--no-tags", self._options.push, f"+refs/heads/{branch}:{known}")
        behind, ahead = self._distance()
        if ahead and (strangers := self._strangers()):
            if behind:
                raise Conflict(self._diverged())
            raise Conflict(f"{branch} is ahead of {self._options.push} by {strangers}: push or remove them first")
        if behind:
            moved = self._git.ask("rebase", "--quiet", known) if ahead else self._git.ask("merge", "--ff-only", known)
            if not moved.ok:
                if ahead:
                    self._git.ask("rebase", "--abort")
                raise Conflict(f"{branch} could not be brought to {self._options.push}: {moved.reason}")
        self._up_to_date = True

    def has(self, key: str) -> str:
        """The commit of the effect with this key; empty without one."""
        if not key:
            return ""
        form = f"--format=%H %(trailers:key={EFFECT},valueonly,separator=%x20)"
        found = self._git.ask("log", "-20", form, "--fixed-strings", f"--grep={EFFECT}: {key}")
        commits = [line.split() for line in found.output.splitlines()] if found.ok else []
        return next((commit for commit, *keys in commits if key in keys), "")

    def committed(self, place: tuple[str, ...]) -> str | None:
        """The text of the file in the last commit; None where it has none."""
        return self._held(place)

    def _held(self, place: tuple[str, ...], *, index: bool = False) -> str | None:
        """The text of the file in the last commit, or in the index, as git would check it out."""
        prefix = self._git.run("rev-parse", "--show-prefix").rstrip("\n")
        answer = self._git.ask("cat-file", "--filters", f"{'' if index else 'HEAD'}:{prefix}{'/'.join(place)}")
        return answer.output if answer.ok else None

    def removed(self) -> list[tuple[str, ...]]:
        """The files that are committed and no longer there."""
        names = self._git.ask("diff", "--name-only", "--relative", "--diff-filter=D", "-z", "HEAD", "--", ".").output
        return [tuple(name.split("/")) for name in names.split("\x00") if name]

    def ensure_clean(self, place: tuple[str, ...], explains: Explains) -> None:
        """`Conflict` where the file has changes that are not committed, unless an interrupted write made them."""
        if self._status(place) and not explains(self.committed(place)):
            self._ensure_committed(place)

    def commit(
        self, place: tuple[str, ...], text: str | None, message: str, origin: WriteOrigin | None = None, *, lock: int
    ) -> None:
        """Commit the file, or its removal, and nothing else. No change is no commit. `StepError` where git does not
        take the change, or would hold another text than `text` (None: no file)."""
        path = "/".join(place)
        if not self._status(place):
            if not _is_same(self.committed(place), text):
                raise _refusal(f"git does not see the change of {path}: it is in a submodule, or marked skip-worktree "
                               "or assume-unchanged (git ls-files -v)")  # fmt: skip
            return
        self._git.run("update-index", "--add", "--remove", "--", path, keep=lock)
        if not _is_same(self._held(place, index=True), text):
            self._git.run("reset", "--quiet", "--", path, keep=lock)
            raise _refusal(f"git would hold another text of {path} than was approved: a filter of .gitattributes "
                           "changes it")  # fmt: skip
        name, mail = _person(origin.approved_by[0] if origin and origin.approved_by else self._options.author)
        options = ("--quiet", "--only", "--cleanup=whitespace", f"--author={name} <{mail}>", "--file=-")
        self._git.run("commit", *options, "--", path, text=message, keep=lock)

    def publish(self) -> None:
        """Push the commits of publications that the remote lacks."""
        if not self._options.push:
            return
        branch = self._ensure_branch()
        for last in (False, True):
            if self._distance()[1] == 0 and self._has_remote(branch):
                return
            head = f"HEAD:refs/heads/{branch}"
            answer = self._git.ask("push", "--quiet", self._options.push, head)
            if answer.ok:
                self._git.ask("update-ref", f"refs/remotes/{self._options.push}/{branch}", "HEAD")
                return
            if last or "[rejected]" not in answer.problem:  # of another reason than commits that came in between
                self._git.run("push", "--quiet", self._options.push, head)
                return
            self._up_to_date = False
            self.synchronize()

    def message(self, subject: str, key: str, origin: WriteOrigin | None) -> str:
        """The message of a publication's commit."""
        lines = [_line(subject), ""]
        if origin is not None:
            lines += [*(_line(comment) for comment in origin.comments if comment.strip()), ""]
            lines += [f"Approved-by: {' '.join(_person(by)[0].split())}" for by in origin.approved_by]
            lines += [f"Flowbuilder-Execution: {origin.execution_id}", f"Flowbuilder-Step: {_line(origin.step)}"]
        return "\n".join([*lines, *([f"{EFFECT}: {key}"] if key else [])]).replace("\n\n\n", "\n\n") + "\n"

    def message_of_revert(self, place: tuple[str, ...], key: str = "") -> str:
        """That of `git revert`, with the key of the publication; without it, the last commit of the file is meant."""
        path = "/".join(place)
        form = f"--format=%H%x00%s%x00%(trailers:key={EFFECT},valueonly)"
        which = [commit] if (commit := self.has(key)) else ["--", path]
        commit, title, made = [*self._git.run("log", "-1", form, *which).strip().split("\x00"), "", "", ""][:3]
        if not made.strip():
            return f"Revert {_line(path)}\n"
        return f'Revert "{title}"\n\nThis reverts commit {commit}.\n\n{REVERTS}: {made.split()[0]}\n'

    def _ensure_branch(self) -> str:
        answer = self._git.ask("symbolic-ref", "--quiet", "--short", "HEAD")
        folder, branch = self._git.folder, answer.output.strip()
        if not branch:
            top = self._git.ask("rev-parse", "--show-toplevel")
            if not top.ok:
                raise ConfigurationError(f"{folder} is not in a git work tree that this process may use: {top.reason}")
            raise Conflict(f"{folder} has no branch checked out: git switch {self._options.branch or 'BRANCH'}")
        if self._options.branch not in ("", branch):
            wanted = self._options.branch
            raise Conflict(
                f"{folder} has {branch} checked out, and the site publishes on {wanted}: git switch {wanted}"
            )
        paths = self._git.run("rev-parse", *(part for name in _UNDER_WAY for part in ("--git-path", name)))
        if any((folder / path).exists() for path in paths.splitlines()):
            raise Conflict(f"a merge, rebase or cherry-pick is under way in {folder}: finish or abort it first")
        return branch

    def _ensure_committed(self, place: tuple[str, ...]) -> None:
        if self._status(place):
            raise Conflict(f"{'/'.join(place)} has changes that are not committed: commit or discard them first")

    def _status(self, place: tuple[str, ...]) -> str:
        path = "/".join(place)
        if self._git.ask("check-ignore", "--quiet", "--", path).ok:
            raise _refusal(f"git ignores {path}: it cannot be published")
        return self._git.run("status", "--porcelain", "--untracked-files=all", "--", path)

    def _distance(self) -> tuple[int, int]:
        """How many commits the branch is behind and ahead of the remote, as it was fetched last."""
        branch = self._git.run("symbolic-ref", "--short", "HEAD").strip()
        known = f"refs/remotes/{self._options.push}/{branch}"
        if not self._options.push or not self._has_remote(branch):
            return 0, 0
        behind, ahead = self._git.run("rev-list", "--left-right", "--count", f"{known}...HEAD").split()
        return int(behind), int(ahead)

    def _has_remote(self, branch: str) -> bool:
        return self._git.ask("rev-parse", "--verify", "--quiet", f"refs/remotes/{self._options.push}/{branch}").ok

    def _strangers(self) -> str:
        """How many commits that no publication made are not pushed, in words; empty without one."""
        branch = self._git.run("symbolic-ref", "--short", "HEAD").strip()
        trailers = f"%x00%(trailers:key={EFFECT},valueonly)%(trailers:key={REVERTS},valueonly)"
        known = f"refs/remotes/{self._options.push}/{branch}"
        commits = self._git.run("log", f"--format={trailers}", f"{known}..HEAD").split("\x00")[1:]
        number = sum(not commit.strip() for commit in commits)
        return f"{number} commit{'s' if number > 1 else ''} of others" if number else ""

    def _diverged(self) -> str:
        return f"the branch and {self._options.push} have diverged: merge or rebase them first"


def _person(text: str) -> tuple[str, str]:
    """The name and the address in `Name <mail>`, `mail` or `name`, on one line."""
    name, _, mail = text.partition("<")
    name, mail = _NOT_PRINTED.sub(" ", name).strip(), _NOT_PRINTED.sub("", mail)
    if not mail and "@" in name:
        mail = name.replace(" ", "")
    return name or mail or "flowbuilder", mail or "unknown@localhost"


def _is_same(held: str | None, text: str | None) -> bool:
    """Whether git holds a text: its settings may say which line endings a file has, and what `$Id$` becomes."""
    return held == text or (None not in (held, text) and _GIVEN.sub("", held or "") == _GIVEN.sub("", text or ""))


def _refusal(message: str) -> StepError:
    return StepError(message, code="git", definitive=True)


def _line(text: str) -> str:
    """A text on one line."""
    return " ".join(text.split())[:500]
