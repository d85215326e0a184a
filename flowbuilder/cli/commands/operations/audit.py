"""`flowbuilder audit`: check the integrity of stored executions."""

from __future__ import annotations

import click

from flowbuilder.bootstrap import open_store
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.diagnostics import count


@click.command(cls=ResultCommand)
@click.argument("execution_ids", metavar="[ID]...", nargs=-1)
def command(execution_ids: tuple[str, ...]) -> CommandResult:
    """Check the integrity of stored executions.

    Checks all executions, or those given. Changes nothing.
    """
    from flowbuilder.audit import audit

    findings = audit(open_store(), execution_ids or None)
    what = count(len(execution_ids), "execution") if execution_ids else "all executions"
    text = "\n".join(f"error: {finding}" for finding in findings) or f"ok: checked {what}, no problems found"
    return CommandResult(data={"findings": [finding.record() for finding in findings]}, text=text, ok=not findings)
