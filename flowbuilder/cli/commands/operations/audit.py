"""`flowbuilder audit`: check that what the database remembers is sound."""

from __future__ import annotations

import click

from flowbuilder.bootstrap import open_store
from flowbuilder.cli.output.result import CommandResult, ResultCommand


@click.command(cls=ResultCommand)
@click.argument("execution_ids", metavar="[ID]...", nargs=-1)
def command(execution_ids: tuple[str, ...]) -> CommandResult:
    """Check that what is remembered is sound, of all executions or of those named; changes nothing."""
    from flowbuilder.audit import audit

    findings = audit(open_store(), execution_ids or None)
    what = f"{len(execution_ids)} executions" if execution_ids else "everything"
    text = "\n".join(f"error: {finding}" for finding in findings) or f"ok: {what} checked, nothing found"
    return CommandResult(data={"findings": [finding.record() for finding in findings]}, text=text, ok=not findings)
