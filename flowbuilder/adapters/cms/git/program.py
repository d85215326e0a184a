"""Runs the git program in one work tree: without a shell, without hooks, and within a time limit."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flowbuilder.errors import ConfigurationError, StepError, TransientError

LOCAL_SECONDS = 60.0
REMOTE_SECONDS = 120.0
_REMOTE = frozenset(("fetch", "push"))
# a hook is a program of the repository or of another user of the machine, and it may change what is committed
_SETTINGS = ("core.hooksPath=/dev/null", "core.fsmonitor=false", "commit.gpgSign=false", "gc.auto=0",
             "maintenance.auto=false", "advice.statusHints=false", "core.quotePath=false",
             "push.gpgSign=false", "i18n.commitEncoding=UTF-8", "i18n.logOutputEncoding=UTF-8")  # fmt: skip
# no other variable is passed on: credentials of connections may be among them
_VARIABLES = re.compile(
    r"PATH|HOME|USER|LOGNAME|TMPDIR|XDG_CONFIG_HOME|SSH_\w+|GIT_SSH\w*|GIT_ASKPASS|GIT_CONFIG_\w+|GIT_SSL_\w+"
    r"|SSL_CERT_\w+|KRB5\w*|(?:https?|all|no)_proxy|(?:HTTPS?|ALL|NO)_PROXY"
)
_PROBLEMS = ("fatal:", "error:", "remote:", "! ")
_OTHER_PROCESS = re.compile(r"Unable to create '[^']*\.lock'|cannot lock ref|index file open failed: Resource")


@dataclass(frozen=True)
class Answer:
    """What a git command answered."""

    code: int
    output: str
    problem: str

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.code == 0

    @property
    def reason(self) -> str:
        """What it says of the problem, else its last words, for a message."""
        lines = [line.strip() for line in (self.problem or self.output).splitlines() if line.strip()]
        told = [line for line in lines if line.startswith(_PROBLEMS)] if len(lines) > 3 else lines
        return " ".join(told[:3] or lines[-3:])[:300]


@dataclass(frozen=True, kw_only=True)
class GitProgram:
    """git in the work tree at `folder`. `variables` are added to its environment."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, text: str = "", keep: int | None = None) -> str:
        """The output of a command. `keep` is a descriptor that the command holds open: with it, the lock on the root
        outlives this process until the command ends.

        Raises `StepError` (`git`) where it fails, `TransientError` where another process has the repository or a
        remote does not answer.
        """
        answer = self.ask(*arguments, text=text, keep=keep)
        if answer.ok:
            return answer.output
        message = f"git {arguments[0]} failed in {self.folder}: {answer.reason}"
        if _OTHER_PROCESS.search(answer.problem):
            raise TransientError(
                f"{message}; where no other git runs there, remove the .lock file that it names", reason="timeout"
            )
        if arguments[0] in _REMOTE and "rejected" not in answer.problem:
            raise TransientError(message, reason="connection")
        raise StepError(message, code="git")

    def ask(self, *arguments: str, text: str = "", keep: int | None = None) -> Answer:
        """The answer of a command, also where it fails. `ConfigurationError` without git."""
        command = ["git", *(part for setting in _SETTINGS for part in ("-c", setting)), *arguments]
        seconds = REMOTE_SECONDS if arguments[0] in _REMOTE else LOCAL_SECONDS
        try:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=self._environment(),
                input=text.encode(),
                capture_output=True,
                timeout=seconds,
                pass_fds=() if keep is None else (keep,),
                check=False,
            )
        except FileNotFoundError:
            missing = "git is not installed" if self.folder.is_dir() else f"there is no folder {self.folder}"
            raise ConfigurationError(f"{missing}, and the site keeps its content in git") from None
        except subprocess.TimeoutExpired:
            message = f"git {arguments[0]} took longer than {seconds:.0f} s in {self.folder}"
            raise TransientError(message, reason="timeout") from None
        return Answer(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    def _environment(self) -> dict[str, str]:
        known = {name: value for name, value in os.environ.items() if _VARIABLES.fullmatch(name)}
        fixed = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_LITERAL_PATHSPECS": "1", "GIT_EDITOR": "true"}
        fixed["GIT_OPTIONAL_LOCKS"] = "0"  # reading takes no lock
        return {**known, **fixed, **self.variables}
