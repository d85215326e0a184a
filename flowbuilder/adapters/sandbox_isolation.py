"""Isolates the sandbox's worker processes with bubblewrap, where it is installed."""

from __future__ import annotations

import atexit
import logging
import shlex
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

logger = logging.getLogger(__name__)

_ARGUMENTS = (
    "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL",
    "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--chdir", "/",  # noqa: S108 (inside)
)  # fmt: skip
_SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")


@cache
def isolated_worker_binary() -> str | None:
    """A program that starts Monty's worker in bubblewrap; None, with a warning, where bubblewrap does not work.

    The worker has no network, no capabilities and an empty environment, and can read only itself and the system's
    libraries.
    """
    worker = _worker()
    bwrap = shutil.which("bwrap")
    if worker is None or bwrap is None:
        return _not_isolated("bubblewrap is not installed")
    readable = [
        part for place in (*_SYSTEM, str(worker)) if Path(place).exists() for part in ("--ro-bind", place, place)
    ]
    command = [bwrap, *_ARGUMENTS, *readable]
    try:
        probe = subprocess.run([*command, str(worker), "--version"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        return _not_isolated(f"bubblewrap does not start: {problem}")
    if probe.returncode != 0:
        return _not_isolated(f"bubblewrap does not start: {probe.stderr.decode(errors='replace').strip():.200}")
    return _script(command, worker)


def _not_isolated(reason: str) -> str | None:
    logger.warning("code steps run without bubblewrap around the interpreter: %s", reason)
    return None


def _worker() -> Path | None:
    from pydantic_monty import _binary

    try:
        return Path(_binary.find_monty_binary())
    except (FileNotFoundError, RuntimeError, AttributeError):
        return None


def _script(command: list[str], worker: Path) -> str:
    folder = Path(tempfile.mkdtemp(prefix="flowbuilder-sandbox-"))
    path = folder / "worker"
    path.write_text(f'#!/bin/sh\nexec {shlex.join([*command, str(worker)])} "$@"\n', encoding="utf-8")
    path.chmod(0o500)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return str(path)
