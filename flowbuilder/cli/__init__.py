"""The command line: one command a file, loaded when it is used.

Exit codes: 0 done; 1 the answer is no; 2 wrong use or no connection.
"""

from __future__ import annotations

from collections.abc import Sequence

from flowbuilder.cli.entry_point import run_command
from flowbuilder.cli.groups import LazyGroup

SECTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "Everything at once": {"local": ("up", "demo")},
    "Write a workflow": {"workflow": ("validate", "explain", "schema", "steps", "plan", "eval")},
    "Keep it": {"workflow": ("push", "publish", "archive", "workflows", "show", "diff")},
    "Run it": {"execution": ("run", "executions", "pause", "resume", "cancel"), "review": ("reviews",)},
    "Operate": {
        "operations": (
            "sites",
            "deploy",
            "worker",
            "reconcile",
            "doctor",
            "audit",
            "revert",
            "db",
            "backup",
            "restore",
        )
    },
}
"""The commands by the section of the help, and by their folder in `cli/commands`."""

group = LazyGroup(
    name="flowbuilder",
    package="flowbuilder.cli.commands",
    sections=SECTIONS,
    help="Stored workflow definitions, run by Prefect, that wait for people.",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name (default: those of this process); returns the exit code."""
    return run_command(group, arguments)
