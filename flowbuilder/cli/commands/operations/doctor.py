"""`flowbuilder doctor`: check the set-up."""

from __future__ import annotations

import click

from flowbuilder.bootstrap import settings
from flowbuilder.cli.output.result import CommandResult, ResultCommand
from flowbuilder.diagnostics import count

_MARKS = {"ok": "ok     ", "warning": "warning", "problem": "problem"}


@click.command(cls=ResultCommand)
def command() -> CommandResult:
    """Check the set-up and show how to fix problems.

    Checks Python, packages, database, Prefect, worker, review app, sites and sandbox. Changes nothing. Exits with 1
    when a check finds a problem.
    """
    from flowbuilder.devstack.doctor import run_checks

    results = list(run_checks(settings()))
    lines = []
    for result in results:
        lines.append(f"{_MARKS[result.verdict]}  {result.name}: {result.message}")
        if result.remedy:
            lines.append(f"         = help: {result.remedy}")
    problems = [result for result in results if result.verdict == "problem"]
    warnings = [result for result in results if result.verdict == "warning"]
    found = [count(len(problems), "problem")] * bool(problems) + [count(len(warnings), "warning")] * bool(warnings)
    lines.append(", ".join(found) or "All checks passed")
    data = [
        {"name": result.name, "verdict": result.verdict, "said": result.message, "remedy": result.remedy}
        for result in results
    ]
    return CommandResult(data={"ok": not problems, "findings": data}, text="\n".join(lines), ok=not problems)
