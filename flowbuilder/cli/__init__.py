"""The command line: one module per command, imported when the command runs.

Exit codes: 0 done; 1 the answer is no (errors found, execution failed, decision refused); 2 wrong use or no connection.
"""

from __future__ import annotations

from collections.abc import Sequence

from flowbuilder.cli.entry_point import run_command
from flowbuilder.cli.groups import LazyGroup

SECTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "Get started": {"local": ("up", "demo")},
    "Write workflows": {"workflow": ("validate", "explain", "schema", "steps", "plan", "eval")},
    "Manage workflows": {"workflow": ("push", "publish", "archive", "workflows", "show", "diff")},
    "Run workflows": {"execution": ("run", "executions", "pause", "resume", "cancel"), "review": ("reviews",)},
    "Operate": {
        "operations": (
            "sites",
            "deploy",
            "worker",
            "reconcile",
            "connections",
            "mcp",
            "doctor",
            "audit",
            "revert",
            "db",
            "backup",
            "restore",
        )
    },
}
"""The commands by section of `--help`, then by folder of `cli/commands`."""

group = LazyGroup(
    name="flowbuilder",
    package="flowbuilder.cli.commands",
    sections=SECTIONS,
    help="Run stored workflow definitions on Prefect, with human reviews.",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (default: `sys.argv[1:]`) name; returns the exit code."""
    return run_command(group, arguments)
