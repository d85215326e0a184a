"""The command line: one command a file, loaded when it is used.

Exit codes: 0 done; 1 the answer is no; 2 wrong use or no connection.
"""

from __future__ import annotations

from collections.abc import Sequence

from flowbuilder.terminal.entry import run_command
from flowbuilder.terminal.group import LazyGroup

SECTIONS = {
    "Everything at once": ("up", "demo"),
    "Write a workflow": ("validate", "explain", "schema", "steps", "plan", "eval"),
    "Keep it": ("push", "publish", "archive", "workflows", "show", "diff"),
    "Run it": ("run", "executions", "pause", "resume", "cancel", "reviews"),
    "Operate": ("sites", "deploy", "worker", "reconcile", "doctor", "audit", "revert", "db", "backup", "restore"),
}

group = LazyGroup(
    name="flowbuilder",
    package="flowbuilder.cli",
    sections=SECTIONS,
    help="Stored workflow definitions, run by Prefect, that wait for people.",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name (default: those of this process); returns the exit code."""
    return run_command(group, arguments)
