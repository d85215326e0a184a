"""The tools of the MCP servers of the tests. Standard library only, so that `small_mcp_program` starts quickly."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any, TypedDict

Failed: type[Exception] = ValueError
"""What a tool raises whose message the server passes on."""


class Sum(TypedDict):
    """A structured answer."""

    total: int


def add(a: int, b: int) -> Sum:
    """Add two numbers."""
    return {"total": a + b}


def shout(text: str) -> str:
    """Return the text in upper case."""
    return text.upper()


def fail(why: str) -> str:
    """Fail."""
    raise Failed(why)


def pretend(text: str) -> str:
    """Fail, with a text that reports success."""
    return f"Error searching libraries: {text}"


def slow(seconds: float) -> str:
    """Wait for so many seconds."""
    time.sleep(seconds)
    return "at last"


def big(size: int) -> str:
    """A long text."""
    return "x" * size


def die() -> str:
    """End the server in the middle of a call."""
    os._exit(3)


def surroundings() -> dict[str, Any]:
    """The environment that the server sees."""
    return {
        "names": sorted(os.environ),
        "home": os.environ.get("HOME"),
        "temporary": tempfile.gettempdir(),
        "folder": os.getcwd(),
        "pid": os.getpid(),
        "session": os.getsid(0),
        "group": os.getpgid(0),
    }


def leave_files() -> str:
    """Leave files in HOME and in the folder for temporary files, and a folder that cannot be written."""
    for folder in (os.environ["HOME"], tempfile.gettempdir()):
        locked = os.path.join(folder, "locked")
        os.makedirs(locked)
        open(os.path.join(locked, "file"), "w").close()
        os.chmod(locked, 0o500)
    return os.environ["HOME"]


def start(kind: str) -> int:
    """Start a process that runs for a minute and ignores SIGTERM; returns its id."""
    leave = {"child": "", "orphan": "os.fork() and os._exit(0); ", "daemon": "os.setsid(); os.fork() and os._exit(0); "}
    program = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + leave[kind]
    program += "print(os.getpid(), flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert child.stdout is not None
    return int(child.stdout.readline())


def complain(text: str, times: int = 1) -> str:
    """Write to stderr."""
    sys.stderr.write(text * times)
    sys.stderr.flush()
    return "written"


def complain_and_die(text: str) -> str:
    """Write to stderr, and end the server in the middle of a call."""
    sys.stderr.write(text)
    sys.stderr.flush()
    os._exit(3)


TOOLS: tuple[Callable[..., Any], ...] = (
    add,
    shout,
    fail,
    pretend,
    slow,
    big,
    die,
    surroundings,
    leave_files,
    start,
    complain,
    complain_and_die,
)
