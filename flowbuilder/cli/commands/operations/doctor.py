"""`flowbuilder doctor`: is this set-up well?"""

from __future__ import annotations

import click

from flowbuilder.bootstrap import settings
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.diagnostics import count

_MARKS = {"ok": "ok     ", "warning": "warning", "problem": "problem"}


@click.command(cls=ResultCommand)
def command() -> CommandResult:
    """Check Python, packages, database, Prefect, worker, review app, sites and sandbox; say what to do.

    Nothing is changed. Exit code 1 when something is a problem.
    """
    from flowbuilder.devstack.doctor.doctor import run_checks

    findings = list(run_checks(settings()))
    lines = []
    for finding in findings:
        lines.append(f"{_MARKS[finding.verdict]}  {finding.name}: {finding.said}")
        if finding.remedy:
            lines.append(f"         = help: {finding.remedy}")
    problems = [finding for finding in findings if finding.verdict == "problem"]
    warnings = [finding for finding in findings if finding.verdict == "warning"]
    found = [count(len(problems), "problem")] * bool(problems) + [count(len(warnings), "warning")] * bool(warnings)
    lines.append(", ".join(found) or "all is well")
    data = [
        {"name": finding.name, "verdict": finding.verdict, "said": finding.said, "remedy": finding.remedy}
        for finding in findings
    ]
    return CommandResult(data={"ok": not problems, "findings": data}, text="\n".join(lines), ok=not problems)
