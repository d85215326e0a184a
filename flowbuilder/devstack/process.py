"""One supervised process: started in its own process group, and stopped with all its children."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flowbuilder.ports.private_files import UMASK, open_private

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, kw_only=True)
class ProcessSpec:
    """A command and its environment. `health` is a URL that responds once the process is ready; empty for none."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    health: str = ""
    start_timeout: float = 60.0
    """Seconds within which `health` must respond."""
    private: bool = False
    """Whether all files that it creates are closed to other users. A worker's are not: it writes pages, which a web
    server reads."""


class SupervisedProcess:
    """A running process that writes stdout and stderr to a log file."""

    def __init__(self, spec: ProcessSpec, log: Path) -> None:
        self.spec = spec
        self.log = log
        with os.fdopen(open_private(log, os.O_WRONLY | os.O_APPEND), "ab") as output:
            self._process = subprocess.Popen(
                list(spec.command),
                env=dict(spec.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=UMASK if spec.private else -1,
                preexec_fn=_terminate_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
            )

    @property
    def pid(self) -> int:
        """The id of the process that leads the group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.poll()

    def terminate(self) -> None:
        """Send SIGTERM to the process group."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the process group, also when its leader has exited, and wait for the leader."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    def log_tail(self, lines: int = 12) -> str:
        """The last lines of the log; empty when it cannot be read."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return


def _terminate_with_parent() -> None:
    """Have the kernel send SIGTERM when the supervisor exits, so that `kill -9` of it leaves no process behind."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
