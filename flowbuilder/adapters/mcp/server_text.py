"""Texts of MCP servers for logs and error messages: one line, without escape sequences and invisible characters."""

from __future__ import annotations

import os
import re
import signal
import tempfile
import unicodedata
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

from flowbuilder.adapters.mcp.stdio_proxy import ENDING
from flowbuilder.ports.known_secrets import KnownSecrets, current_secrets

MAX_LINE = 500
MAX_READ = 100_000
"""Maximum number of characters of a server's stderr that are read."""
_DIVIDERS = re.compile(r"[\s|\u2500-\u257f]+")
"""White space and the lines of tables."""
_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].{0,4096}?(?:\x07|\x1b\\)|[ -/]*[0-~])", re.DOTALL)
_FRAMES = re.compile(
    r"""^Traceback \(most[^\n]*+\n|"""
    r"""^[ \t]++(?:File "[^"\n]*+", line [0-9][^\n]*+(?:\n[ ]{4}[^\n]*+)*+|at [^\n]*:[0-9]+[^\n]*+)\n?""",
    re.MULTILINE,
)
"""The frames of a stack trace of Python or Node: what a program says of its error is in the lines around them."""
_HIDDEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")
"""The Unicode categories of characters that are removed: control, format, unassigned and private ones."""


def readable(text: str, limit: int = MAX_LINE) -> str:
    """The text on one line of at most `limit` characters, with the known secrets replaced before it is cut."""
    plain = _ESCAPE_SEQUENCE.sub("", current_secrets().text(text[: 4 * limit + 4096]))
    visible = "".join(" " if c in "\r\n\t" else "" if unicodedata.category(c) in _HIDDEN else c for c in plain)
    line = " ".join(visible.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


@dataclass(frozen=True)
class Ending:
    """How a server's program ended by itself. `how` is for a message: "exited with code 3", or why it cannot start."""

    kind: Literal["exit", "signal", "too_long", "cannot_start"]
    how: str


class ServerStderr:
    """What a server program writes to stderr: a file while it runs, its text afterwards. `secrets` are replaced."""

    def __init__(self, secrets: KnownSecrets) -> None:
        self._secrets = secrets
        self.file = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed by `__exit__`)
        self._text, self._ending = "", ""

    @property
    def text(self) -> str:
        """All of it, without its own secrets and those of the execution."""
        if not self.file.closed:  # not by `read`: the program writes at the same position
            content = os.pread(self.file.fileno(), MAX_READ, 0).decode("utf-8", "replace").strip()
            before, mark, last = content.rpartition(ENDING)
            if mark and "\n" not in last:
                content, self._ending = before.strip(), last
            self._text = current_secrets().text(self._secrets.text(content))
        return self._text

    @property
    def has_ended(self) -> bool:
        """Whether the supervisor has said how the program ended."""
        if self.file.closed:
            return bool(self._ending)
        descriptor = self.file.fileno()
        return ENDING.encode() in os.pread(descriptor, 300, max(0, os.fstat(descriptor).st_size - 300))

    @property
    def ending(self) -> Ending | None:
        """How the program ended, as its supervisor says; None while it runs, and where the supervisor was killed."""
        _ = self.text
        kind, _, rest = self._ending.partition(" ")
        if kind == "cannot_start":
            return Ending("cannot_start", readable(rest))
        if kind == "too_long":
            return Ending("too_long", "sent a message that is too large")
        if kind != "exit" or not re.fullmatch(r"-?[0-9]{1,5}", rest):
            return None
        status = int(rest)
        if status >= 0:
            return Ending("exit", f"exited with code {status}")
        known = status in {-number for number in signal.Signals}
        return Ending("signal", f"was killed by signal {signal.Signals(-status).name if known else -status}")

    @property
    def quoted(self) -> str:
        """Its end, to be added to an error message; empty when nothing was written."""
        text = self.text
        if not text:
            return ""
        # a secret that is wrapped over lines, or divided by characters that are removed, is not found as it stands
        squeezed = _DIVIDERS.sub("", readable(text, MAX_READ))
        if self._secrets.text(squeezed) != squeezed:
            return " (it wrote something that holds a secret)"
        return f" (it wrote: {readable(_FRAMES.sub('', text)[-MAX_LINE:] or text[-MAX_LINE:])})"

    def __enter__(self) -> ServerStderr:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._text = self.text
        self.file.close()
